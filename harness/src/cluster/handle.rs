//! A running cluster, as the rest of the harness sees it.

use super::Objects;
use jiff::Timestamp;
use seatrial_api::FluxRelease;
use seatrial_engine::Engine;
use seatrial_time::Signal;
use seatrial_workload::Workloads;
use serde_json::Value;
use std::ops::ControlFlow;

/// A running cluster. It ends when it is dropped.
pub struct Handle {
    /// Its name.
    pub name: String,
    /// The Flux release that `bootstrap` installs.
    pub flux: FluxRelease,
    /// Its objects, as an administrator.
    pub objects: Objects,
    /// A client with the identity of Flux's controllers.
    pub flux_client: kube::Client,
    /// Moves with each change.
    pub changes: Signal,
    /// Everything that has happened.
    pub history: Box<dyn History>,
    /// Its workload controllers.
    pub workloads: Workloads,
    /// The reconciliation engine, once Flux has been installed.
    pub engine: Option<Engine>,
    /// The API server itself, where it is a simulated one: what can be served to others.
    pub simulated: Option<seatrial_sim::Cluster>,
}

/// The history of a cluster: every change of every object, in order.
pub trait History {
    /// Where the history ends now.
    fn end(&self) -> u64;

    /// Shows the changes after a position, until `visit` breaks off.
    fn since(&self, position: u64, visit: &mut dyn FnMut(&Past<'_>) -> ControlFlow<()>);
}

/// An object as it once was.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Where the history ended with this change.
    pub position: u64,
    /// When it came to be so.
    pub time: Timestamp,
    /// The object, in the version that the cluster stores; its last state where it was deleted.
    pub object: &'a Value,
    /// Whether it was deleted.
    pub deleted: bool,
}
