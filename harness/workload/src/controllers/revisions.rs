//! The revisions of a Deployment's ReplicaSets, kept in annotations. Pure.

use super::deployment::{DESIRED, MOST, REVISION};
use super::rollout::Limits;
use crate::object::{Object, annotation, map, set};
use serde_json::{Value, json};

const HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// Annotations of a Deployment that its ReplicaSets do not get.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MOST,
    "deprecated.deployment.rollback.to",
];

/// The revision of a ReplicaSet; 0 where it has none.
pub(crate) fn revision(set: &Value) -> i64 {
    annotation(set, REVISION).parse().unwrap_or(0)
}

/// The revision of the newest template, given the ReplicaSets of all others.
pub(crate) fn next_revision(old: &[Object]) -> i64 {
    old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1
}

/// The annotations that the ReplicaSet of the present template is to have: the Deployment's, its revision (with the
/// revisions that it had before), and the sizes that are wanted. `set` is the ReplicaSet as it stands, if it exists.
pub(crate) fn annotations_for(
    deployment: &Value,
    set_as_is: Option<&Object>,
    revision: i64,
    limits: Limits,
) -> Value {
    let mut wanted = set_as_is
        .and_then(|known| map(known, &["metadata", "annotations"]))
        .map_or_else(|| json!({}), |known| Value::Object(known.clone()));
    for (key, value) in map(deployment, &["metadata", "annotations"]).into_iter().flatten() {
        if !OWN.contains(&key.as_str()) {
            set(&mut wanted, key, value.clone());
        }
    }
    let before = set_as_is.map(|known| annotation(known, REVISION)).unwrap_or_default();
    let now = revision.to_string();
    if !before.is_empty() && before != now {
        let history = set_as_is.map(|known| annotation(known, HISTORY)).unwrap_or_default();
        let history = if history.is_empty() { before.to_owned() } else { format!("{history},{before}") };
        set(&mut wanted, HISTORY, json!(history));
    }
    set(&mut wanted, REVISION, json!(now));
    set(&mut wanted, DESIRED, json!(limits.replicas.to_string()));
    set(&mut wanted, MOST, json!(limits.most().to_string()));
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_rollback_gives_the_old_replica_set_the_newest_revision_and_remembers_its_own() {
        let deployment = json!({"metadata": {"annotations": {"team": "a", REVISION: "3"}}});
        let set: Object = Arc::new(json!({"metadata": {"annotations": {REVISION: "1", "team": "old"}}}));
        let limits = Limits { replicas: 2, max_surge: 1, max_unavailable: 0 };
        let first = annotations_for(&deployment, Some(&set), 4, limits);
        assert_eq!(first, json!({REVISION: "4", "team": "a", HISTORY: "1", DESIRED: "2", MOST: "3"}));
        let again: Object = Arc::new(json!({"metadata": {"annotations": first}}));
        let second = annotations_for(&deployment, Some(&again), 6, limits);
        assert_eq!(second[HISTORY], json!("1,4"));
    }

    #[test]
    fn a_new_replica_set_does_not_get_the_deployments_own_annotations() {
        let deployment = json!({"metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "x"}}});
        let limits = Limits { replicas: 1, max_surge: 1, max_unavailable: 0 };
        let got = annotations_for(&deployment, None, 1, limits);
        assert_eq!(got, json!({"note": "x", REVISION: "1", DESIRED: "1", MOST: "2"}));
    }
}
