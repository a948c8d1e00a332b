//! Why a verb ended.

use crate::{ApiError, Screen};

/// What ended a verb: the message is flux's own line, without the sign in front.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    /// What was asked for failed, or does not hold: exit status 1.
    #[error("{0}")]
    Failed(String),
    /// What was compared differs: exit status 1, and no failure.
    #[error("{0}")]
    Differs(String),
    /// The arguments are wrong, or not supported: exit status 2.
    #[error("{0}")]
    Usage(String),
    /// There is no kubeconfig file, no such context, or no cluster that answers: exit status 3. The message says how to get
    /// one.
    #[error("{0}")]
    Missing(String),
    /// Part of what was asked for failed, and the screen says what: exit status 1.
    #[error("do all of it")]
    Told,
}

impl VerbError {
    /// Says on the screen what ended the verb, unless it says so already.
    pub fn tell(&self, screen: &mut Screen) {
        match self {
            VerbError::Told => {}
            VerbError::Differs(what) => screen.warning(what),
            other => screen.failure(other.to_string()),
        }
    }

    /// [`VerbError::Failed`], from anything that is text.
    pub fn failed(message: impl Into<String>) -> VerbError {
        VerbError::Failed(message.into())
    }

    /// [`VerbError::Usage`], from anything that is text.
    pub fn usage(message: impl Into<String>) -> VerbError {
        VerbError::Usage(message.into())
    }

    /// The refusal of a flag that flux has; `why` is a whole sentence without its full stop.
    pub fn unsupported(flag: &str, why: &str) -> VerbError {
        VerbError::Usage(format!("{flag} is not supported by seatrial: {why}"))
    }
}

impl From<ApiError> for VerbError {
    fn from(error: ApiError) -> VerbError {
        match error {
            ApiError::Unreachable { server, reason } => VerbError::Missing(format!(
                "no cluster answers at {server}: {reason}; start one with `seatrial up`, or choose another with --context \
                 or --kubeconfig"
            )),
            other => VerbError::Failed(other.to_string()),
        }
    }
}
