//! ReplicaSets: keep the wanted number of pods.

use super::pods::{self, adopt, count_available, is_active, is_orphan, least_wanted_first};
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::labels;
use crate::object::{
    self, Key, Object, at, condition, deleting, generation, name, namespace, number_or, rfc3339, set, text,
    uid,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Brings one ReplicaSet's pods, and its status, up to date.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let stores = &context.stores;
    let Some(set) = stores.replica_sets.get(key) else { return Ok(None) };
    let selector = at(&set, &["spec", "selector"]);
    if !deleting(&set) {
        for pod in stores.pods.orphans(namespace(&set)) {
            if is_orphan(&pod)
                && is_active(&pod)
                && labels::selects(selector, at(&pod, &["metadata", "labels"]))
            {
                adopt(context, &stores.pods, &set, &pod).await?;
            }
        }
    }
    let mut failure = None;
    if !deleting(&set) {
        failure = scale(context, recorder, &set).await;
    }
    let mine: Vec<Object> =
        stores.pods.owned_by(uid(&set)).into_iter().filter(|pod| is_active(pod)).collect();
    let now = context.clock.now();
    let min_ready = number_or(&set, &["spec", "minReadySeconds"], 0);
    let (ready, available, wake) = count_available(&mine, min_ready, now);
    let status = status(&set, &mine, ready, available, failure.as_ref(), now);
    stores.replica_sets.write_status(&context.api, &set, &status).await?;
    match failure {
        Some((_, error)) => Err(error),
        None => Ok(wake),
    }
}

/// Creates or deletes pods; a failure comes back with the reason for the condition.
async fn scale(context: &Context, recorder: &Recorder, set: &Object) -> Option<(&'static str, ApiError)> {
    let pods = &context.stores.pods;
    let wanted = number_or(set, &["spec", "replicas"], 1);
    let mut mine: Vec<Object> = pods.owned_by(uid(set)).into_iter().filter(|pod| is_active(pod)).collect();
    let template = at(set, &["spec", "template"])?;
    let have = i64::try_from(mine.len()).unwrap_or(i64::MAX);
    for _ in have..wanted {
        let pod = pods::generated(context, set, template);
        match pods.create(&context.api, &pod).await {
            Ok(pod) => {
                let note = Note::normal("SuccessfulCreate", format!("Created pod: {}", name(&pod)));
                recorder.write(set, &note).await;
            }
            Err(error) => {
                let note = Note::warning("FailedCreate", format!("Error creating: {}", error.message()));
                recorder.write(set, &note).await;
                return Some(("FailedCreate", error));
            }
        }
    }
    if have > wanted {
        least_wanted_first(&mut mine);
        for pod in mine.iter().take(usize::try_from(have - wanted).unwrap_or(0)) {
            match pods.delete(&context.api, pod, None, None).await {
                Ok(()) => {
                    let note = Note::normal("SuccessfulDelete", format!("Deleted pod: {}", name(pod)));
                    recorder.write(set, &note).await;
                }
                Err(error) => {
                    let note = Note::warning("FailedDelete", format!("Error deleting: {}", error.message()));
                    recorder.write(set, &note).await;
                    return Some(("FailedDelete", error));
                }
            }
        }
    }
    None
}

fn status(
    set_object: &Value,
    pods: &[Object],
    ready: i64,
    available: i64,
    failure: Option<&(&'static str, ApiError)>,
    now: Timestamp,
) -> Value {
    let old = at(set_object, &["status"]).cloned().unwrap_or_else(|| json!({}));
    let mut status = old.clone();
    let wanted_labels = object::map(set_object, &["spec", "template", "metadata", "labels"]);
    let labelled = pods.iter().filter(|pod| {
        wanted_labels.is_none_or(|wanted| {
            wanted.iter().all(|(key, value)| at(pod, &["metadata", "labels", key]) == Some(value))
        })
    });
    set(&mut status, "replicas", json!(pods.len()));
    for (field, count) in [
        ("fullyLabeledReplicas", i64::try_from(labelled.count()).unwrap_or(0)),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        // The API leaves zeros out.
        set(&mut status, field, if count == 0 { Value::Null } else { json!(count) });
    }
    set(&mut status, "observedGeneration", json!(generation(set_object)));
    let condition = failure.map(|(reason, error)| {
        let message = error.message();
        let since = condition(&old, "ReplicaFailure")
            .filter(|known| text(known, &["reason"]) == *reason)
            .and_then(|known| known.get("lastTransitionTime").cloned());
        json!([{
            "type": "ReplicaFailure", "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": since.unwrap_or_else(|| rfc3339(now)),
        }])
    });
    set(&mut status, "conditions", condition.unwrap_or(Value::Null));
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_status_counts_pods_and_leaves_zeros_out() {
        let set = json!({
            "metadata": {"name": "web-1", "namespace": "ns", "generation": 4},
            "spec": {"template": {"metadata": {"labels": {"app": "web"}}}},
            "status": {"replicas": 0, "conditions": [{"type": "ReplicaFailure", "status": "True"}]},
        });
        let pods: Vec<Object> = vec![
            Arc::new(json!({"metadata": {"labels": {"app": "web"}}})),
            Arc::new(json!({"metadata": {"labels": {"app": "other"}}})),
        ];
        let got = status(&set, &pods, 1, 0, None, Timestamp::UNIX_EPOCH);
        let want =
            json!({"replicas": 2, "fullyLabeledReplicas": 1, "readyReplicas": 1, "observedGeneration": 4});
        assert_eq!(got, want);
    }
}
