//! From wanted objects to healthy ones: apply, inventory, prune, health.

use super::acting::Acting;
use super::finalize::summary;
use super::input::Source;
use super::run::Run;
use super::stop::{Stop, failed};
use crate::apply::{self, Action, ApplyOptions, Bundle, Change, Ignore, Manager, PruneError};
use crate::cluster::Cluster;
use crate::health::{Health, HealthError, HealthTarget};
use crate::object::{self, ObjectRef};
use crate::reconcile::context::requested_at;
use crate::status::Severity;
use crate::status::conditions::Status;
use seatrial_api::kustomization::{KustomizationSpec, ResourceInventory};
use seatrial_api::meta::condition::HEALTHY;
use seatrial_api::{FluxRelease, GoDuration};
use std::collections::BTreeSet;
use std::time::Duration;

impl Run<'_> {
    /// Applies, prunes, and waits for health.
    pub(super) async fn bring(
        &mut self,
        spec: &KustomizationSpec,
        source: &Source,
        wanted: &Bundle,
        acting: &Acting,
        timeout: Duration,
    ) -> Result<(), Stop> {
        let cluster = &acting.cluster;
        let changes = self.apply(spec, acting, wanted, timeout).await?;
        let managed: Vec<&ObjectRef> = changes.iter().map(|change| &change.who).collect();
        let mut inventory =
            ResourceInventory { entries: managed.iter().map(|who| apply::inventory::entry(who)).collect() };
        let old = self.state.status.inventory.clone().unwrap_or_default();
        let stale = apply::inventory::stale(&old, &inventory);
        stale.iter().for_each(|who| self.context.settled.forget(who));
        if spec.prune && !stale.is_empty() {
            self.state.speak();
            let pruning = apply::prune(cluster, stale, &self.who);
            let (pruned, told) = self.beside_progress(pruning).await;
            self.state.told(told);
            let failed_entries = pruned.failed.iter().map(|(who, _)| apply::inventory::entry(who));
            inventory.entries.extend(failed_entries);
            self.state.status.inventory = Some(inventory.clone());
            if let Some(message) = summary(&pruned.changes, &[Action::Unchanged]) {
                self.event(Severity::Info, "Progressing", &message).await;
            }
            if !pruned.failed.is_empty() {
                return Err(failed("PruneFailed", PruneError(pruned.failed)));
            }
        }
        self.state.status.inventory = Some(inventory);
        let applied = changes.iter().filter(|change| change.action != Action::Skipped);
        let applied: Vec<&ObjectRef> = applied.map(|change| &change.who).collect();
        self.health(spec, acting, &applied, &changes, timeout).await?;
        self.state.status.last_applied_revision = Some(source.revision.clone());
        if self.context.flux >= FluxRelease::V2_9 {
            self.state.status.last_applied_origin_revision.clone_from(&source.origin);
        }
        Ok(())
    }

    async fn apply(
        &mut self,
        spec: &KustomizationSpec,
        acting: &Acting,
        wanted: &Bundle,
        timeout: Duration,
    ) -> Result<Vec<Change>, Stop> {
        if let Some(secret) = wanted.encrypted() {
            let why =
                "is SOPS encrypted, configuring decryption is required for this secret to be reconciled";
            return Err(failed("ReconciliationFailed", format!("{secret} {why}")));
        }
        let ignore = Ignore::of(&spec.ignore);
        let ignore = ignore.map_err(|error| failed("ReconciliationFailed", format!("{error}\n")))?;
        let manager = Manager {
            cluster: &acting.cluster,
            clock: &self.context.clock,
            settled: &self.context.settled,
            ignore: &ignore,
            known: self.inventory(),
            concurrent: self.context.driver.concurrent_ssa.max(1),
        };
        let options = ApplyOptions { force: spec.force, timeout };
        let work = self.stages(&manager, options, acting, wanted);
        let (changes, told) = self.beside_progress(work).await;
        self.state.told(told);
        let changes = changes?;
        if let Some(message) = summary(&changes, &[Action::Unchanged, Action::Skipped]) {
            self.state.speak();
            self.event(Severity::Info, "Progressing", &message).await;
        }
        Ok(changes)
    }

    /// Applies one stage after the other; what others may need is waited for.
    async fn stages(
        &self,
        manager: &Manager<'_>,
        options: ApplyOptions,
        acting: &Acting,
        wanted: &Bundle,
    ) -> Result<Vec<Change>, Stop> {
        let mut changes = Vec::new();
        let last = 2;
        for (number, stage) in wanted.stages.iter().enumerate() {
            if stage.is_empty() {
                continue;
            }
            let done = manager.apply(stage, options).await.map_err(|error| {
                // The error is followed by what had been done before it.
                let before = summary(&changes, &[Action::Unchanged, Action::Skipped]);
                let before = before.map(|lines| format!("{lines}\n")).unwrap_or_default();
                failed("ReconciliationFailed", format!("{error}\n{before}"))
            })?;
            if number < last {
                let objects = stage.iter().map(|wanted| wanted.who.clone()).collect();
                let target = HealthTarget { objects, ..Default::default() };
                self.waiter(acting)
                    .wait(&target, self.context.clock.now(), options.timeout, None)
                    .await
                    .map_err(|error| failed("ReconciliationFailed", error))?;
            }
            changes.extend(done);
        }
        Ok(changes)
    }

    /// What the Kustomization had applied before.
    fn inventory(&self) -> BTreeSet<ObjectRef> {
        let entries = self.state.status.inventory.iter().flat_map(|inventory| &inventory.entries);
        entries.filter_map(apply::inventory::object).collect()
    }

    fn waiter<'b>(&'b self, acting: &'b Acting) -> Health<'b> {
        Health { cluster: &acting.cluster, clock: &self.context.clock, changes: acting.changes.as_ref() }
    }

    /// Waits for health, until something new is to be reconciled (from 2.9).
    async fn wait(
        &self,
        target: &HealthTarget,
        acting: &Acting,
        spec: &KustomizationSpec,
        timeout: Duration,
    ) -> Result<GoDuration, HealthError> {
        let start = self.context.clock.now();
        let waiter = self.waiter(acting);
        if self.context.flux < FluxRelease::V2_9 {
            return waiter.wait(target, start, timeout, None).await;
        }
        let mut woken = self.woken.1.clone();
        loop {
            match waiter.wait(target, start, timeout, Some((self.woken.0, &woken))).await {
                // Not every wake says something new.
                Err(HealthError::Canceled) => {
                    woken = self.woken.0.stamp();
                    if self.is_outdated(spec).await {
                        return Err(HealthError::Canceled);
                    }
                }
                result => return result,
            }
        }
    }

    /// Whether a reconcile that starts now would find another spec, another revision, or a request; or the engine stops.
    async fn is_outdated(&self, spec: &KustomizationSpec) -> bool {
        if self.context.stopping.is_asked() {
            return true;
        }
        let Ok(now) = self.context.cluster.known(&self.who).await else { return true };
        let old = self.object;
        object::generation(&now) != object::generation(old)
            || requested_at(&now) != requested_at(old)
            || object::is_deleted(&now)
            || self.source(spec).await.is_ok_and(|source| source.revision != self.revision)
    }

    /// The objects whose health is waited for.
    async fn checked(
        &self,
        spec: &KustomizationSpec,
        cluster: &Cluster,
        managed: &[&ObjectRef],
    ) -> Vec<ObjectRef> {
        if spec.wait {
            // It must not wait for itself: it becomes ready only after the wait.
            let is_own = |who: &ObjectRef| who.key() == self.who.key() && who.kind == self.who.kind;
            return managed.iter().filter(|who| !is_own(who)).map(|who| (*who).clone()).collect();
        }
        let mut objects = Vec::new();
        for check in &spec.health_checks {
            let namespace = check.namespace.as_deref().unwrap_or(&self.who.namespace);
            let api_version = check.api_version.as_deref().unwrap_or("v1");
            let mut who = ObjectRef::new(api_version, &check.kind, namespace, &check.name);
            if cluster.resource(&who).await.is_ok_and(|resource| !resource.namespaced) {
                who.namespace.clear();
            }
            objects.push(who);
        }
        objects
    }

    async fn health(
        &mut self,
        spec: &KustomizationSpec,
        acting: &Acting,
        managed: &[&ObjectRef],
        changes: &[Change],
        timeout: Duration,
    ) -> Result<(), Stop> {
        let objects = self.checked(spec, &acting.cluster, managed).await;
        if objects.is_empty() {
            self.state.conditions.remove(HEALTHY);
            return Ok(());
        }
        let target = HealthTarget { objects, expressions: spec.health_check_exprs.clone() };
        let was_healthy = self.state.conditions.is(HEALTHY, Status::True);
        if !self.state.is_quiet() {
            self.passing("Running health checks", timeout);
            let message = self.message("Running health checks", timeout);
            self.state.conditions.set(HEALTHY, Status::Unknown, "Progressing", message);
            self.state.tell(self.context).await?;
        }
        let (result, told) = self.beside_progress(self.wait(&target, acting, spec, timeout)).await;
        self.state.told(told);
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
                self.state.conditions.set(HEALTHY, Status::False, "HealthCheckFailed", error.cause());
                Err(failed("HealthCheckFailed", error))
            }
        }
    }
}
