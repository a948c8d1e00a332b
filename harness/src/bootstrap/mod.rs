//! What `flux bootstrap` does, inside a run: the verb's own manifests and sequence
//! ([`seatrial_verbs::bootstrap`]), on the run's forge and clusters.

mod checkout;
mod following;
mod hosts;
mod sync;

pub use checkout::RepoCheckout;
pub use following::Following;
pub use hosts::ForgeHosts;
pub(crate) use hosts::known_hosts;
pub use seatrial_verbs::bootstrap::{Component, Components, InstallOptions, components};
pub use sync::Sync;

/// The namespace of Flux.
pub const NAMESPACE: &str = "flux-system";
/// The author of the commits.
pub const AUTHOR: (&str, &str) = ("Flux", "flux@localhost");

#[cfg(test)]
mod tests;
