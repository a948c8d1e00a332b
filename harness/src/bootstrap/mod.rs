//! What `flux bootstrap` puts into a repository and onto a cluster: component manifests and sync manifests.
//!
//! Pure: [`components()`] and [`Sync`] make objects and files; who commits and applies them is another matter
//! (see [`crate::run`]).

mod components;
mod sync;

pub use components::{Components, Controller, components, controllers};
pub use sync::Sync;

/// The namespace of Flux.
pub const NAMESPACE: &str = "flux-system";
/// The author of the commits.
pub const AUTHOR: (&str, &str) = ("Flux", "flux@localhost");
/// The field manager under which the manifests are applied.
pub const MANAGER: &str = "flux";

/// The message of the first commit.
pub fn components_message(flux: seatrial_api::FluxRelease) -> String {
    format!("Add Flux v{} component manifests", flux.full())
}

/// The message of the second commit.
pub const SYNC_MESSAGE: &str = "Add Flux sync manifests";

#[cfg(test)]
mod tests;
