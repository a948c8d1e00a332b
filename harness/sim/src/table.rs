//! Objects as tables, and as their metadata alone.

use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::meta;

/// `PartialObjectMetadata` of an object.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| Value::Object(Map::new()))})
}

/// A `Table` of objects, with the columns that a custom kind declares; name and creation time for all other kinds, which
/// print more on a real server.
pub(crate) fn table(kind: &Kind, objects: &[&Value], metadata: Value, headers: bool) -> Value {
    let mut columns = vec![column("Name", "string", "name", "Name must be unique within a namespace.", 0)];
    let custom = match kind {
        Kind::Custom(version) => version.columns.as_slice(),
        Kind::BuiltIn(_) => &[],
    };
    for c in custom {
        columns.push(column(&c.name, &c.ty, &c.format, &c.description, c.priority));
    }
    if custom.is_empty() {
        columns.push(column(
            if kind.is_custom() { "Age" } else { "Created At" },
            "date",
            "",
            "CreationTimestamp is a timestamp representing the server time when this object was created.",
            0,
        ));
    }
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![Value::from(meta::name(object))];
            for c in custom {
                cells.push(cell(object, &c.path, &c.ty));
            }
            if custom.is_empty() {
                cells.push(meta::text(object, &["metadata", "creationTimestamp"]).into());
            }
            json!({"cells": cells, "object": metadata_only(object)})
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": if headers { columns } else { Vec::new() }, "rows": rows})
}

fn column(name: &str, ty: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": ty, "format": format, "description": description, "priority": priority})
}

fn cell(object: &Value, path: &str, ty: &str) -> Value {
    let found = find(object, path);
    match (ty, found) {
        (_, None | Some(Value::Null)) => Value::Null,
        ("integer" | "number" | "boolean", Some(value)) => value,
        (_, Some(Value::String(text))) => text.into(),
        (_, Some(other)) => other.to_string().into(),
    }
}

/// The value at a path of a printer column: fields, indices, and filters of the form `[?(@.type=="Ready")]`.
fn find(object: &Value, path: &str) -> Option<Value> {
    let mut at = object.clone();
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, next) = after.split_at_checked(end)?;
            at = at.get(name.replace('\\', "").as_str())?.clone();
            rest = next;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inner, next) = after.split_once(']')?;
            at = match inner.strip_prefix("?(@.").and_then(|f| f.strip_suffix(')')) {
                Some(filter) => {
                    let (field, want) = filter.split_once("==")?;
                    let want = want.trim().trim_matches(['"', '\'']);
                    at.as_array()?
                        .iter()
                        .find(|i| i.get(field.trim()).and_then(Value::as_str) == Some(want))?
                        .clone()
                }
                None => match inner.trim_matches(['\'', '"']) {
                    "*" => at.as_array()?.first()?.clone(),
                    key => match key.parse::<usize>() {
                        Ok(index) => at.get(index)?.clone(),
                        Err(_) => at.get(key)?.clone(),
                    },
                },
            };
            rest = next;
        } else {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(".spec.size", Some(json!(3)))]
    #[case(".status.conditions[?(@.type==\"Ready\")].status", Some(json!("True")))]
    #[case(".list[1]", Some(json!("b")))]
    #[case(".spec.nope", None)]
    fn printer_columns_find_values(#[case] path: &str, #[case] want: Option<Value>) {
        let object = json!({"spec": {"size": 3}, "list": ["a", "b"],
            "status": {"conditions": [{"type": "X"}, {"type": "Ready", "status": "True"}]}});
        assert_eq!(find(&object, path), want);
    }
}
