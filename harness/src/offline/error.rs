//! What can go wrong with reading a repository.

/// The repository could not be read. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// It is none, or has no such clusters.
    #[error(transparent)]
    Repository(#[from] crate::trial::TrialError),
    /// Its files could not be copied.
    #[error(transparent)]
    Forge(#[from] crate::forge::ForgeError),
    /// Its files could not be read from the copy.
    #[error("read the files of the branch {branch}")]
    Files {
        /// The branch.
        branch: String,
        /// Why.
        source: seatrial_engine::source::FetchError,
    },
    /// A folder could not be made.
    #[error("make a folder for the check")]
    Folder(#[source] std::io::Error),
}
