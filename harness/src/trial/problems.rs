//! What is not ready, and why.

use super::objects::{FluxObject, ObjectName};
use crate::cluster::Objects;
use serde::Serialize;
use serde_json::Value;

/// Something that is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What.
    pub object: ObjectName,
    /// Why, as the cluster says it.
    pub why: String,
}

/// Everything in the cluster that is not ready: Flux objects first, then pods.
///
/// # Errors
/// What the API server answered, where a list failed.
pub(crate) async fn problems(cluster: &Objects, objects: &[FluxObject]) -> kube::Result<Vec<Problem>> {
    let unready = |o: &&FluxObject| !o.suspended && o.ready.status.is_some() && !o.ready.is_true();
    let mut found: Vec<Problem> = objects
        .iter()
        .filter(unready)
        .map(|o| Problem {
            object: o.name.clone(),
            why: format!("{}: {}", o.ready.reason, o.ready.message.trim_end()),
        })
        .collect();
    for pod in cluster.list("v1", "Pod", None).await? {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if let Some(why) = waiting(&pod["status"]) {
            let object = ObjectName {
                kind: "Pod".to_owned(),
                namespace: text(&pod["metadata"]["namespace"]),
                name: text(&pod["metadata"]["name"]),
            };
            found.push(Problem { object, why });
        }
    }
    Ok(found)
}

/// Why a pod does not run: what its first unready container waits for, or why it cannot be scheduled.
fn waiting(status: &Value) -> Option<String> {
    if matches!(status["phase"].as_str(), Some("Succeeded")) {
        return None;
    }
    let containers = ["initContainerStatuses", "containerStatuses"];
    let waits =
        containers.iter().flat_map(|key| status[*key].as_array().into_iter().flatten()).find_map(|c| {
            let state = &c["state"]["waiting"];
            let reason = state["reason"].as_str()?;
            Some(match state["message"].as_str() {
                Some(message) => format!("{reason}: {message}"),
                None => reason.to_owned(),
            })
        });
    let unready = || {
        let ready = status["conditions"].as_array()?.iter().find(|c| c["type"] == "Ready")?;
        if ready["status"] == "True" {
            return None;
        }
        let (reason, message) = (ready["reason"].as_str()?, ready["message"].as_str().unwrap_or_default());
        Some(format!("{reason}: {message}"))
    };
    waits.or_else(unready)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::running(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}), None)]
    #[case::done(json!({"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}), None)]
    #[case::image_missing(
        json!({"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]}),
        Some("ErrImagePull: not found")
    )]
    #[case::never_ready(
        json!({"phase": "Running", "conditions": [
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers: [a]"}]}),
        Some("ContainersNotReady: containers: [a]")
    )]
    fn a_pod_says_why_it_is_not_ready(#[case] status: Value, #[case] why: Option<&str>) {
        assert_eq!(waiting(&status).as_deref(), why);
    }
}
