//! The annotation of client-side `kubectl apply`, on objects that are applied to by the server.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::collect::claimed;
use super::compare::Changes;
use super::{Conflict, Kind, Writer};

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const KUBECTL: &str = "kubectl";

fn recorded(live: Option<&Value>) -> Option<&str> {
    live?.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()
}

/// The conflicts without the fields that `kubectl` itself wrote by client-side apply, and that are still as it wrote them.
pub(super) fn excuse(
    live: Option<&Value>,
    conflicts: Vec<Conflict>,
    writer: &Writer<'_>,
    kind: Kind<'_>,
) -> Vec<Conflict> {
    let record = if writer.manager == KUBECTL { recorded(live) } else { None };
    let Some(record) = record.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return conflicts;
    };
    let (Some(live), Ok(fields)) = (live, claimed(&record, kind.ty)) else { return conflicts };
    let drift = Changes::between(&record, live, Kind { built_in: false, ..kind });
    let own = fields.difference(&drift.modified).difference(&drift.added).difference(&drift.removed);
    conflicts
        .into_iter()
        .map(|c| Conflict { fields: c.fields.difference(&own), ..c })
        .filter(|c| !c.fields.is_empty())
        .collect()
}

/// Records what `kubectl` applied, where the object has such a record.
pub(super) fn refresh(live: Option<&Value>, new: &mut Value, applied: &Value, writer: &Writer<'_>) {
    if writer.manager != KUBECTL || recorded(live).is_none() {
        return;
    }
    let mut record = applied.clone();
    if let Some(Value::Object(annotations)) = record.pointer_mut("/metadata/annotations") {
        annotations.remove(ANNOTATION);
    }
    let text = go_json(&record);
    let Some(Value::Object(metadata)) = new.get_mut("metadata") else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(annotations) = annotations {
        annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    }
}

/// JSON as Go writes it: keys sorted, a few characters escaped, a line break at the end.
fn go_json(value: &Value) -> String {
    let text = sorted(value).to_string();
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<&String, &Value> = map.iter().collect();
            Value::Object(entries.into_iter().map(|(k, v)| (k.clone(), sorted(v))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}
