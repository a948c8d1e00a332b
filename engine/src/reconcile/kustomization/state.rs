//! The status of a Kustomization while it is reconciled.

use super::MANAGER;
use crate::cluster::{Cluster, ClusterError};
use crate::object;
use crate::reconcile::context::{Context, requested_at};
use crate::status::StatusPatch;
use crate::status::conditions::{Conditions, Status};
use seatrial_api::kustomization::KustomizationStatus;
use seatrial_api::meta::condition::{READY, RECONCILING, STALLED};
use serde_json::Value;

/// The status as it is to be, and as it was last written.
pub(super) struct State {
    pub(super) status: KustomizationStatus,
    pub(super) conditions: Conditions,
    patch: StatusPatch,
    generation: i64,
    /// Nothing has to be said before something is found to do: this has been tried before, in the same state.
    quiet: bool,
}

impl State {
    pub(super) fn of(object: &Value, context: &Context) -> State {
        let mut status: KustomizationStatus =
            serde_json::from_value(object["status"].clone()).unwrap_or_default();
        let generation = object::generation(object);
        let list = std::mem::take(&mut status.conditions);
        let conditions = Conditions::new(list, generation, context.now());
        let asked = requested_at(object);
        let is_asked = asked.is_some() && asked != status.last_handled_reconcile_at;
        if asked.is_some() {
            status.last_handled_reconcile_at = asked;
        }
        State { status, conditions, patch: StatusPatch::of(object, MANAGER), generation, quiet: !is_asked }
    }

    /// Says which revision is tried: what was tried before, to the end, is tried again without a word.
    pub(super) fn attempts(&mut self, revision: &str) {
        let ended = self.conditions.get(READY).is_some_and(|ready| {
            ready.status != "Unknown"
                && ready.reason != "HealthCheckCanceled"
                && ready.observed_generation == Some(self.generation)
        });
        self.quiet = self.quiet && ended && self.status.last_attempted_revision.as_deref() == Some(revision);
    }

    /// From here on, progress is told.
    pub(super) fn speak(&mut self) {
        self.quiet = false;
    }

    /// Whether progress is told.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells of progress.
    pub(super) async fn progress(
        &mut self,
        context: &Context,
        cluster: &Cluster,
        message: &str,
    ) -> Result<(), ClusterError> {
        if self.quiet {
            return Ok(());
        }
        self.passing(context, message);
        self.write(cluster).await
    }

    /// Takes note of progress that the next write tells of, unless it is over by then.
    pub(super) fn passing(&mut self, context: &Context, message: &str) {
        if !self.quiet {
            self.conditions.set_now(context.now());
            self.conditions.progressing(message);
        }
    }

    /// Writes what has changed.
    pub(super) async fn write(&mut self, cluster: &Cluster) -> Result<(), ClusterError> {
        let mut status = self.status.clone();
        status.conditions = self.conditions.clone().into_list();
        self.patch.write(cluster, &status).await
    }

    /// Ends the reconcile: the generation counts as observed when the object is ready or stalled.
    pub(super) async fn end(&mut self, cluster: &Cluster) -> Result<(), ClusterError> {
        if self.conditions.is(READY, Status::True) || self.conditions.is(STALLED, Status::True) {
            self.status.observed_generation = Some(self.generation);
        }
        if self.conditions.is(READY, Status::True) {
            self.conditions.remove(RECONCILING);
        }
        self.write(cluster).await
    }
}
