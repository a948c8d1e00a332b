//! What clusters can be.

use std::fmt;
use std::str::FromStr;

/// What the clusters of a run are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Simulated, in process, in virtual time.
    #[default]
    Sim,
    /// A kube-apiserver and an etcd for each cluster, as processes; seatrial-workload in the place of controllers and nodes.
    Envtest,
    /// A k3s container for each cluster.
    K3s,
    /// Clusters that are there already, by the contexts of a kubeconfig file.
    Kubeconfig,
}

impl Backend {
    /// Whether scenarios run in virtual time, hence can be replayed.
    pub fn is_virtual(self) -> bool {
        self == Backend::Sim
    }
}

/// A backend cannot be used. Every message fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// There is no such backend.
    #[error("use the backend {name:?}: there is no such backend; use sim, envtest, k3s or kubeconfig")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// This machine, or this build, lacks what the backend needs.
    #[error("use the backend {backend}: {lack}; {remedy}")]
    Missing {
        /// The backend.
        backend: Backend,
        /// What is missing.
        lack: String,
        /// How to get it.
        remedy: String,
    },
    /// The settings of the backend are wrong, or do not allow what would be done.
    #[error("use the backend {backend}: {message}")]
    Settings {
        /// The backend.
        backend: Backend,
        /// What is wrong.
        message: String,
    },
    /// The backend does not have what the scenario asks for.
    #[error("{action} on {cluster}: {reason}")]
    Unsupported {
        /// What was to be done.
        action: String,
        /// The cluster.
        cluster: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A cluster did not start.
    #[error("start the cluster {cluster}: {message}")]
    Start {
        /// The cluster.
        cluster: String,
        /// What happened.
        message: String,
    },
    /// Something that a run started, or made, is still there.
    #[error("remove what the run made on {cluster}: {message}")]
    Leftover {
        /// The cluster.
        cluster: String,
        /// What is left, and why.
        message: String,
    },
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Sim => "sim",
            Backend::Envtest => "envtest",
            Backend::K3s => "k3s",
            Backend::Kubeconfig => "kubeconfig",
        })
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(text: &str) -> Result<Backend, BackendError> {
        [Backend::Sim, Backend::Envtest, Backend::K3s, Backend::Kubeconfig]
            .into_iter()
            .find(|backend| backend.to_string() == text)
            .ok_or_else(|| BackendError::Unknown { name: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::simulated("sim", true)]
    #[case::processes("envtest", true)]
    #[case::containers("k3s", true)]
    #[case::existing("kubeconfig", true)]
    #[case::unknown("minikube", false)]
    fn backends_are_known_by_name(#[case] name: &str, #[case] known: bool) {
        match name.parse::<Backend>() {
            Ok(backend) => assert!(known && backend.to_string() == name),
            Err(error) => {
                assert!(!known && error.to_string().contains("there is no such backend"), "{error}")
            }
        }
    }
}
