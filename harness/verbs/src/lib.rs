//! flux's verbs over [`kube::Client`]: what they ask of a cluster, and what they print.
//!
//! Flags, lines and tables are those of flux 2.9. A verb is a module with its arguments (a clap structure) and a function
//! `run`, which takes an [`Env`], a [`Screen`] for what it prints and returns a [`VerbError`] for what ended it:
//! ```text
//! Global (flags) ── Session::open ──► Session (requests, namespace, timeout, clock) ── verb ──► Screen (lines, tables)
//! ```
//!
//! # Guarantees
//! - A flag that flux has and that is not supported is refused by name; none is ignored.
//! - The crate does not know who serves the cluster: what it asks it asks through the client.
//! - Values of secrets are sent, and never printed but by `--export` of what the user typed.
//!
//! # Differences from flux
//! Wrong usage ends with exit status 2, and a cluster that cannot be reached with 3; flux says 1 for both.

mod age;
mod api;
mod arguments;
pub mod bootstrap;
pub mod build;
pub mod check;
mod connect;
pub mod create;
pub mod diff;
mod disk;
mod elsewhere;
mod env;
mod error;
pub mod events;
pub mod flags;
pub mod get;
mod hidden;
mod kinds;
mod kustomization;
pub mod reconcile;
pub mod rest;
mod run;
mod screen;
pub mod seal;
mod session;
pub mod suspend;
mod table;
pub mod trace;
pub mod tree;
pub mod uninstall;
mod verb;
mod wait;

pub use api::{ApiError, Resource};
pub use arguments::{verb_first, words};
pub use disk::Disk;
pub use elsewhere::flux_only;
pub use env::Env;
pub use error::VerbError;
pub use flags::Global;
pub use hidden::{Hidden, secret_flag, without_secrets};
pub use run::block_on;
pub use screen::{Recorded, Screen};
pub use session::Session;
pub use table::Table;
pub use verb::{About, Verb};
