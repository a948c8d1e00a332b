//! A k3s container for each cluster. Without the feature `k3s` the backend is refused, and says how to build it in.

#[cfg(not(feature = "k3s"))]
mod absent;
#[cfg(feature = "k3s")]
mod container;
#[cfg(feature = "k3s")]
mod docker;

#[cfg(not(feature = "k3s"))]
pub(super) use absent::{K3s, preflight, sweep};
#[cfg(feature = "k3s")]
pub(crate) use container::Container;
#[cfg(feature = "k3s")]
pub(super) use container::K3s;
#[cfg(feature = "k3s")]
pub(super) use docker::{preflight, sweep};
