//! PodDisruptionBudgets: how many pods may be evicted.

use super::conditions::{Condition, put};
use super::pods::{is_finished, is_ready};
use super::rollout::scaled;
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::Recorder;
use crate::labels::selects;
use crate::object::{Key, Object, at, controller, deleting, generation, list, namespace, number, set, text};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Brings the status of a budget up to date.
pub(crate) async fn reconcile(context: &Context, _: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.pod_disruption_budgets;
    let Some(budget) = store.get(key).filter(|budget| !deleting(budget)) else { return Ok(None) };
    let selector = at(&budget, &["spec", "selector"]);
    let pods: Vec<Object> = context
        .stores
        .pods
        .in_namespace(namespace(&budget))
        .into_iter()
        .filter(|pod| selects(selector, at(pod, &["metadata", "labels"])) && !is_finished(pod))
        .collect();
    let mut expected = BTreeMap::new();
    for pod in &pods {
        if let Some((uid, replicas)) = scale_of(context, pod) {
            expected.insert(uid, replicas);
        }
    }
    let by_scale = if expected.is_empty() { None } else { Some(expected.values().sum()) };
    let status = status(&budget, &pods, by_scale, context.clock.now());
    store.write_status(&context.api, &budget, &status).await?;
    Ok(None)
}

/// The uid of the object that decides how many of such pods there are, and that number.
fn scale_of(context: &Context, pod: &Value) -> Option<(String, i64)> {
    let owner = controller(pod)?;
    let key = Key::new(namespace(pod), text(owner, &["name"]));
    let stores = &context.stores;
    let scale = match text(owner, &["kind"]) {
        "ReplicaSet" => {
            let set = stores.replica_sets.get(&key)?;
            match controller(&set).filter(|owner| text(owner, &["kind"]) == "Deployment") {
                Some(owner) => stores.deployments.get(&Key::new(namespace(pod), text(owner, &["name"])))?,
                None => set,
            }
        }
        "StatefulSet" => stores.stateful_sets.get(&key)?,
        _ => return None,
    };
    Some((crate::object::uid(&scale).to_owned(), number(&scale, &["spec", "replicas"]).unwrap_or(1)))
}

/// `by_scale` is the number of pods that the objects above them want; without it the pods themselves are counted.
fn status(budget: &Value, pods: &[Object], by_scale: Option<i64>, now: Timestamp) -> Value {
    let present = i64::try_from(pods.len()).unwrap_or(0);
    let total = by_scale.unwrap_or(present);
    let healthy =
        i64::try_from(pods.iter().filter(|pod| is_ready(pod) && !deleting(pod)).count()).unwrap_or(0);
    let (expected, desired) = match at(budget, &["spec", "maxUnavailable"]) {
        Some(bound) => (total, (total - scaled(Some(bound), total, true).unwrap_or(0)).max(0)),
        None => match at(budget, &["spec", "minAvailable"]) {
            Some(Value::Number(number)) => (present, number.as_i64().unwrap_or(0)),
            bound => (total, scaled(bound, total, true).unwrap_or(0)),
        },
    };
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let mut status = budget.get("status").cloned().unwrap_or_else(|| json!({}));
    for (field, count) in [
        ("observedGeneration", generation(budget)),
        ("currentHealthy", healthy),
        ("desiredHealthy", desired),
        ("expectedPods", expected),
        ("disruptionsAllowed", allowed),
    ] {
        set(&mut status, field, json!(count));
    }
    let condition = match allowed > 0 {
        true => Condition::new("DisruptionAllowed", "True", "SufficientPods", ""),
        false => Condition::new("DisruptionAllowed", "False", "InsufficientPods", ""),
    };
    let mut conditions = list(&status, &["conditions"]).to_vec();
    let mut value = condition.to_value(crate::object::condition(&status, "DisruptionAllowed"), now);
    // These two are required, empty or not.
    set(&mut value, "message", json!(""));
    set(&mut value, "observedGeneration", json!(generation(budget)));
    put(&mut conditions, value);
    set(&mut status, "conditions", json!(conditions));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::sync::Arc;

    #[rstest]
    #[case::one_may_go(json!({"minAvailable": 2}), 3, 3, 1)]
    #[case::none_may_go(json!({"minAvailable": 3}), 3, 3, 0)]
    #[case::percent(json!({"minAvailable": "50%"}), 3, 3, 1)]
    #[case::max_unavailable(json!({"maxUnavailable": 1}), 3, 3, 1)]
    #[case::one_is_down(json!({"maxUnavailable": 1}), 3, 2, 0)]
    fn budgets_count_what_may_be_evicted(
        #[case] spec: Value,
        #[case] total: usize,
        #[case] ready: usize,
        #[case] allowed: i64,
    ) {
        let pods: Vec<Object> = (0..total)
            .map(|i| {
                let ready = if i < ready { "True" } else { "False" };
                Arc::new(json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}}))
            })
            .collect();
        let budget = json!({"metadata": {"generation": 1}, "spec": spec});
        let got = status(&budget, &pods, Some(i64::try_from(total).unwrap()), Timestamp::UNIX_EPOCH);
        assert_eq!(got["disruptionsAllowed"], json!(allowed));
    }
}
