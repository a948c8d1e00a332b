//! The status of an object by the rules of kstatus. Pure.

use super::workload;
use crate::object::{self, ObjectRef};
use serde_json::Value;
use std::fmt;

/// How far an object is on its way to what its spec says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kstatus {
    /// There.
    Current,
    /// On its way.
    InProgress,
    /// Stuck.
    Failed,
    /// Being deleted.
    Terminating,
    /// Not in the cluster.
    NotFound,
    /// It cannot be told.
    Unknown,
}

impl fmt::Display for Kstatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The status of `object`.
pub(crate) fn compute(object: &Value) -> Kstatus {
    generic(object).unwrap_or_else(|| by_kind(object))
}

/// What holds for all kinds.
pub(crate) fn generic(object: &Value) -> Option<Kstatus> {
    if object::is_deleted(object) {
        return Some(Kstatus::Terminating);
    }
    let observed = object["status"]["observedGeneration"].as_i64();
    if observed.is_some_and(|observed| observed != object::generation(object)) {
        return Some(Kstatus::InProgress);
    }
    if object::is_true(object, "Reconciling") {
        return Some(Kstatus::InProgress);
    }
    object::is_true(object, "Stalled").then_some(Kstatus::Failed)
}

fn by_kind(object: &Value) -> Kstatus {
    let who = ObjectRef::of(object);
    match (who.group.as_str(), who.kind.as_str()) {
        ("", "Service") => service(object),
        ("", "Pod") => workload::pod(object),
        ("", "PersistentVolumeClaim") => {
            if object["status"]["phase"] == "Bound" {
                Kstatus::Current
            } else {
                Kstatus::InProgress
            }
        }
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => Kstatus::Current,
        ("apps" | "extensions", "Deployment") => workload::deployment(object),
        ("apps" | "extensions", "ReplicaSet") => workload::replica_set(object),
        ("apps" | "extensions", "DaemonSet") => workload::daemon_set(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("batch", "Job") => workload::job(object),
        ("policy", "PodDisruptionBudget") => {
            let status = &object["status"];
            let number = |field: &str| status[field].as_i64().unwrap_or_default();
            if number("currentHealthy") < number("desiredHealthy") {
                Kstatus::InProgress
            } else {
                Kstatus::Current
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => ready(object),
    }
}

fn service(object: &Value) -> Kstatus {
    let balanced = object["spec"]["type"] == "LoadBalancer";
    let has_address = object["spec"]["clusterIP"].as_str().is_some_and(|ip| !ip.is_empty());
    if balanced && !has_address { Kstatus::InProgress } else { Kstatus::Current }
}

fn definition(object: &Value) -> Kstatus {
    let says = |type_: &str, status: &str| object::condition(object, type_).filter(|c| c["status"] == status);
    if says("NamesAccepted", "False").is_some() {
        return Kstatus::Failed;
    }
    match (says("Established", "True"), says("Established", "False")) {
        (Some(_), _) => Kstatus::Current,
        (None, Some(condition)) if condition["reason"] != "Installing" => Kstatus::Failed,
        _ => Kstatus::InProgress,
    }
}

/// Kinds without rules of their own: by their Ready condition, if they have one.
fn ready(object: &Value) -> Kstatus {
    match object::condition(object, "Ready").map(|condition| condition["status"] == "True") {
        Some(false) => Kstatus::InProgress,
        Some(true) | None => Kstatus::Current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn object(api_version: &str, kind: &str, rest: Value) -> Value {
        let mut object = json!({ "apiVersion": api_version, "kind": kind,
                                 "metadata": { "name": "x", "generation": 2 } });
        for (key, value) in rest.as_object().into_iter().flatten() {
            if key == "metadata" {
                object["metadata"]
                    .as_object_mut()
                    .expect("a map")
                    .extend(value.as_object().cloned().unwrap_or_default());
            } else {
                object[key] = value.clone();
            }
        }
        object
    }

    fn ready(status: &str) -> Value {
        json!({ "status": { "conditions": [{ "type": "Ready", "status": status }] } })
    }

    #[rstest]
    #[case::no_status("v1", "Namespace", json!({}), Kstatus::Current)]
    #[case::deleted("v1", "ConfigMap", json!({"metadata": {"deletionTimestamp": "t"}}), Kstatus::Terminating)]
    #[case::not_observed("x/v1", "X", json!({"status": {"observedGeneration": 1}}), Kstatus::InProgress)]
    #[case::reconciling(
        "x/v1", "X", json!({"status": {"conditions": [{"type": "Reconciling", "status": "True"}]}}),
        Kstatus::InProgress
    )]
    #[case::stalled(
        "x/v1", "X", json!({"status": {"conditions": [{"type": "Stalled", "status": "True"}]}}),
        Kstatus::Failed
    )]
    #[case::custom_ready("x/v1", "X", ready("True"), Kstatus::Current)]
    #[case::custom_not_ready("x/v1", "X", ready("False"), Kstatus::InProgress)]
    #[case::custom_unknown("x/v1", "X", ready("Unknown"), Kstatus::InProgress)]
    #[case::custom_without_conditions("x/v1", "X", json!({"status": {}}), Kstatus::Current)]
    #[case::service("v1", "Service", json!({"spec": {"type": "ClusterIP"}}), Kstatus::Current)]
    #[case::balancer("v1", "Service", json!({"spec": {"type": "LoadBalancer"}}), Kstatus::InProgress)]
    #[case::claim("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Pending"}}), Kstatus::InProgress)]
    #[case::definition(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition",
        json!({"status": {"conditions": [{"type": "Established", "status": "True"}]}}), Kstatus::Current
    )]
    #[case::definition_before(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({}), Kstatus::InProgress
    )]
    #[case::definition_refused(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition",
        json!({"status": {"conditions": [{"type": "NamesAccepted", "status": "False"}]}}), Kstatus::Failed
    )]
    fn a_kind_has_its_rule(
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] rest: Value,
        #[case] expected: Kstatus,
    ) {
        assert_eq!(compute(&object(api_version, kind, rest)), expected);
    }
}
