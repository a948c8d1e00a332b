//! kstatus rules for Pods and what makes Pods. Pure.

use super::kstatus::Kstatus;
use crate::object;
use serde_json::Value;

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn all(checks: impl IntoIterator<Item = bool>) -> Kstatus {
    if checks.into_iter().all(|check| check) { Kstatus::Current } else { Kstatus::InProgress }
}

pub(super) fn deployment(object: &Value) -> Kstatus {
    let (spec, status) = (&object["spec"], &object["status"]);
    let progressing = object::condition(object, "Progressing");
    if progressing.is_some_and(|condition| condition["reason"] == "ProgressDeadlineExceeded") {
        return Kstatus::Failed;
    }
    // Without a deadline the controller does not tell of progress.
    let has_deadline = spec["progressDeadlineSeconds"].as_i64().is_some_and(|s| s != i64::from(i32::MAX));
    let progressed = progressing.is_some_and(|condition| {
        condition["status"] == "True" && condition["reason"] == "NewReplicaSetAvailable"
    });
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let updated = number(&status["updatedReplicas"]);
    all([
        number(&status["replicas"]) >= wanted,
        updated >= wanted,
        number(&status["replicas"]) <= wanted,
        number(&status["availableReplicas"]) >= updated,
        number(&status["readyReplicas"]) >= wanted,
        progressed || !has_deadline,
        object::is_true(object, "Available"),
    ])
}

pub(super) fn replica_set(object: &Value) -> Kstatus {
    let status = &object["status"];
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    all([
        !object::is_true(object, "ReplicaFailure"),
        number(&status["fullyLabeledReplicas"]) >= wanted,
        number(&status["availableReplicas"]) >= wanted,
        number(&status["readyReplicas"]) >= wanted,
        number(&status["replicas"]) <= wanted,
    ])
}

pub(super) fn daemon_set(object: &Value) -> Kstatus {
    let status = &object["status"];
    // Zeros are there before any controller has looked.
    let observed = status["observedGeneration"].is_i64();
    let Some(wanted) = status["desiredNumberScheduled"].as_i64().filter(|_| observed) else {
        return Kstatus::InProgress;
    };
    all(["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"]
        .map(|field| number(&status[field]) >= wanted))
}

pub(super) fn stateful_set(object: &Value) -> Kstatus {
    let (spec, status) = (&object["spec"], &object["status"]);
    let strategy = &spec["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        return Kstatus::Current;
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let basics = all([
        number(&status["replicas"]) >= wanted,
        number(&status["readyReplicas"]) >= wanted,
        number(&status["replicas"]) <= wanted,
    ]);
    if basics != Kstatus::Current {
        return basics;
    }
    match strategy["rollingUpdate"]["partition"].as_i64().filter(|partition| *partition > 0) {
        Some(partition) => all([number(&status["updatedReplicas"]) >= wanted - partition]),
        None => all([
            number(&status["currentReplicas"]) >= wanted,
            status["currentRevision"] == status["updateRevision"],
        ]),
    }
}

/// A Job is current when it is complete, as in Flux; kstatus itself is content with a start.
pub(super) fn job(object: &Value) -> Kstatus {
    if object::is_true(object, "Complete") || object::is_true(object, "Suspended") {
        Kstatus::Current
    } else if object::is_true(object, "Failed") {
        Kstatus::Failed
    } else {
        Kstatus::InProgress
    }
}

pub(super) fn pod(object: &Value) -> Kstatus {
    let status = &object["status"];
    let crashing = ["containerStatuses", "initContainerStatuses"].into_iter().any(|field| {
        let containers = status[field].as_array().into_iter().flatten();
        let mut reasons = containers.map(|container| &container["state"]["waiting"]["reason"]);
        reasons.any(|reason| reason == "CrashLoopBackOff")
    });
    match status["phase"].as_str() {
        Some("Succeeded") => Kstatus::Current,
        Some("Failed") => Kstatus::Failed,
        Some("Running") if object::is_true(object, "Ready") => Kstatus::Current,
        Some("Running")
            if object::condition(object, "Ready").is_some_and(|c| c["reason"] == "PodCompleted") =>
        {
            Kstatus::Current
        }
        Some("Running" | "Pending") if crashing => Kstatus::Failed,
        _ => Kstatus::InProgress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn available(replicas: i64, ready: i64, extra: &[(&str, &str, &str)]) -> Value {
        let conditions: Vec<Value> = extra
            .iter()
            .map(|(type_, status, reason)| json!({ "type": type_, "status": status, "reason": reason }))
            .collect();
        json!({
            "spec": { "replicas": 2, "progressDeadlineSeconds": 600 },
            "status": { "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": ready,
                        "availableReplicas": ready, "conditions": conditions },
        })
    }

    const DONE: (&str, &str, &str) = ("Progressing", "True", "NewReplicaSetAvailable");
    const AVAILABLE: (&str, &str, &str) = ("Available", "True", "MinimumReplicasAvailable");

    #[rstest]
    #[case::there(available(2, 2, &[DONE, AVAILABLE]), Kstatus::Current)]
    #[case::one_not_ready(available(2, 1, &[DONE, AVAILABLE]), Kstatus::InProgress)]
    #[case::too_many(available(3, 3, &[DONE, AVAILABLE]), Kstatus::InProgress)]
    #[case::not_available(available(2, 2, &[DONE]), Kstatus::InProgress)]
    #[case::not_progressed(available(2, 2, &[AVAILABLE]), Kstatus::InProgress)]
    #[case::too_late(
        available(2, 1, &[("Progressing", "False", "ProgressDeadlineExceeded")]),
        Kstatus::Failed
    )]
    #[case::new(json!({}), Kstatus::InProgress)]
    fn a_deployment_is_current_when_its_rollout_is_done(#[case] object: Value, #[case] expected: Kstatus) {
        assert_eq!(deployment(&object), expected);
    }

    #[rstest]
    #[case::running(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}), Kstatus::Current)]
    #[case::starting(json!({"phase": "Pending"}), Kstatus::InProgress)]
    #[case::done(json!({"phase": "Succeeded"}), Kstatus::Current)]
    #[case::failed(json!({"phase": "Failed"}), Kstatus::Failed)]
    #[case::crashing(
        json!({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
        Kstatus::Failed
    )]
    fn a_pod_is_current_when_it_is_ready_or_done(#[case] status: Value, #[case] expected: Kstatus) {
        assert_eq!(pod(&json!({ "status": status })), expected);
    }

    #[rstest]
    #[case::complete("Complete", Kstatus::Current)]
    #[case::failed("Failed", Kstatus::Failed)]
    #[case::started("Other", Kstatus::InProgress)]
    fn a_job_is_current_when_it_is_complete(#[case] type_: &str, #[case] expected: Kstatus) {
        let object = json!({ "status": { "conditions": [{ "type": type_, "status": "True" }] } });
        assert_eq!(job(&object), expected);
    }

    #[rstest]
    #[case::there(json!({"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "a"}), Kstatus::Current)]
    #[case::rolling(json!({"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "b"}), Kstatus::InProgress)]
    #[case::new(json!({}), Kstatus::InProgress)]
    fn a_stateful_set_is_current_when_all_replicas_are_updated(
        #[case] status: Value,
        #[case] expected: Kstatus,
    ) {
        assert_eq!(stateful_set(&json!({ "spec": {}, "status": status })), expected);
    }
}
