//! Errors of steps.

use crate::cluster::BackendError;
use crate::forge::{AccountError, ForgeError};
use crate::monorepo::MonorepoError;
use crate::plan::EditError;
use crate::registry::RegistryError;
use crate::report::Failure;

/// A step could not be done. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("{}", crate::causes(.0))]
    Forge(#[from] ForgeError),
    #[error("{}", crate::causes(.0))]
    Account(#[from] AccountError),
    #[error("{0}")]
    Refused(String),
    #[error("{}", crate::causes(.0))]
    Monorepo(#[from] MonorepoError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Bootstrap(#[from] super::BootstrapError),
    #[error("{action}: {message}")]
    Api {
        /// What was tried.
        action: String,
        /// What the API server answered.
        message: String,
    },
    #[error("{message}")]
    Verb {
        /// What is wrong, fit after "failed to ".
        message: String,
    },
    #[error("run the verb: it {ended}\n{printed}")]
    Printed {
        /// How it ended.
        ended: String,
        /// What it printed.
        printed: String,
    },
    #[error("find {object} on {cluster}")]
    NoObject { object: String, cluster: String },
    #[error("see {object} reconciled on {cluster} within 5m: it has not answered")]
    NotHandled { object: String, cluster: String },
    #[error("find the commit {alias:?}: no step has given a commit this name")]
    NoAlias { alias: String },
    #[error("use the cluster {name:?}: it has not been started")]
    NoCluster { name: String },
}

impl StepError {
    pub(super) fn api(action: impl Into<String>, error: &kube::Error) -> StepError {
        StepError::Api { action: action.into(), message: crate::cluster::words(error) }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Failure {
        Failure { message: format!("failed to {error}"), ..Failure::default() }
    }
}
