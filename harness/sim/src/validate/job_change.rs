//! What an update of a Job must not change.

use super::IMMUTABLE;
use serde_json::{Map, Value};

use crate::internal;
use crate::meta;
use crate::status::FieldError;

fn spec<'v>(object: &'v Value, field: &str) -> Option<&'v Value> {
    meta::at(object, &["spec", field])
}

/// The faults of a change of a Job's spec.
pub(super) fn check(live: &Value, new: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let indexed = spec(new, "completionMode").and_then(Value::as_str) == Some("Indexed");
    let completions = spec(new, "completions");
    if spec(live, "completions") != completions {
        // The number of indexes may change together with how many run at once.
        let together =
            completions == spec(new, "parallelism") && spec(live, "completions") == spec(live, "parallelism");
        let why = match indexed {
            true => (!together).then_some("can only be modified in tandem with spec.parallelism"),
            false => Some(IMMUTABLE),
        };
        let shown = completions.unwrap_or(&Value::Null);
        found.extend(why.map(|why| FieldError::invalid("spec.completions", shown, why)));
    }
    let fixed = |field: &str, ty: &str| {
        let now = spec(new, field);
        let shown = || internal::json(ty, now);
        (spec(live, field) != now)
            .then(|| FieldError::invalid_shown(format!("spec.{field}"), &shown(), IMMUTABLE))
    };
    found.extend(fixed("selector", "*meta.LabelSelector"));
    found.extend(template(live, new));
    found.extend(fixed("completionMode", "*s"));
    found.extend(fixed("podFailurePolicy", "*batch.PodFailurePolicy"));
    found.extend(fixed("backoffLimitPerIndex", "*i"));
    found.extend(fixed("managedBy", "*s"));
    found.extend(fixed("successPolicy", "*batch.SuccessPolicy"));
    found
}

/// The template of a suspended Job may change where its Pods are scheduled, their labels and annotations, and what their
/// containers get.
fn template(live: &Value, new: &Value) -> Option<FieldError> {
    let template = |object| meta::at(object, &["spec", "template"]);
    let pod = |object| meta::at(object, &["spec", "template", "spec"]);
    if meta::at(live, &["spec", "suspend"]) != Some(&Value::Bool(true)) {
        let shown = || internal::json("core.PodTemplateSpec", template(new));
        return (template(live) != template(new))
            .then(|| FieldError::invalid_shown("spec.template", &shown(), IMMUTABLE));
    }
    let mut old = fixed_part(pod(live));
    let mut now = fixed_part(pod(new));
    for list in ["containers", "initContainers"] {
        forget_resources(&mut old, &mut now, list);
    }
    let shown = || internal::json("core.PodSpec", pod(new));
    (old != now).then(|| FieldError::invalid_shown("spec.template.spec", &shown(), IMMUTABLE))
}

/// A Pod's spec without what says where the Pod may run.
fn fixed_part(spec: Option<&Value>) -> Map<String, Value> {
    let mut spec = spec.and_then(Value::as_object).cloned().unwrap_or_default();
    for field in ["nodeSelector", "tolerations", "schedulingGates"] {
        spec.remove(field);
    }
    if let Some(Value::Object(affinity)) = spec.get_mut("affinity") {
        affinity.remove("nodeAffinity");
        if affinity.is_empty() {
            spec.remove("affinity");
        }
    }
    spec
}

/// Leaves out the resources of containers that are still there.
fn forget_resources(old: &mut Map<String, Value>, now: &mut Map<String, Value>, list: &str) {
    let (Some(Value::Array(old)), Some(Value::Array(now))) = (old.get_mut(list), now.get_mut(list)) else {
        return;
    };
    if old.len() != now.len() {
        return;
    }
    for (old, now) in old.iter_mut().zip(now) {
        let (Value::Object(old), Value::Object(now)) = (old, now) else { continue };
        if old.get("name") == now.get("name") {
            old.remove("resources");
            now.remove("resources");
        }
    }
}
