//! Why a request failed.

use serde_json::Value;

/// A request that failed. The message is the server's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClusterError {
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Reason, such as `NotFound`; may be empty.
        reason: String,
        /// Message.
        message: String,
    },
    /// The server does not know the kind.
    #[error("no matches for kind {kind:?} in version {api_version:?}")]
    NoMatch {
        /// Kind.
        kind: String,
        /// API version.
        api_version: String,
    },
    /// The kind is namespaced and the object says no namespace.
    #[error("the server could not find the requested resource")]
    NoNamespace,
    /// The request did not reach the server, or the answer was not understood.
    #[error("{0}")]
    Transport(String),
}

impl ClusterError {
    /// Whether what was asked for does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, ClusterError::Refused { code: 404, .. })
    }

    /// Whether the server refused with this status.
    pub(crate) fn has_code(&self, expected: u16) -> bool {
        matches!(self, ClusterError::Refused { code, .. } if *code == expected)
    }

    /// The server's reason in brackets and with a space in front, or nothing.
    pub(crate) fn reason_suffix(&self) -> String {
        match self {
            ClusterError::Refused { reason, .. } if !reason.is_empty() => format!(" ({reason})"),
            _ => String::new(),
        }
    }

    /// From a `Status` object.
    pub(crate) fn from_status(status: &Value) -> ClusterError {
        ClusterError::Refused {
            code: status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500),
            reason: status["reason"].as_str().unwrap_or_default().to_owned(),
            message: status["message"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => ClusterError::Refused {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            other => ClusterError::Transport(other.to_string()),
        }
    }
}
