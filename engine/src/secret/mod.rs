//! Secrets that are encrypted in Git: SOPS files, opened with age keys (feature `sops`), and sealed secrets.
//!
//! - [`age`]: the format of age, for X25519 keys.
//! - [`sops`]: encrypted values in trees, in the file formats of SOPS.
//! - [`sealed`]: the controller of sealed secrets.
//! - [`Decryptor`]: what kustomize-controller does with them: the sources of generators before a build, objects after it.

#[cfg(feature = "sops")]
mod age;
mod base64;
#[cfg(feature = "sops")]
mod decryptor;
#[cfg(not(feature = "sops"))]
mod none;
pub mod sealed;
#[cfg(feature = "sops")]
mod sops;
#[cfg(all(test, feature = "sops"))]
mod tests;

#[cfg(feature = "sops")]
pub(crate) use decryptor::{DecryptError, Decryptor};
#[cfg(not(feature = "sops"))]
pub(crate) use none::{DecryptError, Decryptor};

pub(crate) use base64::decode_base64;
