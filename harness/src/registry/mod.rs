//! The image registry of a run: repositories, tags and generated minimal images.
//!
//! # What it is for
//! The fake kubelet asks it whether an image can be pulled ([`Images`]), scenario steps push to it, the engine pulls
//! artifacts from it ([`seatrial_engine::OciRegistries`]), and image scans list its tags. Content is kept as a registry keeps it (blobs and manifests by digest, tags that
//! point at manifests), so that an HTTP front can serve the same store to real clients.
//!
//! # Guarantees
//! - Only repositories that the run maps are checked for existence; any other image pulls, unless the cluster says
//!   [`UnknownImages::Missing`].
//! - Digests of generated images depend on the name of the repository, the tag and the [`Build`] alone.
//! - Repositories that a token service guards take its tokens alone, and it takes the credentials.
//! - A [`Rule`] holds for everybody: for Flux in process, for nodes that pull, for clients over HTTP.

mod artifact;
mod content;
mod error;
mod image;
mod lookup;
mod reference;
mod rules;
mod seed;
mod store;
mod tokens;
mod words;

pub use content::Blob;
pub use error::RegistryError;
pub use image::{Build, Digest, Manifest};
pub use lookup::{Images, UnknownImages};
pub use reference::{ImageRef, RepositoryName};
pub use rules::{Fault, Rule};
#[cfg(feature = "serve")]
pub(crate) use rules::{RATE_LIMIT, Refused, unauthorized};
pub use store::Registry;
#[cfg(feature = "serve")]
pub(crate) use tokens::{Asker, Scope, TokenFault, Way};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod token_tests;
