//! From an artifact's files to objects. Pure, but for reading the variables of [`post_build`].

mod build;
pub mod envsubst;
pub(crate) mod glob;
pub(crate) mod post_build;
mod remotes;

pub use build::{BuildError, build};
pub(crate) use build::{build_decrypted, build_files, folder};
pub use remotes::ServedRemotes;
