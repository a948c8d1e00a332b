//! What an update of a Pod must not change.

use super::put_back;
use serde_json::{Map, Value};

use crate::internal;
use crate::meta;
use crate::status::FieldError;

/// The faults of a change of a Pod's spec.
pub(super) fn check(live: &Value, new: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    for list in ["containers", "initContainers"] {
        let (old, now) = (items(live, list), items(new, list));
        if old.len() != now.len() {
            let why = "pod updates may not add or remove containers";
            found.push(FieldError::forbidden(format!("spec.{list}"), why));
            return found;
        }
        for (i, container) in now.iter().enumerate() {
            let image = meta::text(container, &["image"]);
            let field = format!("spec.{list}[{i}].image");
            if image.is_empty() {
                found.push(FieldError::required(field, ""));
            } else if image.trim() != image {
                let why = "must not have leading or trailing whitespace";
                found.push(FieldError::invalid(field, &image.into(), why));
            }
        }
    }
    if let Some(error) = deadline(live, new) {
        let null = meta::at(new, &["spec", "activeDeadlineSeconds"]).is_none();
        found.push(error);
        if !null {
            return found;
        }
    }
    found.extend(tolerations(live, new));
    found.extend(gates(live, new));
    if live.get("spec") != new.get("spec") {
        found.extend(the_rest(live, new));
    }
    found
}

fn items<'v>(object: &'v Value, list: &str) -> &'v [Value] {
    meta::at(object, &["spec", list]).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A deadline may be set and come nearer.
fn deadline(live: &Value, new: &Value) -> Option<FieldError> {
    let field = "spec.activeDeadlineSeconds";
    let seconds = |object| meta::at(object, &["spec", "activeDeadlineSeconds"]).and_then(Value::as_i64);
    match (seconds(live), seconds(new)) {
        (_, Some(now)) if !(0..=i64::from(i32::MAX)).contains(&now) => {
            Some(FieldError::invalid(field, &now.into(), "must be between 0 and 2147483647, inclusive"))
        }
        (Some(old), Some(now)) if old < now => {
            Some(FieldError::invalid(field, &now.into(), "must be less than or equal to previous value"))
        }
        (Some(_), None) => {
            let why = "must not update from a positive integer to nil value";
            Some(FieldError::invalid(field, &Value::Null, why))
        }
        _ => None,
    }
}

/// Tolerations are only added; how long they tolerate may change.
fn tolerations(live: &Value, new: &Value) -> Option<FieldError> {
    let without_time = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Value::Object(map) = &mut toleration {
            map.remove("tolerationSeconds");
        }
        toleration
    };
    let now: Vec<Value> = items(new, "tolerations").iter().map(without_time).collect();
    let kept = items(live, "tolerations").iter().all(|old| now.contains(&without_time(old)));
    let why = "existing toleration can not be modified except its tolerationSeconds";
    (!kept).then(|| FieldError::forbidden("spec.tolerations", why))
}

/// Scheduling gates only go.
fn gates(live: &Value, new: &Value) -> Vec<FieldError> {
    let old = items(live, "schedulingGates");
    let added = items(new, "schedulingGates").iter().enumerate().filter(|(_, gate)| !old.contains(gate));
    let told = added.map(|(i, gate)| {
        let name = meta::text(gate, &["name"]);
        let why = format!("only deletion is allowed, but found new scheduling gate '{name}'");
        FieldError::forbidden(format!("spec.schedulingGates[{i}].name"), &why)
    });
    told.collect()
}

/// Everything else stays as it was: what may change is put back before the two are compared.
fn the_rest(live: &Value, new: &Value) -> Vec<FieldError> {
    let empty = Map::new();
    let old = live.get("spec").and_then(Value::as_object).unwrap_or(&empty);
    let mut now = new.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    for list in ["containers", "initContainers"] {
        let containers = now.get_mut(list).and_then(Value::as_array_mut);
        for (container, before) in containers.into_iter().flatten().zip(items(live, list)) {
            if let Value::Object(container) = container {
                put_back(before.as_object().unwrap_or(&empty), container, "image");
            }
        }
    }
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        put_back(old, &mut now, field);
    }
    // A negative time of grace may become one second.
    let grace = |spec: &Map<String, Value>| spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64);
    if grace(old).is_some_and(|seconds| seconds < 0) && grace(&now) == Some(1) {
        put_back(old, &mut now, "terminationGracePeriodSeconds");
    }
    let mut found = Vec::new();
    if !items(live, "schedulingGates").is_empty() {
        found.extend(gated(old, &mut now));
    }
    if *old == now {
        return found;
    }
    let lines = internal::difference("core.PodSpec", live.get("spec"), Some(&Value::Object(now)));
    let why = format!(
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
         `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
         `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n{lines}"
    );
    found.push(FieldError::forbidden("spec", &why));
    found
}

/// The nodes for a Pod that has gates may become fewer; what may change is put back.
fn gated(old: &Map<String, Value>, now: &mut Map<String, Value>) -> Vec<FieldError> {
    let mut found = Vec::new();
    let selector = now.get("nodeSelector");
    if old.get("nodeSelector") != selector {
        let labels = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
        let (before, after) = (labels(old.get("nodeSelector")), labels(selector));
        if before.iter().any(|(key, value)| after.get(key) != Some(value)) {
            let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            let shown = internal::json("{s", selector);
            found.push(FieldError::invalid_shown("spec.nodeSelector", &shown, why));
        }
        put_back(old, now, "nodeSelector");
    }
    let node_affinity =
        |spec: &Map<String, Value>| spec.get("affinity").and_then(|a| a.get("nodeAffinity")).cloned();
    let (before, after) = (node_affinity(old), node_affinity(now));
    if before != after {
        found.extend(narrowed(before.as_ref(), after.as_ref()));
        let others = now.get("affinity").and_then(Value::as_object);
        let others =
            others.is_some_and(|a| a.contains_key("podAffinity") || a.contains_key("podAntiAffinity"));
        if !others && !old.contains_key("affinity") {
            now.remove("affinity");
        } else {
            let affinity = now.entry("affinity").or_insert_with(|| Value::Object(Map::new()));
            match (affinity, before) {
                (Value::Object(affinity), Some(before)) => affinity.insert("nodeAffinity".to_owned(), before),
                (Value::Object(affinity), None) => affinity.remove("nodeAffinity"),
                _ => None,
            };
        }
    }
    found
}

/// Required terms may be added where there were none, and get further requirements.
fn narrowed(before: Option<&Value>, after: Option<&Value>) -> Option<FieldError> {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let place = format!("spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms");
    let terms =
        |value: Option<&Value>| value.and_then(|v| meta::at(v, &[REQUIRED, "nodeSelectorTerms"])).cloned();
    let (before, after) = (terms(before), terms(after));
    let (old, now) = (list(before.as_ref()), list(after.as_ref()));
    if old.is_empty() {
        return None;
    }
    if old.len() != now.len() {
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        let shown = internal::json("[core.NodeSelectorTerm", after.as_ref());
        return Some(FieldError::invalid_shown(place, &shown, why));
    }
    let kept = |old: &Value, now: &Value| {
        ["matchExpressions", "matchFields"]
            .into_iter()
            .all(|part| list(now.get(part)).starts_with(list(old.get(part))))
    };
    let (i, term) = now.iter().enumerate().find(|(i, now)| !old.get(*i).is_some_and(|old| kept(old, now)))?;
    let why = "only additions are allowed (no mutations or deletions)";
    let shown = internal::json("core.NodeSelectorTerm", Some(term));
    Some(FieldError::invalid_shown(format!("{place}[{i}]"), &shown, why))
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
