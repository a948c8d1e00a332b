//! What can go wrong with the run's registry.

use std::path::PathBuf;

/// An operation on the registry failed. Every message fits after "failed to ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Not the name of an image or of a repository.
    #[error("read the image name {text:?}: {problem}")]
    BadReference {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The run does not map this repository.
    #[error("find the image repository {name}: the run's registry has {known}")]
    NoRepository {
        /// The repository.
        name: String,
        /// The repositories that it has, for the message.
        known: String,
    },
    /// The repository has no such tag.
    #[error("find the tag {tag:?} of the image repository {name}")]
    NoTag {
        /// The repository.
        name: String,
        /// The tag.
        tag: String,
    },
    /// A push needs a tag.
    #[error("push {text:?}: it names no tag")]
    NoTagGiven {
        /// The text.
        text: String,
    },
    /// The files of an artifact could not be packed.
    #[error("push {text:?}: the files of {} cannot be packed: {problem}", .folder.display())]
    Archive {
        /// The text.
        text: String,
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The repository has no image of this digest.
    #[error("find the digest {digest:?} in the image repository {name}")]
    NoDigest {
        /// The repository.
        name: String,
        /// The digest.
        digest: String,
    },
    /// The digest that an image is to have is that of another one.
    #[error("put {name}:{tag} under the digest {digest:?}: another image of the repository has it")]
    DigestTaken {
        /// The repository.
        name: String,
        /// The tag.
        tag: String,
        /// The digest.
        digest: String,
    },
    /// Not a time.
    #[error("read the time of creation {text:?}: it is written as 2024-05-01T12:00:00Z")]
    BadTime {
        /// The text.
        text: String,
    },
    /// Not a digest.
    #[error("read the digest {text:?}: it is sha256: and 64, or sha512: and 128 hexadecimal digits")]
    BadDigest {
        /// The text.
        text: String,
    },
    /// A push names the digest that the image must have; the registry computes it.
    #[error("push {text:?}: the digest of a pushed image follows from its content, so name a tag alone")]
    DigestGiven {
        /// The text.
        text: String,
    },
}
