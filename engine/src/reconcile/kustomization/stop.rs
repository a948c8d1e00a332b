//! How a reconcile ends.

use crate::cluster::ClusterError;
use std::time::Duration;

/// When to look again at what is not there yet.
pub(super) const REQUEUE: Duration = Duration::from_secs(30);

/// How a reconcile ended.
pub(super) enum Ended {
    /// The next is due after this time.
    After(Duration),
    /// The next is due after this time, or later, when there is something new in storage.
    Missing(Duration),
    /// The next is due at once.
    Again,
    /// Only a change of the object helps.
    Stalled,
}

/// Why a reconcile did not get to its end.
pub(super) enum Stop {
    /// A failure that is told and tried again.
    Failed { reason: &'static str, message: String, event: Option<String>, retry: Option<Duration> },
    /// A failure that only a change of the object ends.
    Stalled { reason: &'static str, message: String },
    /// Something new is to be reconciled.
    Canceled { message: String },
    /// The artifact is not in storage. Without a message what was brought about before stands, and nothing is said.
    Missing { message: Option<String>, retry: Duration },
    /// The status could not be written.
    Write(ClusterError),
}

impl From<ClusterError> for Stop {
    fn from(error: ClusterError) -> Self {
        Stop::Write(error)
    }
}

pub(super) fn failed(reason: &'static str, error: impl ToString) -> Stop {
    let message = error.to_string();
    Stop::Failed { reason, event: Some(message.clone()), message, retry: None }
}
