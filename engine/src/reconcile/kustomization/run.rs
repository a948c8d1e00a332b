//! One reconcile of a Kustomization, from its source to its health.

use super::acting::{Acting, Seen, acting};
use super::checks::{check_expressions, refuse_unsupported, timeout};
use super::state::{Late, State};
use super::stop::{Ended, REQUEUE, Stop};
use crate::cluster::ClusterError;
use crate::object::ObjectRef;
use crate::reconcile::context::Context;
use crate::render::ServedRemotes;
use crate::status::conditions::Status;
use crate::status::history::{self, Attempt};
use crate::status::{Events, Severity};
use seatrial_api::kustomization::KustomizationSpec;
use seatrial_api::meta::condition::READY;
use seatrial_api::{FluxRelease, GoDuration};
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A reconcile that goes on.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    pub(super) events: &'a Events,
    pub(super) object: &'a Value,
    pub(super) who: ObjectRef,
    pub(super) state: State,
    pub(super) woken: (&'a Signal, &'a Stamp),
    pub(super) remotes: &'a Arc<ServedRemotes>,
    pub(super) started: jiff::Timestamp,
    pub(super) revision: String,
    /// Where the cluster of a kubeconfig stood before anything was read there.
    pub(super) elsewhere: Option<Seen>,
}

impl<'a> Run<'a> {
    pub(super) fn start(
        context: &'a Context,
        events: &'a Events,
        object: &'a Value,
        woken: (&'a Signal, &'a Stamp),
        remotes: &'a Arc<ServedRemotes>,
    ) -> Run<'a> {
        let state = State::of(object, context);
        let (who, started) = (ObjectRef::of(object), context.clock.now());
        Run {
            context,
            events,
            object,
            who,
            state,
            woken,
            remotes,
            started,
            revision: String::new(),
            elsewhere: None,
        }
    }

    /// Reconciles, and tells how it went.
    pub(super) async fn finish(&mut self) -> Result<Ended, ClusterError> {
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
                let spoke = !self.state.is_quiet() || !self.state.conditions.is(READY, Status::True);
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
            Err(Stop::Missing { message, retry }) => {
                if let Some(message) = message {
                    self.state.conditions.failed("ArtifactFailed", &message);
                    self.state.end(&cluster).await?;
                }
                Ok(Ended::Missing(retry))
            }
            Err(Stop::Write(error)) => Err(error),
        }
    }

    async fn stalled(&mut self, reason: &'static str, message: &str) -> Result<Ended, ClusterError> {
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
        self.passing("Fetching manifests", timeout);
        let artifact = self.artifact(&source)?;
        self.has_path(spec, &artifact)?;
        self.state.status.last_attempted_revision = Some(source.revision.clone());
        self.passing("Building manifests", timeout);
        let acting = self.acting(spec).await?;
        let wanted = self.build(spec, &artifact).await?;
        let digest = wanted.digest.clone();
        self.passing("Detecting drift", timeout);
        self.state.tell(self.context).await?;
        let result = self.bring(spec, &source, &wanted, &acting, timeout).await;
        let reason = match &result {
            Ok(()) => "ReconciliationSucceeded",
            Err(Stop::Failed { reason, .. } | Stop::Stalled { reason, .. }) => reason,
            Err(Stop::Canceled { .. }) => "HealthCheckCanceled",
            Err(Stop::Write(_) | Stop::Missing { .. }) => return result,
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

    /// The cluster that is worked on.
    async fn acting(&mut self, spec: &KustomizationSpec) -> Result<Acting, Stop> {
        let acting = acting(self.context, &self.who, spec).await.map_err(|error| Stop::Failed {
            reason: "ReconciliationFailed",
            message: error.to_string(),
            event: Some(format!("failed to build kube client: {error}")),
            retry: None,
        })?;
        self.elsewhere.clone_from(&acting.seen);
        Ok(acting)
    }

    pub(super) fn message(&self, what: &str, timeout: Duration) -> String {
        format!("{what} for revision {} with a timeout of {}", self.revision, GoDuration::from_std(timeout))
    }

    /// Notes progress. What takes no time is written only if it fails.
    pub(super) fn passing(&mut self, what: &str, timeout: Duration) {
        let message = self.message(what, timeout);
        self.state.passing(self.context, &message);
    }

    /// Does `work`, of which the progress that is noted tells if it takes long.
    pub(super) async fn beside_progress<T>(&self, work: impl Future<Output = T>) -> (T, Option<Late>) {
        Late::beside(self.state.late(), self.context, work).await
    }

    fn took(&self) -> GoDuration {
        let passed = self.context.clock.now().duration_since(self.started);
        let passed = Duration::try_from(passed).unwrap_or_default();
        GoDuration::from_std(Duration::from_millis(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)))
    }

    pub(super) async fn event(&self, severity: Severity, reason: &str, message: &str) {
        let revision = [("revision", self.revision.as_str())];
        let annotations: &[(&str, &str)] = if self.revision.is_empty() { &[] } else { &revision };
        self.events.write(&self.context.cluster, self.object, severity, reason, message, annotations).await;
    }
}
