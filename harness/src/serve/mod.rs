//! Serves clusters, repositories and registry to people's own programs: kubectl, flux, git, docker.
//!
//! # Flow
//! [`serve_until_interrupted`] finds ports, fills forge and registry, starts the clusters on the wall clock, bootstraps them,
//! starts the servers, and then writes kubeconfig and ready file. A signal takes everything down again, in the other
//! direction, at any moment.
//!
//! # Guarantees
//! - Whoever has no credentials of the run gets 401 from every server, whatever is asked for; but with
//!   [`ForgeAccess::Checked`] public repositories may be read by anybody, as on GitHub.
//! - After the end there is no process, no file and no kubeconfig entry of the run.
//! - Secrets stand in files that only the owner reads; they are never printed.
//!
//! Only Unix: it needs signals and process groups.

mod api;
mod auth;
mod cgi;
mod error;
mod files;
mod git;
mod gzip;
mod http;
mod kubeconfig;
mod options;
mod ports;
mod process;
mod ready;
mod registry;
mod run;
mod screen;
mod setup;
#[cfg(feature = "ssh")]
mod ssh;
mod subject;
mod tls;
mod up;
mod webhooks;

pub use error::UpError;
pub use kubeconfig::{KubeconfigError, KubeconfigTarget};
pub use options::{ForgeAccess, UpOptions, UpSource};
pub use process::GitProgramError;
pub use ready::{Ready, ReadyCluster, ReadyError, ReadyForge, ReadyRegistry};
pub use run::serve_until_interrupted;
pub use tls::TlsError;
pub use up::Up;
