//! From a source to its artifact: [`host`] finds the repository, [`git`] reads a revision of it, [`ignore`] says what is
//! left out, [`copy`] composes artifacts of others, [`oci`] pulls artifacts of container registries.

pub(crate) mod copy;
pub(crate) mod git;
mod host;
pub(crate) mod ignore;
pub(crate) mod include;
pub(crate) mod oci;
pub(crate) mod push;
mod submodules;
mod values;
pub(crate) mod verify;

pub(crate) use git::Blobs;
pub use git::{FetchError, read_commit};
pub use host::{GitAccess, GitAuth, GitError, GitHosts, GitRemote, Secret};
pub use ignore::{DEFAULT_EXCLUDES, IgnoreRules};
pub use oci::{
    NoRegistries, OciAddress, OciAuth, OciChallenge, OciError, OciManifest, OciRegistries, OciTags,
    credentials as oci_credentials,
};
pub use push::{GitPush, GitPushError, RefUpdate, push_to};
pub use verify::{CommitKey, RingError};

/// `folder/name`, or `name` in the root.
fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
