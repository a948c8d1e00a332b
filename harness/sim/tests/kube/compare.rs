//! What the tests of server-side apply share.

use jiff::Timestamp;
use seatrial_sim::managed_fields::Writer;
use serde_json::{Value, json};

pub(crate) fn spec_schema() -> Value {
    json!({"type": "object", "properties": {
        "n": {"type": "integer"},
        "s": {"type": "string"},
        "ios": {"x-kubernetes-int-or-string": true},
        "m": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
            "items": {"type": "object", "required": ["a", "b"], "properties": {
                "a": {"type": "string"}, "b": {"type": "string", "default": "B"}, "c": {"type": "string"},
                "o": {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}}}}}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "at": {"type": "array", "items": {"type": "string"}},
        "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "x": {"type": "integer"}, "y": {"type": "integer"}}}},
        "amap": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "st": {"type": "object", "properties": {"p": {"type": "string"}, "q": {"type": "string", "default": "Q"}}},
    }})
}

/// What is compared: no times, no identity that the server makes.
pub(crate) fn essence(object: &Value) -> Value {
    let mut entries = object["metadata"]["managedFields"].clone();
    for entry in entries.as_array_mut().into_iter().flatten() {
        entry.as_object_mut().unwrap().remove("time");
    }
    if let Some(list) = entries.as_array_mut() {
        // The order of entries depends on times.
        list.sort_by_key(|e| format!("{}{}{}", e["operation"], e["manager"], e["subresource"]));
    }
    json!({
        "managedFields": entries,
        "labels": object["metadata"]["labels"],
        "spec": object["spec"],
        "status": object["status"],
    })
}

/// The first difference of two values, with its path.
pub(crate) fn difference(path: &str, ours: &Value, real: &Value) -> Option<String> {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let null = Value::Null;
            keys.into_iter().find_map(|k| {
                let path = format!("{path}/{k}");
                difference(&path, a.get(k).unwrap_or(&null), b.get(k).unwrap_or(&null))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| difference(&format!("{path}/{i}"), a, b))
        }
        _ => (ours != real).then(|| format!("{path}: ours {ours}, real {real}")),
    }
}

pub(crate) fn compare(what: &str, ours: &Value, real: &Value) {
    if let Some(difference) = difference("", &essence(ours), &essence(real)) {
        panic!("{difference}\n{what}");
    }
}

pub(crate) fn writer<'a>(manager: &'a str, api_version: &'a str) -> Writer<'a> {
    Writer { manager, api_version, subresource: "", ignored: &[&["status"]], now: Timestamp::UNIX_EPOCH }
}
