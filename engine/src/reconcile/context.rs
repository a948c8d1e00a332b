//! What all reconcilers of an engine work with.

use crate::apply::Settled;
use crate::artifact::ArtifactStore;
use crate::cluster::{Cluster, ClusterError, ClusterHosts, Elsewhere};
use crate::driver::{DriverOptions, Next, Stopping, Wakes};
use crate::object::{self, ObjectRef};
use crate::reconcile::image::Scans;
use crate::reconcile::kustomization::Bundles;
use crate::source::{GitHosts, OciRegistries};
use crate::status::conditions::rfc3339;
use crate::status::{Events, Outbox};
use seatrial_api::FluxRelease;
use seatrial_api::meta::{FINALIZER, REQUESTED_AT};
use seatrial_render::Renderer;
use seatrial_time::{Clock, Signal, Stamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What all reconcilers of an engine work with.
pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) changes: Option<Signal>,
    pub(crate) git: Arc<dyn GitHosts>,
    pub(crate) registries: Arc<dyn OciRegistries>,
    pub(crate) clusters: Arc<dyn ClusterHosts>,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) artifacts: Arc<ArtifactStore>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) flux: FluxRelease,
    pub(crate) observer: SourceObserver,
    pub(crate) settled: Settled,
    pub(crate) bundles: Bundles,
    pub(crate) scans: Scans,
    pub(crate) wakes: Wakes,
    pub(crate) driver: DriverOptions,
    pub(crate) stopping: Stopping,
    /// Who writes events; none where requests take no time.
    pub(crate) outbox: Option<Outbox>,
}

/// How often a finalizer is taken off anew because the object has changed meanwhile.
const TRIES: usize = 3;

impl Context {
    /// Where the cluster stands now; empty where that is not known.
    pub(crate) fn cluster_stamps(&self) -> Vec<Stamp> {
        self.changes.iter().map(Signal::stamp).collect()
    }

    /// Whether the cluster is elsewhere: requests take time, and nobody tells of changes but watches.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.changes.is_none()
    }

    /// The events of a controller.
    pub(crate) fn events(&self, controller: &'static str) -> Events {
        Events::new(&self.clock, controller).beside(self.outbox.as_ref())
    }

    /// Wakes the users of a source whose status has been written, where they find it without a request; else the watch does.
    pub(crate) fn published(&self, source: &ObjectRef) {
        if let Some(source) = self.cluster.remembered(source) {
            self.observer.observe(&source);
        }
    }

    /// The time as it is written into objects.
    pub(crate) fn now(&self) -> String {
        rfc3339(self.clock.now())
    }

    /// Puts the finalizer on `object`.
    pub(crate) async fn add_finalizer(&self, object: &Value, manager: &str) -> Result<(), ClusterError> {
        let mut finalizers = object::finalizers(object);
        finalizers.push(FINALIZER.to_owned());
        self.set_finalizers(object, finalizers, manager).await
    }

    /// Takes the finalizer off `object`. One that has changed since it was read loses it all the same: what had to be done before is done.
    pub(crate) async fn remove_finalizer(&self, object: &Value, manager: &str) -> Result<(), ClusterError> {
        let others = |object: &Value| {
            let mut finalizers = object::finalizers(object);
            finalizers.retain(|finalizer| finalizer != FINALIZER);
            finalizers
        };
        let mut result = self.set_finalizers(object, others(object), manager).await;
        for _ in 0..TRIES {
            if !result.as_ref().is_err_and(|error| error.has_code(409)) {
                break;
            }
            let now = self.cluster.find(&ObjectRef::of(object)).await?;
            let now = now.filter(|now| now["metadata"]["uid"] == object["metadata"]["uid"]);
            let Some(now) = now.filter(|now| has_finalizer(now)) else { return Ok(()) };
            result = self.set_finalizers(&now, others(&now), manager).await;
        }
        result
    }

    async fn set_finalizers(
        &self,
        object: &Value,
        finalizers: Vec<String>,
        manager: &str,
    ) -> Result<(), ClusterError> {
        // With the version that was read, so that finalizers of others are not lost.
        let version = &object["metadata"]["resourceVersion"];
        let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": version } });
        match self.cluster.merge(&ObjectRef::of(object), "", patch, manager).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether `object` has the finalizer.
pub(crate) fn has_finalizer(object: &Value) -> bool {
    object::finalizers(object).iter().any(|finalizer| finalizer == FINALIZER)
}

/// What to do after a write that failed: a conflict means that the object has changed, so it is read again at once.
pub(crate) fn after_error(who: &ObjectRef, error: &ClusterError) -> Next {
    tracing::warn!(%who, %error, "a write failed");
    if error.has_code(409) { Next::Now } else { Next::Backoff(Vec::new()) }
}

/// The value of the annotation that asks for a reconcile.
pub(crate) fn requested_at(object: &Value) -> Option<String> {
    object::annotation(object, REQUESTED_AT).map(str::to_owned)
}

/// Wakes the users of sources whose artifact has changed.
pub(crate) struct SourceObserver {
    wakes: Wakes,
    seen: Mutex<BTreeMap<String, String>>,
}

impl SourceObserver {
    pub(crate) fn new(wakes: Wakes) -> SourceObserver {
        SourceObserver { wakes, seen: Mutex::default() }
    }

    /// Takes note of a source's state.
    pub(crate) fn observe(&self, source: &Value) {
        self.see(source, None);
    }

    /// As [`SourceObserver::observe`], for a user of the source that reads it: a watch that tells of the same state later wakes
    /// nobody any more, and so does not break off what `reader` has begun with it.
    pub(crate) fn read_by(&self, reader: &ObjectRef, source: &Value) {
        self.see(source, Some(reader));
    }

    fn see(&self, source: &Value, reader: Option<&ObjectRef>) {
        let artifact = &source["status"]["artifact"];
        let Some(revision) = artifact["revision"].as_str() else { return };
        let stands = format!("{revision} {}", artifact["digest"].as_str().unwrap_or_default());
        let who = ObjectRef::of(source).to_string();
        let old =
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(who.clone(), stands.clone());
        if old.as_deref() != Some(&stands) {
            self.wakes.wake_users(&who, Some(revision), reader);
        }
    }

    /// Forgets a source that is gone.
    pub(crate) fn forget(&self, who: &ObjectRef) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&who.to_string());
    }
}
