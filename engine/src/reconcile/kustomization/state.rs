//! The status of a Kustomization while it is reconciled.

use super::MANAGER;
use crate::cluster::{Cluster, ClusterError};
use crate::object;
use crate::reconcile::context::{Context, requested_at};
use crate::status::StatusPatch;
use crate::status::conditions::{Conditions, Status};
use futures::future::{Either, join, select};
use seatrial_api::kustomization::KustomizationStatus;
use seatrial_api::meta::condition::{READY, RECONCILING, STALLED};
use serde_json::Value;
use std::pin::pin;
use std::time::Duration;

/// The status as it is to be, and as it was last written.
pub(super) struct State {
    pub(super) status: KustomizationStatus,
    pub(super) conditions: Conditions,
    patch: StatusPatch,
    generation: i64,
    /// Nothing has to be said before something is found to do: this has been tried before, in the same state.
    quiet: bool,
    /// Progress is noted that has not been written.
    untold: bool,
}

/// How long work goes on before its progress is written, where a write takes time.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress that is written if the work takes long.
pub(super) struct Late {
    status: KustomizationStatus,
    patch: StatusPatch,
}

impl Late {
    /// Does `work`, and meanwhile writes the progress, if there is any to be told.
    pub(super) async fn beside<T>(
        late: Option<Late>,
        context: &Context,
        work: impl Future<Output = T>,
    ) -> (T, Option<Late>) {
        let Some(mut late) = late else { return (work.await, None) };
        let mut work = pin!(work);
        let patience = pin!(context.clock.sleep(PATIENCE));
        if let Either::Left((done, _)) = select(work.as_mut(), patience).await {
            return (done, None);
        }
        // It is waited for: a write that is given up may reach the server after the next one.
        let (done, written) = join(work, late.patch.write(&context.cluster, &late.status)).await;
        match written {
            Ok(()) => (done, Some(late)),
            // The next write says the same, and tells of the failure if it goes on.
            Err(error) => {
                tracing::debug!(%error, "writing progress failed");
                (done, None)
            }
        }
    }
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
        let patch = StatusPatch::of(object, MANAGER);
        State { status, conditions, patch, generation, quiet: !is_asked, untold: false }
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

    /// Takes note of progress that the next write tells of, unless it is over by then.
    pub(super) fn passing(&mut self, context: &Context, message: &str) {
        if !self.quiet {
            self.conditions.set_now(context.now());
            self.conditions.progressing(message);
        }
    }

    /// Tells of the progress that is noted: at once, or, where a write takes time, when the work has taken long ([`State::late`]).
    pub(super) async fn tell(&mut self, context: &Context) -> Result<(), ClusterError> {
        if self.quiet {
            return Ok(());
        }
        self.untold = context.is_elsewhere();
        if self.untold { Ok(()) } else { self.write(&context.cluster).await }
    }

    /// What is to be told when the work that begins has taken long.
    pub(super) fn late(&self) -> Option<Late> {
        self.untold.then(|| Late { status: self.whole(), patch: self.patch.clone() })
    }

    /// Takes note of what was told meanwhile.
    pub(super) fn told(&mut self, late: Option<Late>) {
        if let Some(Late { patch, .. }) = late {
            self.patch = patch;
            self.untold = false;
        }
    }

    fn whole(&self) -> KustomizationStatus {
        KustomizationStatus { conditions: self.conditions.clone().into_list(), ..self.status.clone() }
    }

    /// Writes what has changed.
    async fn write(&mut self, cluster: &Cluster) -> Result<(), ClusterError> {
        self.untold = false;
        let status = self.whole();
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
