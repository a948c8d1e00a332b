//! DaemonSets: one pod on each node that fits.

use super::history::{REVISION_HASH, record, short};
use super::pods::{count_available, generated, is_finished, is_ready};
use super::rollout::scaled;
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::kubelet::fits_selectors;
use crate::object::{
    Key, Object, at, deleting, flag, generation, label, list, name, number_or, set, set_at, text, uid,
};
use serde_json::{Value, json};

/// Taints that the pods of every DaemonSet tolerate.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Takes one step of a DaemonSet.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.daemon_sets;
    let Some(set_object) = store.get(key).filter(|set| !deleting(set)) else { return Ok(None) };
    let history = record(context, &set_object, &[]).await?;
    let hash = short(&set_object, &history.update).to_owned();
    let nodes: Vec<Object> =
        context.stores.nodes.all().into_iter().filter(|node| fits(&set_object, node)).collect();
    let sync = Sync { context, recorder, set: set_object.clone(), hash };
    let stepped = sync.step(&nodes).await;

    let (status, wake) = sync.status(&nodes);
    store.write_status(&context.api, &set_object, &status).await?;
    stepped.map(|()| wake)
}

/// Whether a DaemonSet's pod can go to a node: selectors and taints decide, cordons do not.
fn fits(set_object: &Value, node: &Value) -> bool {
    let Some(template) = at(set_object, &["spec", "template"]) else { return false };
    let tolerations = list(template, &["spec", "tolerations"]);
    let tolerated = list(node, &["spec", "taints"]).iter().all(|taint| {
        let (key, effect) = (text(taint, &["key"]), text(taint, &["effect"]));
        effect == "PreferNoSchedule"
            || key.starts_with("node.kubernetes.io/")
            || tolerations.iter().any(|toleration| {
                let (for_key, for_effect) = (text(toleration, &["key"]), text(toleration, &["effect"]));
                let exists = text(toleration, &["operator"]) == "Exists";
                (for_effect.is_empty() || for_effect == effect)
                    && (if for_key.is_empty() { exists } else { for_key == key })
                    && (exists || text(toleration, &["value"]) == text(taint, &["value"]))
            })
    });
    tolerated && fits_selectors(template, node)
}

/// The node that a DaemonSet's pod is for, placed or not.
fn node_of(pod: &Value) -> &str {
    let placed = text(pod, &["spec", "nodeName"]);
    if !placed.is_empty() {
        return placed;
    }
    let required = ["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
    at(pod, &required)
        .and_then(|required| list(required, &["nodeSelectorTerms"]).first())
        .and_then(|term| list(term, &["matchFields"]).first())
        .and_then(|field| list(field, &["values"]).first())
        .and_then(Value::as_str)
        .unwrap_or_default()
}

struct Sync<'a> {
    context: &'a Context,
    recorder: &'a Recorder,
    set: Object,
    hash: String,
}

impl Sync<'_> {
    fn pods(&self) -> Vec<Object> {
        self.context.stores.pods.owned_by(uid(&self.set))
    }

    fn is_updated(&self, pod: &Value) -> bool {
        label(pod, REVISION_HASH) == Some(&self.hash)
    }

    async fn step(&self, nodes: &[Object]) -> Result<(), ApiError> {
        let pods = self.pods();
        for node in nodes {
            let mine: Vec<&Object> = pods.iter().filter(|pod| node_of(pod) == name(node)).collect();
            let mut alive = mine.iter().filter(|pod| !deleting(pod) && !is_finished(pod));
            let kept = alive.next();
            for surplus in alive {
                self.delete(surplus).await?;
            }
            for ended in mine.iter().filter(|pod| is_finished(pod) && !deleting(pod)) {
                let message = format!(
                    "Found failed daemon pod {} on node {}, will try to kill it",
                    Key::of(ended),
                    name(node)
                );
                self.recorder.write(&self.set, &Note::warning("FailedDaemonPod", message)).await;
                self.delete(ended).await?;
            }
            if kept.is_none() && mine.iter().all(|pod| is_finished(pod)) {
                self.create(name(node)).await?;
            }
        }
        for pod in pods.iter().filter(|pod| !deleting(pod)) {
            if !nodes.iter().any(|node| name(node) == node_of(pod)) {
                self.delete(pod).await?;
            }
        }
        self.update(nodes, &pods).await
    }

    /// Replaces pods of older versions, as many at a time as may be unavailable.
    async fn update(&self, nodes: &[Object], pods: &[Object]) -> Result<(), ApiError> {
        if text(&self.set, &["spec", "updateStrategy", "type"]) == "OnDelete" {
            return Ok(());
        }
        let total = i64::try_from(nodes.len()).unwrap_or(0);
        let bound = at(&self.set, &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"]);
        // A surge is not simulated: the old pod goes before the new one comes.
        let bound = scaled(bound, total, true).unwrap_or(1).max(1);
        let min_ready = number_or(&self.set, &["spec", "minReadySeconds"], 0);
        let alive: Vec<&Object> = pods.iter().filter(|pod| !deleting(pod)).collect();
        let (_, available, _) = count_available(alive.iter().copied(), min_ready, self.context.clock.now());
        let mut room = bound - (total - available);
        for pod in alive.iter().filter(|pod| !self.is_updated(pod)) {
            if !is_ready(pod) {
                // It is missed already.
                self.delete(pod).await?;
            } else if room > 0 {
                room -= 1;
                self.delete(pod).await?;
            }
        }
        Ok(())
    }

    async fn create(&self, node: &str) -> Result<(), ApiError> {
        let template = at(&self.set, &["spec", "template"]).unwrap_or(&Value::Null);
        let mut pod = generated(self.context, &self.set, template);
        set_at(&mut pod, &["metadata", "labels", REVISION_HASH], json!(self.hash));
        let version = generation(&self.set).to_string();
        set_at(&mut pod, &["metadata", "labels", "pod-template-generation"], json!(version));
        set_at(
            &mut pod,
            &["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
            json!({"nodeSelectorTerms": [{"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": [node]}]}]}),
        );
        let mut tolerations = list(template, &["spec", "tolerations"]).to_vec();
        let mut tolerated = TOLERATED.to_vec();
        if flag(template, &["spec", "hostNetwork"]) {
            tolerated.push(("node.kubernetes.io/network-unavailable", "NoSchedule"));
        }
        tolerations.extend(
            tolerated.iter().map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})),
        );
        set_at(&mut pod, &["spec", "tolerations"], json!(tolerations));
        match self.context.stores.pods.create(&self.context.api, &pod).await {
            Ok(pod) => {
                let message = format!("Created pod: {}", name(&pod));
                self.recorder.write(&self.set, &Note::normal("SuccessfulCreate", message)).await;
                Ok(())
            }
            Err(error) => {
                let message = format!("Error creating: {}", error.message());
                self.recorder.write(&self.set, &Note::warning("FailedCreate", message)).await;
                Err(error)
            }
        }
    }

    async fn delete(&self, pod: &Object) -> Result<(), ApiError> {
        self.context.stores.pods.delete(&self.context.api, pod, None, None).await?;
        let message = format!("Deleted pod: {}", name(pod));
        self.recorder.write(&self.set, &Note::normal("SuccessfulDelete", message)).await;
        Ok(())
    }

    fn status(&self, nodes: &[Object]) -> (Value, Wake) {
        let pods: Vec<Object> =
            self.pods().into_iter().filter(|pod| !deleting(pod) && !is_finished(pod)).collect();
        let desired = i64::try_from(nodes.len()).unwrap_or(0);
        let here: Vec<&Object> =
            pods.iter().filter(|pod| nodes.iter().any(|node| name(node) == node_of(pod))).collect();
        let min_ready = number_or(&self.set, &["spec", "minReadySeconds"], 0);
        let (ready, available, wake) =
            count_available(here.iter().copied(), min_ready, self.context.clock.now());
        let updated = here.iter().filter(|pod| self.is_updated(pod)).count();
        let mut status = self.set.get("status").cloned().unwrap_or_else(|| json!({}));
        set(&mut status, "observedGeneration", json!(generation(&self.set)));
        set(&mut status, "desiredNumberScheduled", json!(desired));
        set(&mut status, "currentNumberScheduled", json!(here.len()));
        set(&mut status, "numberMisscheduled", json!(pods.len() - here.len()));
        set(&mut status, "numberReady", json!(ready));
        for (field, count) in [
            ("updatedNumberScheduled", i64::try_from(updated).unwrap_or(0)),
            ("numberAvailable", available),
            ("numberUnavailable", desired - available),
        ] {
            set(&mut status, field, if count == 0 { Value::Null } else { json!(count) });
        }
        (status, wake)
    }
}
