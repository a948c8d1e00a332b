//! From a source to its artifact: [`host`] finds the repository, [`git`] reads a revision of it, [`ignore`] says what is
//! left out, [`copy`] composes artifacts of others.

pub(crate) mod copy;
pub(crate) mod git;
mod host;
mod ignore;
pub(crate) mod include;
mod semver;

pub(crate) use git::Blobs;
pub use git::{FetchError, read_commit};
pub use host::{GitAuth, GitError, GitHosts, GitRemote, Secret};
pub use ignore::{DEFAULT_EXCLUDES, IgnoreRules};
