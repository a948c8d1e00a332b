//! Why nothing can be served.

use super::{GitProgramError, KubeconfigError, ReadyError, TlsError};
use crate::forge::{AccountError, ForgeError};
use crate::registry::RegistryError;
use crate::run::BootstrapError;
use crate::trial::TrialError;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Nothing can be served. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpError {
    /// Git is missing.
    #[error(transparent)]
    Git(#[from] GitProgramError),
    /// A port cannot be had.
    #[error(
        "listen on {address} for {what}: {source}; choose another --port-base, or leave it out for free ports"
    )]
    Port {
        /// The address.
        address: SocketAddr,
        /// What was to be served there.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// There are not so many ports.
    #[error("use the ports from {base} on: {count} are needed, and the last port is 65535")]
    Ports {
        /// The first port.
        base: u16,
        /// How many are needed.
        count: usize,
    },
    /// A cluster's name is not usable.
    #[error(
        "use the cluster name {name:?}: a name is made of lower-case letters, digits and '-', at most 63"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The scenario has no such cluster.
    #[error("start the cluster {name}: the scenario has {}", known.join(", "))]
    NoCluster {
        /// The name that was given.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// The repository cannot be served.
    #[error(transparent)]
    Repository(#[from] TrialError),
    /// A repository of the scenario cannot be served.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Accounts of the forge cannot be made.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// The scenario's images cannot be had.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A cluster cannot be served: it is no simulated one.
    #[error("serve the cluster {name}: it is not a simulated one, and has an API server of its own")]
    NotSimulated {
        /// The cluster.
        name: String,
    },
    /// A cluster could not be bootstrapped.
    #[error("bootstrap {cluster}: {source}")]
    Bootstrap {
        /// The cluster.
        cluster: String,
        /// Why.
        source: BootstrapError,
    },
    /// The run's certificates could not be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gives no random numbers for secrets.
    #[error("make secrets: the system has no randomness")]
    Randomness,
    /// Requests to webhooks cannot be sent.
    #[error("send requests to webhooks: {0}")]
    Webhooks(String),
    /// The kubeconfig could not be written.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// The ready file could not be written.
    #[error(transparent)]
    Ready(#[from] ReadyError),
    /// A file of the run's folder could not be written.
    #[error("write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The runtime, its signals, or the run's folder.
    #[error("{action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}
