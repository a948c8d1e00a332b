//! What the controllers ask of pods, and how they make them.

use crate::api::ApiError;
use crate::context::Context;
use crate::object::{
    self, Object, at, condition, controller_reference, deleting, earlier, flag, is_true, name, namespace,
    number_or, seconds_later, set_at, text, time,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Whether the pod runs or may still run: not finished, and not being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !deleting(pod)
}

/// Whether the pod has ended, well or badly.
pub(crate) fn is_finished(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(crate) fn phase(pod: &Value) -> &str {
    text(pod, &["status", "phase"])
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    pod.get("status").is_some_and(|status| is_true(status, "Ready"))
}

/// Whether the pod has been ready for `min_ready` seconds; if not yet, since when it will have been.
pub(crate) fn availability(pod: &Value, min_ready: i64, now: Timestamp) -> Availability {
    let ready = pod.get("status").and_then(|status| condition(status, "Ready"));
    let Some(ready) = ready.filter(|ready| text(ready, &["status"]) == "True") else {
        return Availability::No;
    };
    if min_ready <= 0 {
        return Availability::Yes;
    }
    match time(ready, &["lastTransitionTime"]) {
        Some(since) if seconds_later(since, min_ready) <= now => Availability::Yes,
        Some(since) => Availability::At(seconds_later(since, min_ready)),
        None => Availability::No,
    }
}

/// Whether a pod counts as available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It does.
    Yes,
    /// It will at this time, if it stays ready.
    At(Timestamp),
    /// It is not ready.
    No,
}

/// How many pods are ready and available, and when the next becomes available.
pub(crate) fn count_available<'a>(
    pods: impl IntoIterator<Item = &'a Object>,
    min_ready: i64,
    now: Timestamp,
) -> (i64, i64, Option<Timestamp>) {
    let (mut ready, mut available, mut wake) = (0, 0, None);
    for pod in pods {
        match availability(pod, min_ready, now) {
            Availability::Yes => {
                ready += 1;
                available += 1;
            }
            Availability::At(at) => {
                ready += 1;
                wake = earlier(wake, Some(at));
            }
            Availability::No => {}
        }
    }
    (ready, available, wake)
}

/// The pod that a controller makes from its template.
pub(crate) fn from_template(owner: &Value, template: &Value, pod_name: &str) -> Value {
    let mut metadata = json!({"name": pod_name, "namespace": namespace(owner)});
    for key in ["labels", "annotations", "finalizers"] {
        if let Some(value) = at(template, &["metadata", key]) {
            object::set(&mut metadata, key, value.clone());
        }
    }
    object::set(&mut metadata, "ownerReferences", json!([controller_reference(owner)]));
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": at(template, &["spec"]).cloned().unwrap_or_else(|| json!({})),
    })
}

/// As [`from_template`], with a name that is generated from the owner's.
pub(crate) fn generated(context: &Context, owner: &Value, template: &Value) -> Value {
    let prefix = format!("{}-", name(owner));
    // A name has at most 63 characters, so that it can be a label's value.
    let kept: String = prefix.chars().take(58).collect();
    let mut pod = from_template(owner, template, &format!("{kept}{}", context.suffix()));
    set_at(&mut pod, &["metadata", "generateName"], json!(prefix));
    pod
}

/// Makes an owner the controller of an object that its selector matches and that nobody controls.
pub(crate) async fn adopt(
    context: &Context,
    store: &crate::store::Store,
    owner: &Value,
    orphan: &Value,
) -> Result<(), ApiError> {
    let mut owners = object::list(orphan, &["metadata", "ownerReferences"]).to_vec();
    owners.push(controller_reference(owner));
    let patch = json!({"metadata": {"ownerReferences": owners}});
    store.patch(&context.api, orphan, patch).await.map(|_| ())
}

/// Whether an object can be adopted: nobody controls it, and it is not on its way out.
pub(crate) fn is_orphan(object: &Value) -> bool {
    object::controller(object).is_none() && !deleting(object)
}

/// The order in which a controller that has too many pods deletes them: those that would be missed least first.
pub(crate) fn least_wanted_first(pods: &mut [Object]) {
    pods.sort_by_cached_key(|pod| {
        let phase_rank = match phase(pod) {
            "Pending" | "" => 0,
            "Running" => 2,
            _ => 1,
        };
        let cost: i64 =
            object::annotation(pod, "controller.kubernetes.io/pod-deletion-cost").parse().unwrap_or(0);
        let created = time(pod, &["metadata", "creationTimestamp"]).map_or(0, |at| at.as_second());
        (
            !text(pod, &["spec", "nodeName"]).is_empty(),
            phase_rank,
            is_ready(pod),
            cost,
            std::cmp::Reverse(created),
            name(pod).to_owned(),
        )
    });
}

/// The sum of the restarts of a pod's containers.
pub(crate) fn restarts(pod: &Value) -> i64 {
    ["containerStatuses", "initContainerStatuses"]
        .iter()
        .flat_map(|field| object::list(pod, &["status", field]))
        .map(|status| number_or(status, &["restartCount"], 0))
        .sum()
}

/// Whether a container is a sidecar: an init container that keeps running.
pub(crate) fn is_sidecar(container: &Value) -> bool {
    text(container, &["restartPolicy"]) == "Always"
}

/// Whether the pod shares its node's network, and so its address.
pub(crate) fn uses_host_network(pod: &Value) -> bool {
    flag(pod, &["spec", "hostNetwork"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::sync::Arc;

    fn ready_since(since: &str) -> Value {
        json!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}]}})
    }

    #[rstest]
    #[case::at_once(0, Availability::Yes)]
    #[case::long_enough(60, Availability::Yes)]
    #[case::not_yet(61, Availability::At("2026-01-01T00:01:01Z".parse().unwrap()))]
    fn a_ready_pod_is_available_after_its_minimum_time(#[case] min: i64, #[case] want: Availability) {
        let now = "2026-01-01T00:01:00Z".parse().unwrap();
        assert_eq!(availability(&ready_since("2026-01-01T00:00:00Z"), min, now), want);
    }

    #[test]
    fn unscheduled_then_pending_then_unready_then_cheap_pods_go_first() {
        let pod = |name: &str, node: &str, phase: &str, ready: &str, cost: &str| -> Object {
            Arc::new(json!({
                "metadata": {"name": name, "annotations": {"controller.kubernetes.io/pod-deletion-cost": cost}},
                "spec": {"nodeName": node},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}}))
        };
        let mut pods = vec![
            pod("dear", "n", "Running", "True", "5"),
            pod("cheap", "n", "Running", "True", "-5"),
            pod("unready", "n", "Running", "False", "0"),
            pod("pending", "n", "Pending", "False", "0"),
            pod("unscheduled", "", "Pending", "False", "0"),
        ];
        least_wanted_first(&mut pods);
        let names: Vec<&str> = pods.iter().map(|pod| name(pod)).collect();
        assert_eq!(names, ["unscheduled", "pending", "unready", "cheap", "dear"]);
    }
}
