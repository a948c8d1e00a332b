//! The versions of one kind: which one is stored, and how the others are made of it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::meta;

/// The version in which the objects of a kind are stored.
pub(crate) fn storage(kind: &Kind) -> Kind {
    match kind {
        Kind::Custom(_) => kind.clone(),
        Kind::BuiltIn(r) => {
            let stored = match (r.group.as_ref(), r.plural.as_ref()) {
                ("events.k8s.io", "events") => Kind::built_in("", "v1", "events"),
                ("autoscaling", "horizontalpodautoscalers") => Kind::built_in("autoscaling", "v2", &r.plural),
                _ => None,
            };
            stored.unwrap_or_else(|| kind.clone())
        }
    }
}

/// The stored object in the version of `kind`: itself, where that is the stored version.
pub(crate) fn from_stored<'v>(kind: &Kind, stored: &'v Value) -> Cow<'v, Value> {
    if meta::text(stored, &["apiVersion"]) == kind.api_version() {
        return Cow::Borrowed(stored);
    }
    let mut value = stored.clone();
    if kind.is("events.k8s.io", "Event") {
        rename(&mut value, EVENT);
        if let Value::Object(map) = &mut value {
            if let Some(source) = map.remove("source") {
                map.insert("deprecatedSource".to_owned(), source);
            }
            // Not always shown in this version.
            map.retain(|key, v| {
                !(matches!(key.as_str(), "reportingController" | "reportingInstance") && *v == "")
            });
        }
    } else if kind.is("autoscaling", "HorizontalPodAutoscaler") {
        to_autoscaling_v1(&mut value);
    }
    value["apiVersion"] = kind.api_version().into();
    Cow::Owned(value)
}

/// An object in the version of `kind`, as it is stored.
pub(crate) fn to_stored(kind: &Kind, mut value: Value) -> Value {
    let stored = match kind {
        Kind::Custom(version) => version.storage_api_version.clone(),
        Kind::BuiltIn(_) => storage(kind).api_version(),
    };
    if kind.api_version() == stored {
        return value;
    }
    if kind.is("events.k8s.io", "Event") {
        let back: Vec<(&str, &str)> = EVENT.iter().map(|(a, b)| (*b, *a)).collect();
        rename(&mut value, &back);
        if let Some(source) = value.as_object_mut().and_then(|m| m.remove("deprecatedSource")) {
            value["source"] = source;
        }
    } else if kind.is("autoscaling", "HorizontalPodAutoscaler") {
        from_autoscaling_v1(&mut value);
    }
    value["apiVersion"] = stored.into();
    value
}

/// Fields of an event: core, events.k8s.io.
const EVENT: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn rename(value: &mut Value, names: &[(&str, &str)]) {
    let Value::Object(map) = value else { return };
    let old = std::mem::take(map);
    for (key, value) in old {
        let new = names.iter().find(|(from, _)| *from == key).map_or(key.as_str(), |(_, to)| to);
        map.insert(new.to_owned(), value);
    }
}

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// Of the status, v1 has the numbers alone.
fn status_v1(status: &mut Map<String, Value>) {
    status.remove("currentMetrics");
    status.remove("conditions");
    for field in ["currentReplicas", "desiredReplicas"] {
        status.entry(field).or_insert_with(|| 0.into());
    }
}

/// v1 has one metric, the processor's utilization; the rest travels in annotations.
fn to_autoscaling_v1(value: &mut Value) {
    if let Some(Value::Object(status)) = value.get_mut("status") {
        status_v1(status);
    }
    let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let mut others = Vec::new();
    let mut cpu = None;
    if let Some(Value::Array(metrics)) = spec.remove("metrics") {
        for metric in metrics {
            let utilization = meta::at(&metric, &["resource", "target", "averageUtilization"]).cloned();
            match utilization {
                Some(percent) if meta::text(&metric, &["resource", "name"]) == "cpu" && cpu.is_none() => {
                    cpu = Some(percent);
                }
                _ => others.push(metric),
            }
        }
    }
    if let Some(percent) = cpu {
        spec.insert("targetCPUUtilizationPercentage".to_owned(), percent);
    }
    let behavior = spec.remove("behavior");
    let mut annotations = Map::new();
    if !others.is_empty() {
        annotations.insert(METRICS.to_owned(), Value::Array(others).to_string().into());
    }
    if let Some(behavior) = behavior {
        annotations.insert(BEHAVIOR.to_owned(), behavior.to_string().into());
    }
    if !annotations.is_empty() {
        let metadata = value.get_mut("metadata");
        if let Some(metadata) = metadata {
            meta::map_mut(metadata, "annotations").extend(annotations);
        }
    }
}

fn from_autoscaling_v1(value: &mut Value) {
    // Unlike v1, later versions leave it out where it is nothing.
    if let Some(Value::Object(status)) = value.get_mut("status")
        && status.get("currentReplicas") == Some(&Value::from(0))
    {
        status.remove("currentReplicas");
    }
    let mut moved = Map::new();
    if let Some(Value::Object(annotations)) = value.pointer_mut("/metadata/annotations") {
        for (annotation, field) in [(METRICS, "metrics"), (BEHAVIOR, "behavior")] {
            let text = annotations.remove(annotation);
            let parsed = text.as_ref().and_then(Value::as_str).and_then(|t| serde_json::from_str(t).ok());
            if let Some(parsed) = parsed {
                moved.insert(field.to_owned(), parsed);
            }
        }
    }
    let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(percent) = spec.remove("targetCPUUtilizationPercentage") {
        let metric = json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}});
        match moved.get_mut("metrics").and_then(Value::as_array_mut) {
            Some(metrics) => metrics.insert(0, metric),
            None => {
                moved.insert("metrics".to_owned(), json!([metric]));
            }
        }
    }
    spec.extend(moved);
}
