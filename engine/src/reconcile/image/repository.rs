//! ImageRepository: the tags of a repository, looked up every so often.

use super::spec::RepositorySpec;
use super::{Failure, access, before, keep_time, put, status_of};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::reconcile::context::{Context, after_error, requested_at};
use crate::source::oci;
use crate::status::conditions::{Conditions, Status};
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::FluxRelease;
use seatrial_api::meta::condition::{READY, RECONCILING};
use seatrial_image::{Repository, tags};
use seatrial_time::{Signal, Stamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who writes the statuses.
pub(super) const MANAGER: &str = "image-reflector-controller";

/// Reconciles ImageRepositories.
pub(crate) struct RepositoryReconciler {
    context: Arc<Context>,
    events: Events,
    /// The pull secrets that the last reconcile found, by object: what else an object refers to.
    secrets: Mutex<BTreeMap<String, Vec<String>>>,
}

/// What a reconcile found.
enum Found {
    /// Tags, now in the status: whether others than it had, and whether the policies have to look at them.
    Tags { new: bool, wakes: bool },
    /// That it is not time to look: in so long it will be.
    NotYet(Duration),
}

impl RepositoryReconciler {
    pub(crate) fn new(context: Arc<Context>) -> RepositoryReconciler {
        let events = context.events(MANAGER);
        RepositoryReconciler { context, events, secrets: Mutex::default() }
    }

    async fn run(&self, object: &Value) -> Result<Next, ClusterError> {
        let context = &self.context;
        let (mut status, mut conditions) = status_of(context, object);
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut stamps = context.cluster_stamps();
        let spec = serde_json::from_value::<RepositorySpec>(object["spec"].clone());
        let (result, interval) = match &spec {
            Ok(spec) => (self.scan(object, spec, &mut status, &mut stamps).await, spec.interval.to_std()),
            Err(error) => (Err(Failure::stalled("InvalidSpec", error.to_string())), Duration::ZERO),
        };
        put(&mut status, "lastHandledReconcileAt", requested_at(object).map(Value::from));
        let mut event = None;
        let (next, wakes) = match result {
            Ok(Found::NotYet(left)) => {
                // What waits for a new generation, as flux does, looks at the generation of the condition.
                conditions.ready("Succeeded", &scanned(context.flux, &status));
                put(&mut status, "observedGeneration", Some(object::generation(object).into()));
                (Next::Idle(left, stamps), false)
            }
            Ok(Found::Tags { new, wakes }) => {
                let message = scanned(context.flux, &status);
                if new || !conditions.is(READY, Status::True) {
                    event = Some((Severity::Info, "Succeeded", message.clone()));
                }
                conditions.ready("Succeeded", &message);
                put(&mut status, "observedGeneration", Some(object::generation(object).into()));
                (Next::Idle(interval, stamps), wakes)
            }
            Err(failure) => {
                let next = fail(&mut conditions, &failure, stamps);
                if failure.stalled {
                    put(&mut status, "observedGeneration", Some(object::generation(object).into()));
                }
                event = Some((Severity::Error, failure.reason, failure.message));
                (next, false)
            }
        };
        status["conditions"] = serde_json::to_value(conditions.into_list()).unwrap_or_default();
        keep_time(object, &mut status, "/lastScanResult/scanTime");
        patch.write(&context.cluster, &status).await?;
        if let Some((severity, reason, message)) = event {
            self.events.write(&context.cluster, object, severity, reason, &message, &[]).await;
        }
        if wakes {
            context.wakes.wake_users(&ObjectRef::of(object).to_string(), None, None);
        }
        Ok(next)
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn scan(
        &self,
        object: &Value,
        spec: &RepositorySpec,
        status: &mut Value,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Found, Failure> {
        let context = &self.context;
        let registries = &*context.registries;
        stamps.extend(registries.changes().iter().map(Signal::stamp));
        let who = ObjectRef::of(object);
        let secrets = access::pull_secrets(context, &who.namespace, spec).await?;
        self.secrets().insert(who.to_string(), secrets.clone());
        let at = access::address(context, &who.namespace, spec, &secrets).await?;
        let canonical = Repository { registry: at.host.clone(), path: at.path.clone() }.to_string();
        let exclusions = match spec.exclusion_list.as_slice() {
            [] => tags::DEFAULT_EXCLUSIONS.iter().map(|pattern| (*pattern).to_owned()).collect(),
            given => given.to_vec(),
        };
        if let Some(left) = self.left(object, status, &canonical, &exclusions, spec) {
            return Ok(Found::NotYet(left));
        }
        let limit = spec.timeout.unwrap_or(spec.interval).to_std().max(Duration::from_secs(1));
        let scan_failed =
            |problem: String| Failure::new("ReadOperationFailed", format!("scan failed: {problem}"));
        let found = context.clock.timeout(limit, oci::all_tags(registries, &at)).await;
        let found = found
            .map_err(|_| scan_failed("context deadline exceeded".to_owned()))?
            .map_err(|error| scan_failed(error.to_string()))?;
        let kept = tags::kept(found, &exclusions)
            .map_err(|problem| Failure::stalled("ReadOperationFailed", problem))?;
        let (count, checksum) = (kept.len(), tags::checksum(&kept));
        let mut result = json!({ "tagCount": count, "scanTime": context.now() });
        let latest = tags::latest(&kept);
        if !latest.is_empty() {
            result["latestTags"] = json!(latest);
        }
        if context.flux >= FluxRelease::V2_9 {
            result["revision"] = checksum.into();
        }
        // What is new is a matter of this object: others may have scanned the same image before.
        let same = |field: &str| status["lastScanResult"][field] == result[field];
        let new = status["canonicalImageName"] != canonical.as_str()
            || !["tagCount", "latestTags", "revision"].into_iter().all(same);
        status["canonicalImageName"] = canonical.clone().into();
        status["observedExclusionList"] = exclusions.into();
        status["lastScanResult"] = result;
        // Flux 2.2.3 has its policies look after every scan. A process that has just begun had no tags to show to them.
        let first = context.scans.set(&canonical, kept);
        let wakes = new || first || context.flux < FluxRelease::V2_9;
        Ok(Found::Tags { new, wakes })
    }

    /// How long the last scan holds; none where it is time for the next.
    fn left(
        &self,
        object: &Value,
        status: &Value,
        canonical: &str,
        exclusions: &[String],
        spec: &RepositorySpec,
    ) -> Option<Duration> {
        let asked = requested_at(object).is_some_and(|at| status["lastHandledReconcileAt"] != at);
        let changed =
            status["canonicalImageName"] != canonical || status["observedExclusionList"] != json!(exclusions);
        if asked || changed || !object::is_true(object, READY) || self.context.scans.tags(canonical).is_none()
        {
            return None;
        }
        let last: jiff::Timestamp = status["lastScanResult"]["scanTime"].as_str()?.parse().ok()?;
        let since = self.context.clock.now().duration_since(last);
        let since = Duration::try_from(since).unwrap_or_default();
        // Times are written in whole seconds.
        spec.interval.to_std().checked_sub(since).filter(|left| *left > Duration::from_secs(1))
    }
}

/// The message of a scan by its result in the status.
fn scanned(flux: FluxRelease, status: &Value) -> String {
    let scan = &status["lastScanResult"];
    let mut message =
        format!("successful scan: found {} tags", scan["tagCount"].as_u64().unwrap_or_default());
    if flux >= FluxRelease::V2_9 {
        message.push_str(&format!(" with checksum {}", scan["revision"].as_str().unwrap_or_default()));
    }
    message
}

/// Writes a failure into the conditions; gives when to try again.
pub(super) fn fail(conditions: &mut Conditions, failure: &Failure, stamps: Vec<Stamp>) -> Next {
    if failure.stalled {
        conditions.stalled(failure.reason, &failure.message);
        return Next::Woken;
    }
    conditions.set(RECONCILING, Status::True, "ProgressingWithRetry", "reconciliation in progress");
    conditions.failed(failure.reason, &failure.message);
    Next::Backoff(stamps)
}

impl Reconcile for RepositoryReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        if let Some(next) = before(&self.context, &object, MANAGER).await {
            if object::is_deleted(&object) {
                self.secrets().remove(&ObjectRef::of(&object).to_string());
            }
            return next;
        }
        self.run(&object).await.unwrap_or_else(|error| after_error(&ObjectRef::of(&object), &error))
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let spec = &object["spec"];
        let secret = |name: &str| reference("Secret", namespace, name);
        let mut refers_to: BTreeSet<String> = [&spec["secretRef"], &spec["certSecretRef"]]
            .into_iter()
            .filter_map(|secret| secret["name"].as_str())
            .map(secret)
            .collect();
        if let Some(account) = spec["serviceAccountName"].as_str().filter(|name| !name.is_empty()) {
            refers_to.insert(reference("ServiceAccount", namespace, account));
            let found = self.secrets();
            let found = found.get(&ObjectRef::of(object).to_string()).into_iter().flatten();
            refers_to.extend(found.map(|name| secret(name)));
        }
        refers_to
    }
}
