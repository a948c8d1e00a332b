//! Artifacts of container registries: [`address`] reads URLs, [`pull`] finds and reads an artifact, [`layer`] unpacks it,
//! [`credentials`] reads image pull secrets, [`registry`] is whom they ask.

mod address;
mod credentials;
mod layer;
mod pull;
mod registry;

pub(crate) use address::address;
pub(crate) use credentials::credentials;
#[cfg(test)]
pub(crate) use layer::packed;
pub(crate) use layer::{LayerError, unpack};
pub(crate) use pull::{Found, PullError, pull, resolve};
pub use registry::{NoRegistries, OciAddress, OciAuth, OciError, OciManifest, OciRegistries};
