//! Deployments: one ReplicaSet for each version of the template, and the way from one to the next.
//!
//! # Flow
//! Find the ReplicaSet of the present template, or make it; scale it up and the others down within the limits of the
//! strategy; forget versions beyond `revisionHistoryLimit`; tell it all in the status.

use super::deployment_status::{Seen, status};
use super::pods::{adopt, is_finished, is_orphan};
use super::revisions::{annotations_for, next_revision, revision};
use super::rollout::{Limits, Set, new_size, old_sizes, spread};
use super::template::{POD_TEMPLATE_HASH, hash, same};
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::labels;
use crate::object::{
    self, Key, Object, annotation, at, controller_reference, deleting, flag, generation, merge_patch, name,
    namespace, number, number_or, set_at, text, time, uid,
};
use serde_json::{Value, json};

pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
pub(crate) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(crate) const MOST: &str = "deployment.kubernetes.io/max-replicas";

struct Rollout<'a> {
    context: &'a Context,
    recorder: &'a Recorder,
    deployment: Object,
    limits: Limits,
    created: bool,
    failure: Option<ApiError>,
    collisions: Option<i64>,
}

/// Takes one step of a Deployment's rollout.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let Some(deployment) = context.stores.deployments.get(key) else { return Ok(None) };
    let limits = Limits::of(&deployment);
    let collisions = number(&deployment, &["status", "collisionCount"]);
    let mut rollout =
        Rollout { context, recorder, deployment, limits, created: false, failure: None, collisions };
    if !deleting(&rollout.deployment) {
        rollout.adopt_orphans().await?;
        rollout.step().await?;
    }
    rollout.write_status().await
}

impl Rollout<'_> {
    fn paused(&self) -> bool {
        flag(&self.deployment, &["spec", "paused"])
    }

    fn template(&self) -> &Value {
        at(&self.deployment, &["spec", "template"]).unwrap_or(&Value::Null)
    }

    async fn adopt_orphans(&self) -> Result<(), ApiError> {
        let sets = &self.context.stores.replica_sets;
        let selector = at(&self.deployment, &["spec", "selector"]);
        for set in sets.orphans(namespace(&self.deployment)) {
            if is_orphan(&set) && labels::selects(selector, at(&set, &["metadata", "labels"])) {
                adopt(self.context, sets, &self.deployment, &set).await?;
            }
        }
        Ok(())
    }

    /// The Deployment's ReplicaSets, oldest first; and apart the one of the present template.
    fn sets(&self) -> (Vec<Object>, Option<Object>) {
        let mut sets = self.context.stores.replica_sets.owned_by(uid(&self.deployment));
        sets.sort_by_cached_key(|set| (time(set, &["metadata", "creationTimestamp"]), revision(set)));
        let template = self.template();
        let new = sets
            .iter()
            .find(|set| at(set, &["spec", "template"]).is_some_and(|of_set| same(of_set, template)))
            .cloned();
        (sets, new)
    }

    async fn step(&mut self) -> Result<(), ApiError> {
        let (sets, new) = self.sets();
        let old: Vec<Object> = others(&sets, new.as_ref());
        let active: Vec<&Object> = sets.iter().filter(|set| wanted(set) > 0).collect();
        let rescaled = active.iter().any(|set| {
            annotation(set, DESIRED).parse().is_ok_and(|desired: i64| desired != self.limits.replicas)
        });
        if self.paused() || rescaled {
            return self.rescale(&sets, new.as_ref()).await;
        }
        let recreate = text(&self.deployment, &["spec", "strategy", "type"]) == "Recreate";
        if recreate {
            return self.recreate(&old, new).await;
        }
        let Some(new) = self.ensure_new(&sets, new).await? else { return Ok(()) };
        let all = sets_total(&old) + wanted(&new);
        let size = new_size(self.limits, &numbers(&new), all);
        if size != wanted(&new) {
            return self.scale(&new, size).await;
        }
        let numbers_of_old: Vec<Set> = old.iter().map(numbers).collect();
        for (set_name, size) in old_sizes(self.limits, &numbers(&new), &numbers_of_old) {
            if let Some(set) = old.iter().find(|set| name(set) == set_name) {
                self.scale(set, size).await?;
            }
        }
        self.forget_old_versions(&old, &new).await
    }

    /// All old pods go before the first new one comes.
    async fn recreate(&mut self, old: &[Object], new: Option<Object>) -> Result<(), ApiError> {
        for set in old.iter().filter(|set| wanted(set) > 0) {
            self.scale(set, 0).await?;
        }
        let pods = &self.context.stores.pods;
        if old.iter().any(|set| pods.owned_by(uid(set)).iter().any(|pod| !is_finished(pod))) {
            return Ok(());
        }
        let (sets, _) = self.sets();
        let Some(new) = self.ensure_new(&sets, new).await? else { return Ok(()) };
        if wanted(&new) != self.limits.replicas {
            self.scale(&new, self.limits.replicas).await?;
        }
        self.forget_old_versions(old, &new).await
    }

    /// Follows a change of `spec.replicas`, in mid-rollout too, without touching the rollout itself.
    async fn rescale(&mut self, sets: &[Object], new: Option<&Object>) -> Result<(), ApiError> {
        let active: Vec<&Object> = sets.iter().filter(|set| wanted(set) > 0).collect();
        let only = match (active.as_slice(), new) {
            ([], new) => new,
            ([one], _) => Some(*one),
            _ => None,
        };
        if let Some(only) = only {
            return self.scale(only, self.limits.replicas).await;
        }
        if new.is_some_and(|new| {
            wanted(new) == self.limits.replicas && numbers(new).available == self.limits.replicas
        }) {
            for set in active.iter().filter(|set| new.is_some_and(|new| uid(new) != uid(set))) {
                self.scale(set, 0).await?;
            }
            return Ok(());
        }
        let previous = active
            .iter()
            .find_map(|set| annotation(set, MOST).parse().ok())
            .unwrap_or_else(|| self.limits.most());
        let numbers: Vec<Set> = active.iter().map(|set| numbers(set)).collect();
        let sizes = spread(self.limits, &numbers, previous);
        for set in active {
            let size = sizes.iter().find(|(set_name, _)| set_name == name(set)).map(|(_, size)| *size);
            self.scale(set, size.unwrap_or_else(|| wanted(set))).await?;
        }
        Ok(())
    }

    /// Scales a ReplicaSet, and notes on it what the Deployment wants at the moment.
    async fn scale(&self, set: &Object, size: i64) -> Result<(), ApiError> {
        let mut patch = json!({});
        for (key, value) in [(DESIRED, self.limits.replicas), (MOST, self.limits.most())] {
            let value = value.to_string();
            if annotation(set, key) != value {
                set_at(&mut patch, &["metadata", "annotations", key], json!(value));
            }
        }
        let before = wanted(set);
        if before != size {
            set_at(&mut patch, &["spec", "replicas"], json!(size));
        }
        if patch == json!({}) {
            return Ok(());
        }
        self.context.stores.replica_sets.patch(&self.context.api, set, patch).await?;
        if before != size {
            self.tell_scaled(name(set), before, size).await;
        }
        Ok(())
    }

    async fn tell_scaled(&self, set: &str, before: i64, size: i64) {
        let direction = if size > before { "up" } else { "down" };
        let message = format!("Scaled {direction} replica set {set} from {before} to {size}");
        self.recorder.write(&self.deployment, &Note::normal("ScalingReplicaSet", message)).await;
    }

    /// The ReplicaSet of the present template, with its revision; none where it cannot be made now.
    async fn ensure_new(&mut self, sets: &[Object], new: Option<Object>) -> Result<Option<Object>, ApiError> {
        let old = others(sets, new.as_ref());
        let next = next_revision(&old);
        let set = match new {
            Some(new) => self.refresh(new, next).await?,
            None => match self.create(sets, next).await? {
                Some(set) => set,
                None => return Ok(None),
            },
        };
        let told = revision(&set).to_string();
        if annotation(&self.deployment, REVISION) != told {
            self.deployment = self.tell_revision(&told).await?;
        }
        Ok(Some(set))
    }

    /// Notes the revision on the Deployment: by way of its status, because an annotation that is written as such raises
    /// the generation. A server that takes no annotations there gets them the other way.
    async fn tell_revision(&self, revision: &str) -> Result<Object, ApiError> {
        let (store, api) = (&self.context.stores.deployments, &self.context.api);
        let patch = json!({"metadata": {"annotations": {REVISION: revision}}});
        let written = store.patch_through_status(api, &self.deployment, patch.clone()).await?;
        if annotation(&written, REVISION) == revision {
            return Ok(written);
        }
        store.patch(api, &written, patch).await
    }

    /// Brings the annotations of an existing ReplicaSet up to date: after a rollback it has the newest revision again.
    async fn refresh(&self, set: Object, next: i64) -> Result<Object, ApiError> {
        let wanted = annotations_for(&self.deployment, Some(&set), next.max(revision(&set)), self.limits);
        let min_ready = number_or(&self.deployment, &["spec", "minReadySeconds"], 0);
        let mut patch = json!({});
        let known = at(&set, &["metadata", "annotations"]).cloned().unwrap_or_else(|| json!({}));
        if let Some(change) = merge_patch(&known, &wanted) {
            set_at(&mut patch, &["metadata", "annotations"], change);
        }
        if number_or(&set, &["spec", "minReadySeconds"], 0) != min_ready {
            set_at(&mut patch, &["spec", "minReadySeconds"], json!(min_ready));
        }
        if patch == json!({}) {
            return Ok(set);
        }
        self.context.stores.replica_sets.patch(&self.context.api, &set, patch).await
    }

    async fn create(&mut self, sets: &[Object], revision: i64) -> Result<Option<Object>, ApiError> {
        let deployment = self.deployment.clone();
        let template = self.template().clone();
        let hash = hash(&template, self.collisions);
        let set_name = format!("{}-{hash}", name(&deployment));
        let nothing = Set { name: String::new(), wanted: 0, available: 0 };
        let size = new_size(self.limits, &nothing, sets_total(sets));
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": set_name, "namespace": namespace(&deployment),
                "labels": at(&template, &["metadata", "labels"]).cloned().unwrap_or_else(|| json!({})),
                "annotations": annotations_for(&deployment, None, revision, self.limits),
                "ownerReferences": [controller_reference(&deployment)],
            },
            "spec": {
                "replicas": size,
                "selector": at(&deployment, &["spec", "selector"]).cloned().unwrap_or_else(|| json!({})),
                "template": template,
            },
        });
        for path in [
            &["metadata", "labels", POD_TEMPLATE_HASH][..],
            &["spec", "selector", "matchLabels", POD_TEMPLATE_HASH],
            &["spec", "template", "metadata", "labels", POD_TEMPLATE_HASH],
        ] {
            set_at(&mut set, path, json!(hash));
        }
        if let Some(seconds) = number(&deployment, &["spec", "minReadySeconds"]) {
            set_at(&mut set, &["spec", "minReadySeconds"], json!(seconds));
        }
        let stores = &self.context.stores;
        match stores.replica_sets.create(&self.context.api, &set).await {
            Ok(set) => {
                self.created = true;
                if size > 0 {
                    self.tell_scaled(name(&set), 0, size).await;
                }
                Ok(Some(set))
            }
            Err(error) if error.is_conflict() => {
                // The name is taken: by our own ReplicaSet, which the watch will bring, or by a foreign one.
                let taken = self.context.api.get(stores.replica_sets.kind(), &Key::of(&set)).await?;
                let ours = object::controlled_by(&taken, uid(&deployment))
                    && at(&taken, &["spec", "template"]).is_some_and(|of_set| same(of_set, self.template()));
                if !ours {
                    self.collisions = Some(self.collisions.unwrap_or(0) + 1);
                    return Ok(None);
                }
                Err(error)
            }
            Err(error) => {
                let message = format!("Failed to create new replica set \"{set_name}\": {}", error.message());
                let note = Note::warning("ReplicaSetCreateError", message);
                self.recorder.write(&deployment, &note).await;
                self.failure = Some(error);
                Ok(None)
            }
        }
    }

    /// Once the rollout is over, deletes the oldest empty ReplicaSets beyond the limit.
    async fn forget_old_versions(&self, old: &[Object], new: &Object) -> Result<(), ApiError> {
        let status = |set: &Value, field| number_or(set, &["status", field], 0);
        let complete = status(new, "availableReplicas") == self.limits.replicas && sets_total(old) == 0;
        if !complete {
            return Ok(());
        }
        let limit = number_or(&self.deployment, &["spec", "revisionHistoryLimit"], 10);
        let mut by_revision: Vec<&Object> = old.iter().filter(|set| !deleting(set)).collect();
        by_revision.sort_by_key(|set| revision(set));
        let surplus = usize::try_from(i64::try_from(by_revision.len()).unwrap_or(0) - limit).unwrap_or(0);
        for set in by_revision.into_iter().take(surplus) {
            let settled =
                status(set, "observedGeneration") >= generation(set) && status(set, "replicas") == 0;
            if settled {
                self.context
                    .stores
                    .replica_sets
                    .delete(&self.context.api, set, None, Some("Background"))
                    .await?;
            }
        }
        Ok(())
    }

    async fn write_status(self) -> Result<Wake, ApiError> {
        let (sets, new) = self.sets();
        let (status, deadline) = status(&Seen {
            deployment: &self.deployment,
            sets: &sets,
            new: new.as_ref(),
            created: self.created,
            failure: self.failure.as_ref().map(ApiError::message),
            collisions: self.collisions,
            now: self.context.clock.now(),
        });
        self.context.stores.deployments.write_status(&self.context.api, &self.deployment, &status).await?;
        match self.failure {
            Some(error) => Err(error),
            None => Ok(deadline),
        }
    }
}

fn others(sets: &[Object], new: Option<&Object>) -> Vec<Object> {
    sets.iter().filter(|set| new.is_none_or(|new| uid(new) != uid(set))).cloned().collect()
}

fn wanted(set: &Object) -> i64 {
    number_or(set, &["spec", "replicas"], 0)
}

fn sets_total(sets: &[Object]) -> i64 {
    sets.iter().map(wanted).sum()
}

/// What the arithmetic needs of a ReplicaSet. Of pods that are about to go none counts as available.
fn numbers(set: &Object) -> Set {
    let available = number_or(set, &["status", "availableReplicas"], 0).min(wanted(set));
    Set { name: name(set).to_owned(), wanted: wanted(set), available }
}
