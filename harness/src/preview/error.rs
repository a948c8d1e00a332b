//! Why there is no preview.

use crate::forge::ForgeError;
use crate::trial::TrialError;
use seatrial_time::Stuck;
use std::path::PathBuf;

/// A preview could not be made. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// It is a folder, and no Git repository: there is only one state of it.
    #[error(
        "compare two revisions of {}: it is no Git repository; `seatrial try` plays a folder as it is",
        path.display()
    )]
    NotARepository {
        /// The path that was given.
        path: PathBuf,
    },
    /// The Git repository could not be read.
    #[error("read the repository {}", path.display())]
    Git {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        source: git2::Error,
    },
    /// A revision that was asked for does not exist.
    #[error("find the revision {revision:?} in {}{hint}", path.display())]
    NoRevision {
        /// The revision.
        revision: String,
        /// The path that was given.
        path: PathBuf,
        /// Where it may be.
        hint: &'static str,
    },
    /// There is nothing before the head.
    #[error("find what to compare the head of {} with: {hint}", path.display())]
    NoBase {
        /// The path that was given.
        path: PathBuf,
        /// Why, and what to do.
        hint: String,
    },
    /// The clusters could not be played.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// Files could not be read or written.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// An API server gave an error where none can be.
    #[error("ask the cluster for its objects")]
    Api(#[from] kube::Error),
    /// The result could not be written as JSON.
    #[error("write the preview as JSON")]
    Json(#[from] serde_json::Error),
    /// The simulation could not go on.
    #[error(transparent)]
    Stuck(#[from] Stuck),
}
