//! StatefulSets: pods with stable names and claims, in order.

use super::history::{History, REVISION_HASH, record};
use super::pods::{Availability, availability, from_template, is_finished, is_ready};
use super::rollout::scaled;
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::object::{
    self, Key, Object, at, controller_reference, deleting, earlier, generation, label, list, name, namespace,
    number_or, set, set_at, text, uid,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Sync<'a> {
    context: &'a Context,
    recorder: &'a Recorder,
    set: Object,
    history: History,
    current: String,
    wake: Wake,
}

/// Takes one step of a StatefulSet.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let Some(set) = context.stores.stateful_sets.get(key).filter(|set| !deleting(set)) else {
        return Ok(None);
    };
    let current = text(&set, &["status", "currentRevision"]).to_owned();
    let history = record(context, &set, &[current.as_str()]).await?;
    let current = if current.is_empty() { history.update.clone() } else { current };
    let mut sync = Sync { context, recorder, set, history, current, wake: None };
    let stepped = sync.step().await;
    sync.write_status().await?;
    stepped.map(|()| sync.wake)
}

/// The ordinal in a pod's name.
fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    name(pod).strip_prefix(name(set))?.strip_prefix('-')?.parse().ok()
}

impl Sync<'_> {
    fn replicas(&self) -> i64 {
        number_or(&self.set, &["spec", "replicas"], 1)
    }

    fn first(&self) -> i64 {
        number_or(&self.set, &["spec", "ordinals", "start"], 0)
    }

    fn parallel(&self) -> bool {
        text(&self.set, &["spec", "podManagementPolicy"]) == "Parallel"
    }

    fn partition(&self) -> i64 {
        number_or(&self.set, &["spec", "updateStrategy", "rollingUpdate", "partition"], 0)
    }

    fn pods(&self) -> BTreeMap<i64, Object> {
        let pods = self.context.stores.pods.owned_by(uid(&self.set));
        pods.into_iter().filter_map(|pod| Some((ordinal(&self.set, &pod)?, pod))).collect()
    }

    fn revision_of<'a>(&self, pod: &'a Value) -> &'a str {
        label(pod, REVISION_HASH).map(String::as_str).unwrap_or_default()
    }

    fn available(&mut self, pod: &Value) -> bool {
        let min_ready = number_or(&self.set, &["spec", "minReadySeconds"], 0);
        match availability(pod, min_ready, self.context.clock.now()) {
            Availability::Yes => true,
            Availability::At(at) => {
                self.wake = earlier(self.wake, Some(at));
                false
            }
            Availability::No => false,
        }
    }

    async fn step(&mut self) -> Result<(), ApiError> {
        let pods = self.pods();
        let (first, end) = (self.first(), self.first() + self.replicas());
        for index in first..end {
            match pods.get(&index) {
                None => {
                    self.create(index).await?;
                    if !self.parallel() {
                        return Ok(());
                    }
                }
                // A pod that ended is made anew under the same name.
                Some(pod) if is_finished(pod) && !deleting(pod) => {
                    self.delete(pod).await?;
                    if !self.parallel() {
                        return Ok(());
                    }
                }
                Some(pod) => {
                    let done = !deleting(pod) && is_ready(pod) && self.available(pod);
                    if !done && !self.parallel() {
                        // The update may still replace this pod, which is how a broken version is got rid of.
                        return self.update(&pods, first, end).await;
                    }
                }
            }
        }
        let surplus: Vec<&Object> =
            pods.iter().filter(|(index, _)| **index < first || **index >= end).map(|(_, pod)| pod).collect();
        for pod in surplus.iter().rev() {
            if !deleting(pod) {
                self.delete(pod).await?;
            }
            if !self.parallel() {
                return Ok(());
            }
        }
        if surplus.is_empty() {
            self.release_scaled_claims(end).await?;
        }
        self.update(&pods, first, end).await
    }

    /// Replaces pods of other versions, from the highest ordinal down, as many at a time as may be unavailable.
    async fn update(&mut self, pods: &BTreeMap<i64, Object>, first: i64, end: i64) -> Result<(), ApiError> {
        if text(&self.set, &["spec", "updateStrategy", "type"]) == "OnDelete" {
            return Ok(());
        }
        let bound = at(&self.set, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"]);
        let bound = scaled(bound, self.replicas(), true).unwrap_or(1).max(1);
        let mut unavailable = 0;
        let mut wanted = Vec::new();
        for (_, pod) in pods.range(first..end).rev() {
            unavailable += i64::from(deleting(pod) || !is_ready(pod) || !self.available(pod));
        }
        for (index, pod) in pods.range(first..end).rev() {
            if *index < self.partition() {
                break;
            }
            let healthy = !deleting(pod) && is_ready(pod) && self.available(pod);
            if self.revision_of(pod) != self.history.update && !deleting(pod) {
                if healthy && unavailable >= bound {
                    break;
                }
                unavailable += i64::from(healthy);
                wanted.push(pod.clone());
                if unavailable >= bound {
                    break;
                }
            } else if !healthy && bound == 1 {
                break;
            }
        }
        for pod in wanted {
            self.delete(&pod).await?;
        }
        Ok(())
    }

    async fn delete(&self, pod: &Object) -> Result<(), ApiError> {
        self.context.stores.pods.delete(&self.context.api, pod, None, None).await?;
        let message = format!("delete Pod {} in StatefulSet {} successful", name(pod), name(&self.set));
        self.recorder.write(&self.set, &Note::normal("SuccessfulDelete", message)).await;
        Ok(())
    }

    async fn create(&self, index: i64) -> Result<(), ApiError> {
        let rolling = text(&self.set, &["spec", "updateStrategy", "type"]) != "OnDelete";
        let old_version = rolling && self.current != self.history.update && index < self.partition();
        let revision = if old_version { &self.current } else { &self.history.update };
        let fallback = at(&self.set, &["spec", "template"]).unwrap_or(&Value::Null);
        let template = self.history.template(revision).unwrap_or(fallback);
        let pod_name = format!("{}-{index}", name(&self.set));
        let mut pod = from_template(&self.set, template, &pod_name);
        for (key, value) in [
            ("apps.kubernetes.io/pod-index", index.to_string()),
            ("statefulset.kubernetes.io/pod-name", pod_name.clone()),
            (REVISION_HASH, revision.clone()),
        ] {
            set_at(&mut pod, &["metadata", "labels", key], json!(value));
        }
        set_at(&mut pod, &["metadata", "generateName"], json!(format!("{}-", name(&self.set))));
        set_at(&mut pod, &["spec", "hostname"], json!(pod_name));
        let service = text(&self.set, &["spec", "serviceName"]);
        if !service.is_empty() {
            set_at(&mut pod, &["spec", "subdomain"], json!(service));
        }
        self.claims(index, &mut pod).await?;
        match self.context.stores.pods.create(&self.context.api, &pod).await {
            Ok(_) => {
                let message = format!("create Pod {pod_name} in StatefulSet {} successful", name(&self.set));
                self.recorder.write(&self.set, &Note::normal("SuccessfulCreate", message)).await;
                Ok(())
            }
            Err(error) => {
                let message = format!(
                    "create Pod {pod_name} in StatefulSet {} failed error: {}",
                    name(&self.set),
                    error.message()
                );
                self.recorder.write(&self.set, &Note::warning("FailedCreate", message)).await;
                Err(error)
            }
        }
    }

    /// Makes the claims of a pod where they are missing, and mounts them.
    async fn claims(&self, index: i64, pod: &mut Value) -> Result<(), ApiError> {
        let templates = list(&self.set, &["spec", "volumeClaimTemplates"]);
        if templates.is_empty() {
            return Ok(());
        }
        let store = &self.context.stores.persistent_volume_claims;
        let mut volumes = list(pod, &["spec", "volumes"]).to_vec();
        for template in templates {
            let claim_name = format!("{}-{}-{index}", name(template), name(&self.set));
            volumes.retain(|volume| text(volume, &["name"]) != name(template));
            volumes.push(json!({"name": name(template), "persistentVolumeClaim": {"claimName": claim_name}}));
            if store.get(&Key::new(namespace(&self.set), claim_name.as_str())).is_some() {
                continue;
            }
            let labels =
                object::map(&self.set, &["spec", "selector", "matchLabels"]).cloned().unwrap_or_default();
            let mut metadata =
                json!({"name": claim_name, "namespace": namespace(&self.set), "labels": labels});
            for (key, value) in object::map(template, &["metadata", "labels"]).into_iter().flatten() {
                set_at(&mut metadata, &["labels", key], value.clone());
            }
            if let Some(annotations) = at(template, &["metadata", "annotations"]) {
                set(&mut metadata, "annotations", annotations.clone());
            }
            let policy = ["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"];
            if text(&self.set, &policy) == "Delete" {
                let mut owner = controller_reference(&self.set);
                set(&mut owner, "controller", Value::Null);
                set(&mut owner, "blockOwnerDeletion", Value::Null);
                set(&mut metadata, "ownerReferences", json!([owner]));
            }
            let claim = json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
                "spec": template.get("spec").cloned().unwrap_or_default(),
            });
            match store.create(&self.context.api, &claim).await {
                Ok(_) => {
                    let message = format!(
                        "create Claim {claim_name} Pod {} in StatefulSet {} success",
                        name(pod),
                        name(&self.set)
                    );
                    self.recorder.write(&self.set, &Note::normal("SuccessfulCreate", message)).await;
                }
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        set_at(pod, &["spec", "volumes"], json!(volumes));
        Ok(())
    }

    /// With `whenScaled: Delete`, the claims of ordinals beyond the end go when their pods have gone.
    async fn release_scaled_claims(&self, end: i64) -> Result<(), ApiError> {
        if text(&self.set, &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"]) != "Delete" {
            return Ok(());
        }
        let store = &self.context.stores.persistent_volume_claims;
        for template in list(&self.set, &["spec", "volumeClaimTemplates"]) {
            let prefix = format!("{}-{}-", name(template), name(&self.set));
            for claim in store.in_namespace(namespace(&self.set)) {
                let index = name(&claim).strip_prefix(&prefix).and_then(|index| index.parse::<i64>().ok());
                if index.is_some_and(|index| index >= end) && !deleting(&claim) {
                    store.delete(&self.context.api, &claim, None, None).await?;
                }
            }
        }
        Ok(())
    }

    async fn write_status(&mut self) -> Result<(), ApiError> {
        let pods: Vec<Object> = self.pods().into_values().filter(|pod| !is_finished(pod)).collect();
        let of = |revision: &str| {
            pods.iter().filter(|pod| self.revision_of(pod) == revision && !deleting(pod)).count()
        };
        let (updated, current) = (of(&self.history.update), of(&self.current));
        let ready = pods.iter().filter(|pod| is_ready(pod) && !deleting(pod)).count();
        let mut available = 0;
        for pod in &pods {
            available += i64::from(!deleting(pod) && self.available(pod));
        }
        let replicas = i64::try_from(pods.len()).unwrap_or(0);
        let all = i64::try_from(updated).unwrap_or(0) == self.replicas()
            && replicas == self.replicas()
            && i64::try_from(ready).unwrap_or(0) == self.replicas();
        let rolling = text(&self.set, &["spec", "updateStrategy", "type"]) != "OnDelete";
        if all && rolling {
            self.current.clone_from(&self.history.update);
        }
        let current = if all && rolling { updated } else { current };
        let mut status = self.set.get("status").cloned().unwrap_or_else(|| json!({}));
        set(&mut status, "observedGeneration", json!(generation(&self.set)));
        set(&mut status, "replicas", json!(replicas));
        set(&mut status, "availableReplicas", json!(available));
        for (field, count) in
            [("readyReplicas", ready), ("currentReplicas", current), ("updatedReplicas", updated)]
        {
            set(&mut status, field, if count == 0 { Value::Null } else { json!(count) });
        }
        set(&mut status, "currentRevision", json!(self.current));
        set(&mut status, "updateRevision", json!(self.history.update));
        if at(&status, &["collisionCount"]).is_none() {
            set(&mut status, "collisionCount", json!(0));
        }
        self.context.stores.stateful_sets.write_status(&self.context.api, &self.set, &status).await?;
        Ok(())
    }
}
