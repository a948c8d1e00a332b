//! The clusters of a run, whatever they are.
//!
//! [`start`] starts a cluster of a [`Backend`]; the rest of the harness sees a [`Handle`]: clients, a signal of change, and
//! the history of changes. What a backend lacks on this machine, [`preflight`] says before anything is started.

mod backend;
mod envtest;
mod guard;
mod handle;
mod k3s;
mod keep;
mod known;
mod kubeconfig;
mod objects;
mod options;
mod remote;
mod sim;
mod watch_log;

pub use backend::{Backend, BackendError};
pub use handle::{Handle, History, Mark, Past};
pub(crate) use keep::Keep;
pub use known::KnownClusters;
pub(crate) use objects::words;
pub use objects::{Objects, Resource};
pub use options::{BackendOptions, Pods};
pub use sim::simulated;

/// Why what profiles say cannot be had.
const REAL_PODS: &str = "its pods run on real nodes; `--pods simulated` has them simulated";

use crate::plan::ClusterPlan;
use crate::sealed::SealingKeys;
use seatrial_time::Clock;
use seatrial_workload::ImageLookup;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// A cluster that is wanted.
pub struct Wanted<'a> {
    /// The clock.
    pub clock: &'a Clock,
    /// The settings of the backend.
    pub options: &'a BackendOptions,
    /// The cluster of the scenario.
    pub plan: &'a ClusterPlan,
    /// Which images there are.
    pub images: Arc<dyn ImageLookup>,
    /// Where the sealing keys of the run come from.
    pub keys: &'a SealingKeys,
    /// A folder of the run, which is removed at its end.
    pub folder: &'a Path,
    /// What goes on although nobody waits for it any more.
    pub pending: &'a Pending,
}

/// Work that has to come to its end before the run may end: something is being made that must be removed.
#[derive(Debug, Default)]
pub struct Pending(Mutex<Vec<oneshot::Receiver<()>>>);

impl Pending {
    /// A piece of such work begins; it ends when what is returned is dropped.
    #[cfg(feature = "k3s")]
    pub(crate) fn begin(&self) -> oneshot::Sender<()> {
        let (ended, wait) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
        ended
    }

    /// Returns when all of it has ended.
    pub(crate) async fn ended(&self) {
        let waits = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        futures::future::join_all(waits).await;
    }
}

/// Makes clusters of one kind.
trait ClusterProvider {
    /// Starts a cluster, and returns when it can be used. Where the future is dropped, what it has started ends.
    async fn start(&self, wanted: &Wanted<'_>) -> Result<Handle, BackendError>;
}

/// Starts a cluster with its nodes and workload controllers.
///
/// # Errors
/// [`BackendError`] where the backend lacks something, or the cluster does not start.
pub async fn start(backend: Backend, wanted: &Wanted<'_>) -> Result<Handle, BackendError> {
    match backend {
        Backend::Sim => sim::Sim.start(wanted).await,
        Backend::Envtest => envtest::Envtest.start(wanted).await,
        Backend::K3s => k3s::K3s.start(wanted).await,
        Backend::Kubeconfig => kubeconfig::Existing.start(wanted).await,
    }
}

/// Removes what runs in this folder have left: nothing, unless something went wrong before.
///
/// # Errors
/// Where that cannot be found out.
pub(crate) async fn sweep(backend: Backend, folder: &Path) -> Result<(), BackendError> {
    match backend {
        Backend::K3s => k3s::sweep(folder).await,
        Backend::Sim | Backend::Envtest | Backend::Kubeconfig => Ok(()),
    }
}

/// Says what a backend lacks for clusters of these names, before anything is started.
///
/// # Errors
/// [`BackendError::Missing`] where this machine or this build lacks something, [`BackendError::Settings`] where the settings
/// are wrong.
pub fn preflight(
    backend: Backend,
    options: &BackendOptions,
    clusters: &BTreeSet<String>,
) -> Result<(), BackendError> {
    match backend {
        Backend::Sim => Ok(()),
        Backend::Envtest => envtest::preflight(options),
        Backend::K3s => k3s::preflight(options),
        Backend::Kubeconfig => kubeconfig::preflight(options, clusters),
    }
}
