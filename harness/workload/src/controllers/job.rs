//! Jobs: run pods until enough have succeeded, or too many have failed.

use super::job_status::{
    End, INDEX, deadline, end, is_indexed, is_over, next_attempt, status, tally, wanted_active,
};
use super::pods::{from_template, is_active};
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::object::{
    Key, Object, annotation, at, deleting, earlier, flag, name, number, seconds_later, set_at, text, time,
    uid,
};
use serde_json::{Value, json};

/// Settings of a Job that are not simulated: such a Job is refused, with an event that names them.
const UNSUPPORTED: [&str; 4] =
    ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes"];

/// Takes one step of a Job.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.jobs;
    let Some(job) = store.get(key).filter(|job| !deleting(job)) else { return Ok(None) };
    if !matches!(text(&job, &["spec", "managedBy"]), "" | "kubernetes.io/job-controller") {
        return Ok(None);
    }
    if is_over(&job) {
        return expire(context, &job).await;
    }
    if let Some(field) = UNSUPPORTED.iter().find(|field| at(&job, &["spec", field]).is_some()) {
        let message =
            format!("spec.{field} is not supported by the simulated job controller; no pod is started");
        recorder.write(&job, &Note::warning("UnsupportedField", message)).await;
        return Ok(None);
    }
    let now = context.clock.now();
    let pods = context.stores.pods.owned_by(uid(&job));
    let counted = tally(&job, &pods);
    let ended = end(&job, &counted, now);
    let mut wake = if ended.is_none() { deadline(&job) } else { None };
    let mut failure = None;
    if ended.is_some() || flag(&job, &["spec", "suspend"]) {
        for pod in pods.iter().filter(|pod| is_active(pod)) {
            context.stores.pods.delete(&context.api, pod, None, None).await?;
            recorder
                .write(&job, &Note::normal("SuccessfulDelete", format!("Deleted pod: {}", name(pod))))
                .await;
        }
    } else {
        let missing = wanted_active(&job, &counted) - counted.active;
        match next_attempt(&counted) {
            Some(at) if missing > 0 && at > now => wake = earlier(wake, Some(at)),
            _ => failure = create(context, recorder, &job, missing, &counted).await.err(),
        }
        for pod in pods.iter().filter(|pod| is_active(pod)).take(usize::try_from(-missing).unwrap_or(0)) {
            context.stores.pods.delete(&context.api, pod, None, None).await?;
        }
    }
    let counted = tally(&job, &context.stores.pods.owned_by(uid(&job)));
    let was_over = is_over(&job);
    let status = status(&job, &counted, ended.as_ref(), now);
    store.write_status(&context.api, &job, &status).await?;
    if let Some(ended) = ended.filter(|_| !was_over && counted.active == 0) {
        let note = match ended {
            End::Complete { .. } => Note::normal("Completed", "Job completed"),
            End::Failed { reason, message } => Note::warning(reason, message),
        };
        recorder.write(&job, &note).await;
    }
    failure.map_or(Ok(wake), Err)
}

async fn create(
    context: &Context,
    recorder: &Recorder,
    job: &Object,
    count: i64,
    counted: &super::job_status::Tally,
) -> Result<(), ApiError> {
    let completions = number(job, &["spec", "completions"]).unwrap_or(0);
    let mut free =
        (0..completions).filter(|index| !counted.done.contains(index) && !counted.busy.contains(index));
    let template = at(job, &["spec", "template"]).unwrap_or(&Value::Null);
    for _ in 0..count {
        let pod = if is_indexed(job) {
            let Some(index) = free.next() else { return Ok(()) };
            indexed_pod(context, job, template, index)
        } else {
            super::pods::generated(context, job, template)
        };
        let pod = labelled(job, pod);
        match context.stores.pods.create(&context.api, &pod).await {
            Ok(pod) => {
                let message = format!("Created pod: {}", name(&pod));
                recorder.write(job, &Note::normal("SuccessfulCreate", message)).await;
            }
            Err(error) => {
                let message = format!("Error creating: {}", error.message());
                recorder.write(job, &Note::warning("FailedCreate", message)).await;
                return Err(error);
            }
        }
    }
    Ok(())
}

fn indexed_pod(context: &Context, job: &Value, template: &Value, index: i64) -> Value {
    let pod_name = format!("{}-{index}-{}", name(job), context.suffix());
    let mut pod = from_template(job, template, &pod_name);
    set_at(&mut pod, &["metadata", "annotations", INDEX], json!(index.to_string()));
    set_at(&mut pod, &["metadata", "labels", INDEX], json!(index.to_string()));
    set_at(&mut pod, &["spec", "hostname"], json!(format!("{}-{index}", name(job))));
    pod
}

/// The labels by which the pods of a Job are found. The API server puts them into the template.
fn labelled(job: &Value, mut pod: Value) -> Value {
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", uid(job)),
        ("batch.kubernetes.io/job-name", name(job)),
        ("controller-uid", uid(job)),
        ("job-name", name(job)),
    ] {
        if at(&pod, &["metadata", "labels", key]).is_none() {
            set_at(&mut pod, &["metadata", "labels", key], json!(value));
        }
    }
    if annotation(&pod, INDEX).is_empty() {
        return pod;
    }
    // Each container of an indexed Job learns its index.
    let variable = json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {
        "fieldPath": format!("metadata.labels['{INDEX}']")}}});
    for field in ["initContainers", "containers"] {
        let Some(Value::Array(containers)) = pod.get_mut("spec").and_then(|spec| spec.get_mut(field)) else {
            continue;
        };
        for container in containers {
            let mut env = crate::object::list(container, &["env"]).to_vec();
            if !env.iter().any(|known| text(known, &["name"]) == "JOB_COMPLETION_INDEX") {
                env.push(variable.clone());
                crate::object::set(container, "env", json!(env));
            }
        }
    }
    pod
}

/// Deletes an ended Job when its time to live is over.
async fn expire(context: &Context, job: &Object) -> Result<Wake, ApiError> {
    let Some(ttl) = number(job, &["spec", "ttlSecondsAfterFinished"]) else { return Ok(None) };
    let ended = crate::object::list(job, &["status", "conditions"])
        .iter()
        .filter(|condition| matches!(text(condition, &["type"]), "Complete" | "Failed"))
        .find_map(|condition| time(condition, &["lastTransitionTime"]));
    let Some(at) = ended.map(|ended| seconds_later(ended, ttl)) else { return Ok(None) };
    if context.clock.now() < at {
        return Ok(Some(at));
    }
    context.stores.jobs.delete(&context.api, job, None, Some("Foreground")).await?;
    Ok(None)
}
