//! Faults of Events of both groups.

use serde_json::Value;

use super::names;
use crate::internal;
use crate::meta;
use crate::status::FieldError;

const STRICT: &str = "events.k8s.io";

/// The fields of an Event: the name in its first group, that in the other, and its type.
const FIELDS: &[(&str, &str, &str)] = &[
    ("involvedObject", "regarding", "core.ObjectReference"),
    ("reason", "reason", "s"),
    ("message", "note", "s"),
    ("source", "deprecatedSource", "core.EventSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp", "t"),
    ("lastTimestamp", "deprecatedLastTimestamp", "t"),
    ("count", "deprecatedCount", "i"),
    // The real server looks at the reason twice.
    ("reason", "reason", "s"),
    ("type", "type", "s"),
    ("eventTime", "eventTime", "t"),
    ("action", "action", "s"),
    ("related", "related", "*core.ObjectReference"),
    ("reportingController", "reportingController", "s"),
    ("reportingInstance", "reportingInstance", "s"),
];

/// The faults of an Event of a group. Those of `events.k8s.io` are looked at more closely.
pub(super) fn check(group: &str, event: &Value, found: &mut Vec<FieldError>) {
    let strict = group == STRICT;
    let pick = |first: &'static str, other: &'static str| if strict { other } else { first };
    let text = |field: &str| meta::text(event, &[field]);
    let own = meta::namespace(event);
    let about = meta::text(event, &[pick("involvedObject", "regarding"), "namespace"]);
    let dated = event.get("eventTime").is_some_and(|time| !time.is_null());
    let agrees = match (about, own) {
        ("", "default") => true,
        ("", own) => dated && own == "kube-system",
        (about, own) => dated || about == own,
    };
    if !agrees {
        let why = "does not match event.namespace";
        found.push(FieldError::invalid("involvedObject.namespace", &about.into(), why));
    }
    if dated {
        let field = pick("reportingComponent", "reportingController");
        let controller = text(field);
        if controller.is_empty() {
            found.push(FieldError::required(field, ""));
        }
        found.extend(names::faults(field, controller, names::qualified));
        for field in ["reportingInstance", "action", "reason"] {
            match text(field).len() {
                0 => found.push(FieldError::required(field, "")),
                1..=128 => {}
                _ => found.push(unset(field, "can have at most 128 characters")),
            }
        }
        if text(pick("message", "note")).len() > 1024 {
            found.push(unset("message", "can have at most 1024 characters"));
        }
    }
}

/// What is looked at more closely where an Event of `events.k8s.io` is created.
pub(super) fn created(event: &Value) -> Vec<FieldError> {
    let mut found = series(event);
    if event.get("eventTime").is_none_or(Value::is_null) {
        found.push(FieldError::required("eventTime", ""));
    }
    let ty = meta::text(event, &["type"]);
    if !matches!(ty, "Normal" | "Warning") {
        found.push(unset("type", &format!("has invalid value: {ty}")));
    }
    for (field, name) in [
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("deprecatedSource", "source"),
    ] {
        let set = event.get(field).is_some_and(|value| match value {
            Value::Null => false,
            Value::Object(map) => !map.is_empty(),
            value => value.as_i64() != Some(0),
        });
        if set {
            found.push(unset(name, "needs to be unset"));
        }
    }
    found
}

/// The faults of a change of an Event of `events.k8s.io`: only its series changes.
pub(super) fn change(live: &Value, new: &Value) -> Vec<FieldError> {
    let mut found = if live.get("series") == new.get("series") { Vec::new() } else { series(new) };
    for (name, field, ty) in FIELDS {
        let (old, now) = (internal::json(ty, live.get(*field)), internal::json(ty, new.get(*field)));
        if old != now {
            found.push(FieldError::invalid_shown(*name, &now, "field is immutable"));
        }
    }
    found
}

fn series(event: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let Some(series) = event.get("series") else { return found };
    if series.get("count").and_then(Value::as_i64).unwrap_or(0) < 2 {
        found.push(unset("series.count", "should be at least 2"));
    }
    if series.get("lastObservedTime").is_none_or(Value::is_null) {
        found.push(FieldError::required("series.lastObservedTime", ""));
    }
    found
}

/// A fault whose value the real server does not show.
fn unset(field: &str, why: &str) -> FieldError {
    FieldError::invalid(field, &"".into(), why)
}
