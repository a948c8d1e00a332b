//! The clusters of a run, whatever they are.
//!
//! [`start`] starts a cluster of a [`Backend`]; the rest of the harness sees a [`Handle`]: clients, a signal of change, and
//! the history of changes. Today there is one backend, the simulated cluster; others are refused by name, with
//! what would be needed.

mod backend;
mod handle;
mod objects;
mod sim;

pub use backend::{Backend, BackendError};
pub use handle::{Handle, History, Past};
pub(crate) use objects::words;
pub use objects::{Objects, Resource};

use crate::plan::ClusterPlan;
use seatrial_time::Clock;
use seatrial_workload::ImageLookup;
use std::sync::Arc;

/// Starts a cluster with its nodes and workload controllers.
///
/// # Errors
/// [`BackendError`] where the backend lacks something.
pub async fn start(
    backend: Backend,
    clock: &Clock,
    plan: &ClusterPlan,
    images: Arc<dyn ImageLookup>,
) -> Result<Handle, BackendError> {
    match backend {
        Backend::Sim => Ok(sim::start(clock, plan, images).await),
    }
}
