//! Kustomization: what a source's content builds, in the cluster.
//!
//! # Flow
//! finalizer, suspension, expressions ([`checks`]), source, artifact, dependencies ([`depends`]), folder, build and
//! substitution, labels ([`input`]), staged apply, inventory, prune, health ([`bring`]); [`run`] holds it together, and
//! deletion has a flow of its own ([`finalize`]).

mod acting;
mod bring;
mod bundles;
mod checks;
mod depends;
mod finalize;
mod input;
mod run;
mod state;
mod stop;

pub(crate) use bundles::Bundles;

use super::context::{Context, after_error, has_finalizer, requested_at};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::status::Events;
use acting::Seen;
use run::Run;
use seatrial_api::FluxRelease;
use seatrial_time::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use stop::Ended;

const MANAGER: &str = "gotk-kustomize-controller";

/// Reconciles Kustomizations.
pub(crate) struct KustomizationReconciler {
    context: Arc<Context>,
    events: Events,
}

impl KustomizationReconciler {
    pub(crate) fn new(context: Arc<Context>) -> KustomizationReconciler {
        let events = context.events("kustomize-controller");
        KustomizationReconciler { context, events }
    }

    /// Notes the generation of one that is suspended, as the real controller does from 2.9 on.
    async fn observe(&self, who: &ObjectRef, object: &Value) -> Result<(), ClusterError> {
        let generation = object::generation(object);
        let known = object["status"]["observedGeneration"].as_i64();
        if self.context.flux >= FluxRelease::V2_9 && known.is_some_and(|known| known != generation) {
            let patch = json!({ "status": { "observedGeneration": generation } });
            self.context.cluster.merge(who, "/status", patch, MANAGER).await?;
        }
        Ok(())
    }

    /// Notes the request that led to an attempt of which nothing else is noted.
    async fn handled(&self, who: &ObjectRef, object: &Value) -> Result<(), ClusterError> {
        let asked = requested_at(object);
        if asked.is_some() && asked.as_deref() != object["status"]["lastHandledReconcileAt"].as_str() {
            let patch = json!({ "status": { "lastHandledReconcileAt": asked } });
            self.context.cluster.merge(who, "/status", patch, MANAGER).await?;
        }
        Ok(())
    }
}

impl Reconcile for KustomizationReconciler {
    async fn reconcile(&self, object: Value, wake: &Signal) -> Next {
        let who = ObjectRef::of(&object);
        let woken = wake.stamp();
        let mut stamps = self.context.cluster_stamps();
        let stored = self.context.artifacts.changes.stamp();
        if object::is_deleted(&object) {
            return match finalize::finalize(&self.context, &self.events, &object).await {
                Ok(()) => {
                    self.context.bundles.forget(&who);
                    Next::Woken
                }
                Err(finalize::FinalizeError::Write(error)) => after_error(&who, &error),
                Err(finalize::FinalizeError::Prune { retry }) => match self.handled(&who, &object).await {
                    Ok(()) => Next::Idle(retry, stamps),
                    Err(error) => after_error(&who, &error),
                },
            };
        }
        if !has_finalizer(&object) {
            return match self.context.add_finalizer(&object, MANAGER).await {
                Ok(()) => Next::Now,
                Err(error) => after_error(&who, &error),
            };
        }
        if object["spec"]["suspend"] == true {
            return match self.observe(&who, &object).await {
                Ok(()) => Next::Woken,
                Err(error) => after_error(&who, &error),
            };
        }
        let remotes = self.context.artifacts.remotes(self.context.git.clone());
        let mut run = Run::start(&self.context, &self.events, &object, (wake, &woken), &remotes);
        match run.finish().await {
            Ok(Ended::After(time)) => {
                stamps.extend(remotes.stamps());
                match &run.elsewhere {
                    Some(Seen::Unknown) => return Next::Idle(time, Vec::new()),
                    Some(Seen::Until(stamp)) => stamps.push(stamp.clone()),
                    None => {}
                }
                Next::Idle(time, stamps)
            }
            Ok(Ended::Missing(time)) => {
                stamps.push(stored);
                Next::Idle(time, stamps)
            }
            Ok(Ended::Again) => Next::Now,
            Ok(Ended::Stalled) => Next::Woken,
            Err(error) => after_error(&who, &error),
        }
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let spec = &object["spec"];
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let source = &spec["sourceRef"];
        let mut all = BTreeSet::from([reference(
            &text(&source["kind"]),
            source["namespace"].as_str().unwrap_or(namespace),
            &text(&source["name"]),
        )]);
        for from in spec["postBuild"]["substituteFrom"].as_array().into_iter().flatten() {
            all.insert(reference(&text(&from["kind"]), namespace, &text(&from["name"])));
        }
        let secrets = [&spec["decryption"]["secretRef"], &spec["kubeConfig"]["secretRef"]];
        let maps = [&spec["kubeConfig"]["configMapRef"]];
        let named = secrets.map(|it| ("Secret", it)).into_iter().chain(maps.map(|it| ("ConfigMap", it)));
        for (kind, it) in named.filter(|(_, it)| it.is_object()) {
            all.insert(reference(kind, namespace, &text(&it["name"])));
        }
        all
    }
}
