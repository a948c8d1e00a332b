//! What clusters can be.

use std::fmt;
use std::str::FromStr;

/// What the clusters of a run are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// Simulated, in process, in virtual time.
    #[default]
    Sim,
}

/// A backend cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// It is known, but not there yet.
    #[error(
        "use the backend {name}: this version of Seatrial does not have it ({needs}); use `--backend sim`"
    )]
    NotYet {
        /// Its name.
        name: String,
        /// What it is.
        needs: &'static str,
    },
    /// There is no such backend.
    #[error("use the backend {name:?}: there is no such backend; use `--backend sim`")]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Backend::Sim => f.write_str("sim"),
        }
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(text: &str) -> Result<Backend, BackendError> {
        let not_yet = |needs| Err(BackendError::NotYet { name: text.to_owned(), needs });
        match text {
            "sim" => Ok(Backend::Sim),
            "k3s" => not_yet("k3s in containers"),
            "envtest" => not_yet("a real kube-apiserver and etcd"),
            "kubeconfig" => not_yet("clusters that are there already"),
            _ => Err(BackendError::Unknown { name: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::simulated("sim", "")]
    #[case::not_yet("k3s", "does not have it (k3s in containers)")]
    #[case::unknown("minikube", "there is no such backend")]
    fn backends_that_cannot_be_used_are_named(#[case] name: &str, #[case] message: &str) {
        match name.parse::<Backend>() {
            Ok(backend) => assert_eq!(backend.to_string(), name),
            Err(error) => assert!(!message.is_empty() && error.to_string().contains(message), "{error}"),
        }
    }
}
