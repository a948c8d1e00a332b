//! Artifacts of container registries: [`address`] reads URLs, [`pull`] finds and reads an artifact, [`layer`] unpacks it,
//! [`credentials`] reads image pull secrets, [`registry`] is whom they ask, [`repeat`] asks again,
//! [`token`] takes tokens.

mod address;
mod credentials;
mod layer;
mod pull;
mod registry;
mod repeat;
mod token;

pub(crate) use address::address;
pub use credentials::credentials;
#[cfg(test)]
pub(crate) use layer::packed;
pub(crate) use layer::{LayerError, unpack};
pub(crate) use pull::{Found, PullError, pull, resolve};
pub(crate) use registry::all_tags;
pub use registry::{NoRegistries, OciAddress, OciAuth, OciError, OciManifest, OciRegistries, OciTags};
pub(crate) use repeat::Repeating;
pub(crate) use token::Authenticating;
pub use token::OciChallenge;
