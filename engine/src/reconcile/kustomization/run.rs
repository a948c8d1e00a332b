//! One reconcile of a Kustomization, from its source to its health.

use super::depends::{self, DependsError};
use super::finalize::summary;
use super::state::State;
use crate::apply::{self, Action, ApplyOptions, Change, Manager, PruneError};
use crate::artifact::{StoredArtifact, hex};
use crate::cluster::{Cluster, ClusterError};
use crate::health::{Health, HealthError, HealthTarget, cel};
use crate::object::ObjectRef;
use crate::reconcile::context::Context;
use crate::reconcile::unsupported::NOT_SUPPORTED;
use crate::render::{self, BuildError, post_build};
use crate::status::conditions::Status;
use crate::status::history::{self, Attempt};
use crate::status::{Events, Severity};
use seatrial_api::catalog::FluxKind;
use seatrial_api::kustomization::{KustomizationSpec, ResourceInventory};
use seatrial_api::meta::condition::HEALTHY;
use seatrial_api::{FluxRelease, GoDuration};
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// When to look again at what is not there yet.
const REQUEUE: Duration = Duration::from_secs(30);

/// How a reconcile ended.
pub(super) enum Ended {
    /// The next is due after this time.
    After(Duration),
    /// The next is due at once.
    Again,
    /// Only a change of the object helps.
    Stalled,
}

/// Why a reconcile did not get to its end.
enum Stop {
    /// A failure that is told and tried again.
    Failed { reason: &'static str, message: String, event: Option<String>, retry: Option<Duration> },
    /// A failure that only a change of the object ends.
    Stalled { reason: &'static str, message: String },
    /// Something new is to be reconciled.
    Canceled { message: String },
    /// The status could not be written.
    Write(ClusterError),
}

impl From<ClusterError> for Stop {
    fn from(error: ClusterError) -> Self {
        Stop::Write(error)
    }
}

fn failed(reason: &'static str, error: impl ToString) -> Stop {
    let message = error.to_string();
    Stop::Failed { reason, event: Some(message.clone()), message, retry: None }
}

/// The cluster, as the identity that applies.
pub(super) fn acting(context: &Context, who: &ObjectRef, spec: &KustomizationSpec) -> Cluster {
    match &spec.service_account_name {
        Some(name) => context.cluster.impersonate(format!("system:serviceaccount:{}:{name}", who.namespace)),
        None => context.cluster.clone(),
    }
}

struct Source {
    revision: String,
    origin: Option<String>,
    digest: String,
}

/// A reconcile that goes on.
pub(super) struct Run<'a> {
    context: &'a Context,
    events: &'a Events,
    object: &'a Value,
    who: ObjectRef,
    state: State,
    woken: (&'a Signal, &'a Stamp),
    started: jiff::Timestamp,
    revision: String,
}

impl<'a> Run<'a> {
    pub(super) fn start(
        context: &'a Context,
        events: &'a Events,
        object: &'a Value,
        woken: (&'a Signal, &'a Stamp),
    ) -> Run<'a> {
        let state = State::of(object, context);
        let (who, started) = (ObjectRef::of(object), context.clock.now());
        Run { context, events, object, who, state, woken, started, revision: String::new() }
    }

    /// Reconciles, and tells how it went.
    pub(super) async fn to_end(mut self) -> Result<Ended, ClusterError> {
        let spec = match serde_json::from_value::<KustomizationSpec>(self.object["spec"].clone()) {
            Ok(spec) => spec,
            Err(error) => return self.stalled("InvalidSpec", &error.to_string()).await,
        };
        let cluster = self.context.cluster.clone();
        let result = self.reconcile(&spec).await;
        self.state.conditions.set_now(self.context.now());
        match result {
            Ok(()) => {
                let message =
                    format!("Reconciliation finished in {}, next run in {}", self.took(), spec.interval);
                let spoke = !self.state.is_quiet();
                let applied = format!("Applied revision: {}", self.revision);
                self.state.conditions.ready("ReconciliationSucceeded", &applied);
                self.state.end(&cluster).await?;
                if spoke {
                    self.event(Severity::Info, "ReconciliationSucceeded", &message).await;
                }
                Ok(Ended::After(spec.interval.to_std()))
            }
            Err(Stop::Failed { reason, message, event, retry }) => {
                self.state.conditions.failed(reason, &message);
                self.state.end(&cluster).await?;
                if let Some(message) = event {
                    let severity =
                        if reason == "DependencyNotReady" { Severity::Info } else { Severity::Error };
                    self.event(severity, reason, &message).await;
                }
                let default = spec.retry_interval.unwrap_or(spec.interval).to_std();
                Ok(Ended::After(retry.unwrap_or(default)))
            }
            Err(Stop::Canceled { message }) => {
                self.state.conditions.failed("HealthCheckCanceled", &message);
                self.state.end(&cluster).await?;
                Ok(Ended::Again)
            }
            Err(Stop::Stalled { reason, message }) => self.stalled(reason, &message).await,
            Err(Stop::Write(error)) => Err(error),
        }
    }

    async fn stalled(mut self, reason: &'static str, message: &str) -> Result<Ended, ClusterError> {
        self.state.conditions.stalled(reason, message);
        self.state.end(&self.context.cluster).await?;
        self.event(Severity::Error, reason, message).await;
        // What makes a cycle may be changed elsewhere.
        Ok(if reason == "DependencyNotReady" { Ended::After(REQUEUE) } else { Ended::Stalled })
    }

    async fn reconcile(&mut self, spec: &KustomizationSpec) -> Result<(), Stop> {
        refuse_unsupported(spec)?;
        check_expressions(spec)?;
        let source = self.source(spec).await?;
        self.revision.clone_from(&source.revision);
        self.dependencies(spec, &source).await?;
        self.state.attempts(&source.revision);
        let timeout = timeout(spec);
        self.progress("Fetching manifests", timeout).await?;
        let artifact = self.artifact(&source)?;
        self.state.status.last_attempted_revision = Some(source.revision.clone());
        self.progress("Building manifests", timeout).await?;
        let objects = self.build(spec, &artifact).await?;
        let digest = hex(&Sha256::digest(serde_json::to_string(&objects).unwrap_or_default()));
        let digest = format!("sha256:{digest}");
        self.progress("Detecting drift", timeout).await?;
        let result = self.bring(spec, &source, objects, timeout).await;
        let reason = match &result {
            Ok(()) => "ReconciliationSucceeded",
            Err(Stop::Failed { reason, .. } | Stop::Stalled { reason, .. }) => reason,
            Err(Stop::Canceled { .. }) => "HealthCheckCanceled",
            Err(Stop::Write(_)) => return result,
        };
        let known = self.state.status.history.first();
        let is_known =
            known.is_some_and(|last| last.digest == digest && last.last_reconciled_status == reason);
        if self.context.flux >= FluxRelease::V2_9 && !(self.state.is_quiet() && is_known) {
            let attempt = Attempt {
                digest,
                status: reason.to_owned(),
                took: self.took(),
                revision: source.revision.clone(),
                now: self.context.now(),
            };
            history::add(&mut self.state.status.history, attempt);
        }
        result
    }

    /// Applies, prunes, and waits for health.
    async fn bring(
        &mut self,
        spec: &KustomizationSpec,
        source: &Source,
        objects: Vec<Value>,
        timeout: Duration,
    ) -> Result<(), Stop> {
        let cluster = acting(self.context, &self.who, spec);
        let changes = self.apply(spec, &cluster, objects, timeout).await?;
        let managed: Vec<&ObjectRef> = changes
            .iter()
            .filter(|change| change.action != Action::Skipped)
            .map(|change| &change.who)
            .collect();
        let mut inventory =
            ResourceInventory { entries: managed.iter().map(|who| apply::inventory::entry(who)).collect() };
        let old = self.state.status.inventory.clone().unwrap_or_default();
        let stale = apply::inventory::stale(&old, &inventory);
        if spec.prune && !stale.is_empty() {
            self.state.speak();
            let pruned = apply::prune(&cluster, stale, &self.who).await;
            let failed_entries = pruned.failed.iter().map(|(who, _)| apply::inventory::entry(who));
            inventory.entries.extend(failed_entries);
            self.state.status.inventory = Some(inventory.clone());
            if let Some(message) = summary(&pruned.changes) {
                self.event(Severity::Info, "Progressing", &message).await;
            }
            if !pruned.failed.is_empty() {
                return Err(failed("PruneFailed", PruneError(pruned.failed)));
            }
        }
        self.state.status.inventory = Some(inventory);
        self.health(spec, &cluster, &managed, &changes, timeout).await?;
        self.state.status.last_applied_revision = Some(source.revision.clone());
        if self.context.flux >= FluxRelease::V2_9 {
            self.state.status.last_applied_origin_revision.clone_from(&source.origin);
        }
        Ok(())
    }

    async fn source(&mut self, spec: &KustomizationSpec) -> Result<Source, Stop> {
        let reference = &spec.source_ref;
        let api_version = FluxKind::find("source.toolkit.fluxcd.io", &reference.kind)
            .and_then(|kind| kind.api_version(self.context.flux))
            .unwrap_or_else(|| "source.toolkit.fluxcd.io/v1".to_owned());
        let namespace = reference.namespace.as_deref().unwrap_or(&self.who.namespace);
        let who = ObjectRef::new(&api_version, &reference.kind, namespace, &reference.name);
        let found = match self.context.cluster.get(&who).await {
            Ok(found) => found,
            Err(error) => {
                let message = error.to_string();
                return Err(Stop::Failed { reason: "ArtifactFailed", message, event: None, retry: None });
            }
        };
        let artifact = &found["status"]["artifact"];
        match (artifact["revision"].as_str(), artifact["digest"].as_str()) {
            (Some(revision), Some(digest)) => Ok(Source {
                revision: revision.to_owned(),
                origin: artifact["metadata"]["org.opencontainers.image.revision"].as_str().map(str::to_owned),
                digest: digest.to_owned(),
            }),
            _ => Err(Stop::Failed {
                reason: "ArtifactFailed",
                message: format!("Source artifact not found, retrying in {}", GoDuration::from_std(REQUEUE)),
                event: None,
                retry: Some(REQUEUE),
            }),
        }
    }

    async fn dependencies(&mut self, spec: &KustomizationSpec, source: &Source) -> Result<(), Stop> {
        match depends::check(&self.context.cluster, self.object, &spec.depends_on, &source.revision).await {
            Ok(()) => Ok(()),
            Err(error @ DependsError::Cycle(_)) => {
                Err(Stop::Stalled { reason: "DependencyNotReady", message: error.to_string() })
            }
            Err(error) => Err(Stop::Failed {
                reason: "DependencyNotReady",
                message: error.to_string(),
                event: Some(format!(
                    "Dependencies do not meet ready condition, retrying in {}",
                    GoDuration::from_std(REQUEUE)
                )),
                retry: Some(REQUEUE),
            }),
        }
    }

    fn artifact(&self, source: &Source) -> Result<StoredArtifact, Stop> {
        self.context.artifacts.get(&source.digest).ok_or_else(|| Stop::Failed {
            reason: "ArtifactFailed",
            message: format!("artifact of revision {} is not in storage, retrying in 5s", source.revision),
            event: None,
            retry: Some(Duration::from_secs(5)),
        })
    }

    async fn build(
        &mut self,
        spec: &KustomizationSpec,
        artifact: &StoredArtifact,
    ) -> Result<Vec<Value>, Stop> {
        let built = render::build(&self.context.renderer, &self.context.artifacts, artifact, spec);
        let built = built.map_err(|error| match &error {
            BuildError::NoPath { .. } => failed("ArtifactFailed", error),
            BuildError::Kustomization { .. } | BuildError::Build(_) => failed("BuildFailed", error),
        })?;
        let mut objects = match &spec.post_build {
            None => built.to_vec(),
            Some(wanted) => {
                let variables =
                    post_build::variables(&self.context.cluster, &self.who.namespace, wanted).await;
                let variables = variables.map_err(|error| failed("BuildFailed", error))?;
                post_build::substitute(&built, wanted, &variables, self.context.flux)
                    .map_err(|error| failed("BuildFailed", error))?
            }
        };
        for object in &mut objects {
            apply::labels::set_owner(object, &self.who);
            if let Some(common) = &spec.common_metadata {
                apply::labels::set_common(object, common);
            }
            clean(object);
        }
        Ok(objects)
    }

    async fn apply(
        &mut self,
        spec: &KustomizationSpec,
        cluster: &Cluster,
        objects: Vec<Value>,
        timeout: Duration,
    ) -> Result<Vec<Change>, Stop> {
        let manager = Manager { cluster, clock: &self.context.clock };
        let options = ApplyOptions { force: spec.force, timeout };
        let mut changes = Vec::new();
        let last = 2;
        for (number, stage) in apply::stages(objects).into_iter().enumerate() {
            if stage.is_empty() {
                continue;
            }
            let done = manager
                .apply(&stage, options)
                .await
                .map_err(|error| failed("ReconciliationFailed", error))?;
            if number < last {
                let target =
                    HealthTarget { objects: stage.iter().map(ObjectRef::of).collect(), ..Default::default() };
                self.waiter(cluster)
                    .wait(&target, timeout, None)
                    .await
                    .map_err(|error| failed("ReconciliationFailed", error))?;
            }
            changes.extend(done);
        }
        if let Some(message) = summary(&changes) {
            self.state.speak();
            self.event(Severity::Info, "Progressing", &message).await;
        }
        Ok(changes)
    }

    fn waiter<'b>(&'b self, cluster: &'b Cluster) -> Health<'b> {
        Health { cluster, clock: &self.context.clock, changes: self.context.changes.as_ref() }
    }

    async fn health(
        &mut self,
        spec: &KustomizationSpec,
        cluster: &Cluster,
        managed: &[&ObjectRef],
        changes: &[Change],
        timeout: Duration,
    ) -> Result<(), Stop> {
        let objects: Vec<ObjectRef> = if spec.wait {
            managed.iter().map(|who| (*who).clone()).collect()
        } else {
            let own = &self.who.namespace;
            let checks = spec.health_checks.iter();
            checks
                .map(|check| {
                    let namespace = check.namespace.as_deref().unwrap_or(own);
                    let api_version = check.api_version.as_deref().unwrap_or("v1");
                    ObjectRef::new(api_version, &check.kind, namespace, &check.name)
                })
                .collect()
        };
        if objects.is_empty() {
            self.state.conditions.remove(HEALTHY);
            return Ok(());
        }
        let target = HealthTarget { objects, expressions: spec.health_check_exprs.clone() };
        let was_healthy = self.state.conditions.is(HEALTHY, Status::True);
        self.progress("Running health checks", timeout).await?;
        if !self.state.is_quiet() {
            let message = self.message("Running health checks", timeout);
            self.state.conditions.set(HEALTHY, Status::Unknown, "Progressing", message);
            self.state.write(&self.context.cluster).await?;
        }
        let cancel = (self.context.flux >= FluxRelease::V2_9).then_some(self.woken);
        let result = self.waiter(cluster).wait(&target, timeout, cancel).await;
        self.state.conditions.set_now(self.context.now());
        match result {
            Ok(took) => {
                let drifted =
                    changes.iter().any(|c| matches!(c.action, Action::Created | Action::Configured));
                let is_new =
                    self.state.status.last_applied_revision.as_deref() != Some(self.revision.as_str());
                let message = format!("Health check passed in {took}");
                if !self.state.is_quiet() || !was_healthy {
                    self.state.conditions.set(HEALTHY, Status::True, "Succeeded", message.as_str());
                }
                if drifted || is_new || !was_healthy {
                    self.event(Severity::Info, "Progressing", &message).await;
                }
                Ok(())
            }
            Err(HealthError::Canceled) => {
                let message = HealthError::Canceled.to_string();
                self.state.conditions.set(HEALTHY, Status::False, "HealthCheckCanceled", message.as_str());
                Err(Stop::Canceled { message })
            }
            Err(error) => {
                self.state.conditions.set(HEALTHY, Status::False, "HealthCheckFailed", error.to_string());
                Err(failed("HealthCheckFailed", error))
            }
        }
    }

    fn message(&self, what: &str, timeout: Duration) -> String {
        format!("{what} for revision {} with a timeout of {}", self.revision, GoDuration::from_std(timeout))
    }

    async fn progress(&mut self, what: &str, timeout: Duration) -> Result<(), Stop> {
        let message = self.message(what, timeout);
        Ok(self.state.progress(self.context, &self.context.cluster, &message).await?)
    }

    fn took(&self) -> GoDuration {
        let passed = self.context.clock.now().duration_since(self.started);
        let passed = Duration::try_from(passed).unwrap_or_default();
        GoDuration::from_std(Duration::from_millis(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)))
    }

    async fn event(&self, severity: Severity, reason: &str, message: &str) {
        let revision = [("revision", self.revision.as_str())];
        let annotations: &[(&str, &str)] = if self.revision.is_empty() { &[] } else { &revision };
        self.events.write(&self.context.cluster, self.object, severity, reason, message, annotations).await;
    }
}

/// The time for apply and health: `interval` less 30 seconds by default, 30 seconds at least.
fn timeout(spec: &KustomizationSpec) -> Duration {
    let floor = Duration::from_secs(30);
    let wanted =
        spec.timeout.map_or_else(|| spec.interval.to_std().saturating_sub(floor), GoDuration::to_std);
    wanted.max(floor)
}

fn refuse_unsupported(spec: &KustomizationSpec) -> Result<(), Stop> {
    let fields = [
        ("spec.decryption", spec.decryption.is_some()),
        ("spec.kubeConfig", spec.kube_config.is_some()),
        ("spec.ignore", !spec.ignore.is_empty()),
    ];
    match fields.into_iter().find(|(_, used)| *used) {
        Some((field, _)) => {
            let message = format!("Seatrial does not support {field} of a Kustomization yet");
            Err(Stop::Stalled { reason: NOT_SUPPORTED, message })
        }
        None => Ok(()),
    }
}

fn check_expressions(spec: &KustomizationSpec) -> Result<(), Stop> {
    let health = spec.health_check_exprs.iter().flat_map(|check| {
        [Some(&check.current), check.failed.as_ref(), check.in_progress.as_ref()].into_iter().flatten()
    });
    let ready = spec.depends_on.iter().filter_map(|dependency| dependency.ready_expr.as_ref());
    for expression in ready.chain(health) {
        cel::check(expression)
            .map_err(|error| Stop::Stalled { reason: "InvalidCELExpression", message: error.to_string() })?;
    }
    Ok(())
}

/// Removes what only the server may say.
fn clean(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in
            ["creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"]
        {
            metadata.shift_remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::from_interval("10m", None, 570)]
    #[case::explicit("10m", Some("1m"), 60)]
    #[case::floor_of_default("30s", None, 30)]
    #[case::floor_of_explicit("10m", Some("5s"), 30)]
    fn the_timeout_has_a_floor(#[case] interval: &str, #[case] explicit: Option<&str>, #[case] seconds: u64) {
        let mut spec = json!({ "interval": interval, "prune": true,
                               "sourceRef": { "kind": "GitRepository", "name": "x" } });
        if let Some(explicit) = explicit {
            spec["timeout"] = explicit.into();
        }
        let spec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(timeout(&spec), Duration::from_secs(seconds));
    }
}
