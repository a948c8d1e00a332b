//! The status of a Deployment: counts and conditions. Pure.

use super::conditions::{Condition, find, put, remove};
use super::rollout::Limits;
use crate::object::{
    self, Object, at, flag, generation, list, name, number, number_or, rfc3339, seconds_later, set, text,
    time,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What a look at a Deployment found out, beside the object itself.
pub(crate) struct Seen<'a> {
    pub(crate) deployment: &'a Value,
    /// Its ReplicaSets, the new one included.
    pub(crate) sets: &'a [Object],
    /// The ReplicaSet of the present template.
    pub(crate) new: Option<&'a Object>,
    /// The new ReplicaSet was created just now.
    pub(crate) created: bool,
    /// Why the new ReplicaSet could not be created.
    pub(crate) failure: Option<String>,
    pub(crate) collisions: Option<i64>,
    pub(crate) now: Timestamp,
}

/// The status, and when the progress deadline passes.
pub(crate) fn status(seen: &Seen<'_>) -> (Value, Option<Timestamp>) {
    let deployment = seen.deployment;
    let nothing = json!({});
    let old = deployment.get("status").unwrap_or(&nothing);
    let sum =
        |field: &str| -> i64 { seen.sets.iter().map(|set| number_or(set, &["status", field], 0)).sum() };
    let limits = Limits::of(deployment);
    let replicas = sum("replicas");
    let ready = sum("readyReplicas");
    let available = sum("availableReplicas");
    let updated = seen.new.map_or(0, |new| number_or(new, &["status", "replicas"], 0));
    let total_wanted: i64 = seen.sets.iter().map(|set| number_or(set, &["spec", "replicas"], 0)).sum();
    let unavailable = (total_wanted - available).max(0);

    let mut status = old.clone();
    set(&mut status, "observedGeneration", json!(generation(deployment)));
    for (field, count) in [
        ("replicas", replicas),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", available),
        ("unavailableReplicas", unavailable),
    ] {
        set(&mut status, field, if count == 0 { Value::Null } else { json!(count) });
    }
    if let Some(collisions) = seen.collisions {
        set(&mut status, "collisionCount", json!(collisions));
    }

    let mut conditions = list(old, &["conditions"]).to_vec();
    let enough = available >= limits.fewest_available();
    let condition = if enough {
        Condition::new(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        Condition::new(
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    update(&mut conditions, &condition, seen.now, false);

    let counts = Counts { replicas, updated, ready, available };
    let deadline = progress(seen, &mut conditions, limits, counts);
    replica_failure(seen, &mut conditions);
    set(&mut status, "conditions", json!(conditions));
    (status, deadline)
}

#[derive(Clone, Copy)]
struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

/// Sets a condition that has a `lastUpdateTime`: it moves when status or reason change, or when `touch` is set.
fn update(conditions: &mut Vec<Value>, condition: &Condition, now: Timestamp, touch: bool) {
    let known = find(conditions, condition.kind);
    let same = known.is_some_and(|known| {
        text(known, &["status"]) == condition.status && text(known, &["reason"]) == condition.reason
    });
    if same && !touch {
        return;
    }
    let mut value = condition.to_value(known, now);
    set(&mut value, "lastUpdateTime", rfc3339(now));
    put(conditions, value);
}

/// Maintains the condition Progressing; returns when its deadline passes.
fn progress(
    seen: &Seen<'_>,
    conditions: &mut Vec<Value>,
    limits: Limits,
    counts: Counts,
) -> Option<Timestamp> {
    let deployment = seen.deployment;
    let seconds = number_or(deployment, &["spec", "progressDeadlineSeconds"], 600);
    if seconds == i64::from(i32::MAX) {
        remove(conditions, "Progressing");
        return None;
    }
    let reason_of = |conditions: &[Value]| {
        find(conditions, "Progressing").map(|known| text(known, &["reason"]).to_owned()).unwrap_or_default()
    };
    let set_name = seen.new.map(|new| name(new).to_owned()).unwrap_or_default();
    let known = reason_of(conditions);
    if let Some(message) = &seen.failure {
        let condition = Condition::new("Progressing", "False", "ReplicaSetCreateError", message.clone());
        update(conditions, &condition, seen.now, false);
        return None;
    }
    if flag(deployment, &["spec", "paused"]) {
        if known != "DeploymentPaused" && known != "ProgressDeadlineExceeded" {
            let condition =
                Condition::new("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
            update(conditions, &condition, seen.now, false);
        }
        return None;
    }
    if known == "DeploymentPaused" {
        let condition =
            Condition::new("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
        update(conditions, &condition, seen.now, false);
    }
    if seen.created {
        let message = format!("Created new replica set \"{set_name}\"");
        update(
            conditions,
            &Condition::new("Progressing", "True", "NewReplicaSetCreated", message),
            seen.now,
            false,
        );
    } else if known.is_empty() && seen.new.is_some() {
        let message = format!("Found new replica set \"{set_name}\"");
        update(
            conditions,
            &Condition::new("Progressing", "True", "FoundNewReplicaSet", message),
            seen.now,
            false,
        );
    }

    let was_complete = reason_of(conditions) == "NewReplicaSetAvailable" && counts.replicas == counts.updated;
    let complete = counts.updated == limits.replicas
        && counts.replicas == limits.replicas
        && counts.available == limits.replicas;
    if complete {
        let message = format!("ReplicaSet \"{set_name}\" has successfully progressed.");
        let condition = Condition::new("Progressing", "True", "NewReplicaSetAvailable", message);
        // A new template that completes at once has the same reason with another name.
        let renamed = find(conditions, "Progressing")
            .is_some_and(|known| text(known, &["message"]) != condition.message);
        update(conditions, &condition, seen.now, renamed);
        return None;
    }
    if was_complete {
        return None;
    }
    let old = |field: &str| number(deployment, &["status", field]).unwrap_or(0);
    let advanced = counts.updated > old("updatedReplicas")
        || counts.replicas - counts.updated < old("replicas") - old("updatedReplicas")
        || counts.ready > old("readyReplicas")
        || counts.available > old("availableReplicas");
    if advanced {
        let message = format!("ReplicaSet \"{set_name}\" is progressing.");
        update(
            conditions,
            &Condition::new("Progressing", "True", "ReplicaSetUpdated", message),
            seen.now,
            true,
        );
    }
    let known = find(conditions, "Progressing")?;
    if matches!(text(known, &["reason"]), "ProgressDeadlineExceeded" | "NewReplicaSetAvailable") {
        return None;
    }
    let deadline = seconds_later(time(known, &["lastUpdateTime"])?, seconds);
    if deadline <= seen.now {
        let message = format!("ReplicaSet \"{set_name}\" has timed out progressing.");
        let condition = Condition::new("Progressing", "False", "ProgressDeadlineExceeded", message);
        update(conditions, &condition, seen.now, false);
        return None;
    }
    Some(deadline)
}

/// Passes on the failure of a ReplicaSet to make its pods.
fn replica_failure(seen: &Seen<'_>, conditions: &mut Vec<Value>) {
    let failure = |set: &&Object| {
        at(set, &["status"]).and_then(|status| object::condition(status, "ReplicaFailure")).cloned()
    };
    let others =
        || seen.sets.iter().filter(|set| seen.new.is_none_or(|new| object::uid(new) != object::uid(set)));
    match seen.new.as_ref().and_then(failure).or_else(|| others().find_map(|set| failure(&set))) {
        Some(failure) => {
            let condition = Condition::new(
                "ReplicaFailure",
                "True",
                text(&failure, &["reason"]),
                text(&failure, &["message"]),
            );
            update(conditions, &condition, seen.now, false);
        }
        None => remove(conditions, "ReplicaFailure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::sync::Arc;

    fn at_second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn set(uid: &str, wanted: i64, pods: i64, available: i64) -> Object {
        Arc::new(json!({
            "metadata": {"name": uid, "uid": uid}, "spec": {"replicas": wanted},
            "status": {"replicas": pods, "readyReplicas": available, "availableReplicas": available}}))
    }

    fn deployment(status: Value) -> Value {
        json!({"metadata": {"name": "web", "generation": 2},
            "spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": status})
    }

    fn look(deployment: &Value, sets: &[Object], created: bool, now: i64) -> (Value, Option<Timestamp>) {
        let new = sets.first();
        status(&Seen { deployment, sets, new, created, failure: None, collisions: None, now: at_second(now) })
    }

    fn reason(status: &Value, kind: &str) -> String {
        object::condition(status, kind).map(|c| text(c, &["reason"]).to_owned()).unwrap_or_default()
    }

    #[rstest]
    #[case::just_created(set("new", 2, 0, 0), true, "NewReplicaSetCreated", "MinimumReplicasUnavailable")]
    #[case::pods_appear(set("new", 2, 2, 0), false, "ReplicaSetUpdated", "MinimumReplicasUnavailable")]
    #[case::all_available(set("new", 2, 2, 2), false, "NewReplicaSetAvailable", "MinimumReplicasAvailable")]
    fn a_rollout_is_told_by_its_conditions(
        #[case] new: Object,
        #[case] created: bool,
        #[case] progressing: &str,
        #[case] available: &str,
    ) {
        let (status, _) = look(&deployment(json!({})), &[new], created, 100);
        assert_eq!(reason(&status, "Progressing"), progressing);
        assert_eq!(reason(&status, "Available"), available);
        assert_eq!(number(&status, &["observedGeneration"]), Some(2));
    }

    #[test]
    fn the_deadline_counts_from_the_last_progress_and_is_told_once() {
        let sets = [set("new", 2, 2, 0)];
        let (first, deadline) = look(&deployment(json!({})), &sets, false, 100);
        assert_eq!(deadline, Some(at_second(700)));
        let (same, _) = look(&deployment(first.clone()), &sets, false, 650);
        assert_eq!(same, first, "nothing has happened");
        let (late, none) = look(&deployment(first), &sets, false, 700);
        assert_eq!(reason(&late, "Progressing"), "ProgressDeadlineExceeded");
        assert_eq!(none, None);
        let (again, _) = look(&deployment(late.clone()), &sets, false, 9000);
        assert_eq!(again, late);
        let (recovered, _) = look(&deployment(late), &[set("new", 2, 2, 2)], false, 9001);
        assert_eq!(reason(&recovered, "Progressing"), "NewReplicaSetAvailable");
    }

    #[test]
    fn a_complete_deployment_that_loses_a_pod_is_not_timed() {
        let (complete, _) = look(&deployment(json!({})), &[set("new", 2, 2, 2)], false, 100);
        let (short, deadline) = look(&deployment(complete), &[set("new", 2, 2, 1)], false, 200);
        assert_eq!(reason(&short, "Progressing"), "NewReplicaSetAvailable");
        assert_eq!(deadline, None);
        assert_eq!(reason(&short, "Available"), "MinimumReplicasUnavailable");
    }

    #[test]
    fn a_paused_deployment_has_an_unknown_progress_and_no_deadline() {
        let mut paused = deployment(json!({}));
        object::set_at(&mut paused, &["spec", "paused"], json!(true));
        let (status, deadline) = look(&paused, &[set("new", 2, 2, 0)], false, 100);
        assert_eq!(reason(&status, "Progressing"), "DeploymentPaused");
        assert_eq!(deadline, None);
    }

    #[test]
    fn a_replica_set_that_cannot_make_pods_is_passed_on_until_it_can() {
        let failing = Arc::new(json!({
            "metadata": {"name": "new", "uid": "new"}, "spec": {"replicas": 2},
            "status": {"replicas": 0, "conditions": [
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]}}));
        let (status, _) = look(&deployment(json!({})), &[failing], false, 100);
        assert_eq!(reason(&status, "ReplicaFailure"), "FailedCreate");
        let (status, _) = look(&deployment(status), &[set("new", 2, 2, 0)], false, 101);
        assert_eq!(reason(&status, "ReplicaFailure"), "");
    }
}
