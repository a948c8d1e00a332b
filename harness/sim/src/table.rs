//! Objects as tables, and as their metadata alone.

mod age;
mod cells;
mod network;
mod pods;
mod storage;
mod workloads;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::meta;

/// `PartialObjectMetadata` of an object.
pub(crate) fn metadata_only(object: &Value) -> Value {
    let mut only = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| Value::Object(Map::new()))});
    seatrial_wire::expand(&mut only);
    only
}

/// The same in the version `v1beta1`, where `old`.
pub(crate) fn in_version(mut value: Value, old: bool) -> Value {
    if old {
        value["apiVersion"] = "meta.k8s.io/v1beta1".into();
        for row in value.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(object) = row.get_mut("object").filter(|o| o["kind"] == "PartialObjectMetadata") {
                object["apiVersion"] = "meta.k8s.io/v1beta1".into();
            }
        }
    }
    value
}

/// What each row of a table holds of its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

/// A column of a table.
#[derive(Clone, Debug)]
struct Column<'c> {
    name: &'c str,
    ty: &'c str,
    format: &'c str,
    description: Cow<'c, str>,
    priority: i64,
}

impl Column<'_> {
    fn to_value(&self) -> Value {
        json!({"name": self.name, "type": self.ty, "format": self.format,
            "description": self.description.as_ref(), "priority": self.priority})
    }
}

/// The columns of built-in kinds, by `pods.` or `deployments.apps`.
static COLUMNS: LazyLock<BTreeMap<&'static str, Vec<Column<'static>>>> = LazyLock::new(|| {
    let mut all: BTreeMap<&'static str, Vec<Column<'static>>> = BTreeMap::new();
    let mut at = "";
    for line in include_str!("table/columns.txt").lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&'static str> = line.split('\t').collect();
        match words.as_slice() {
            [resource] => at = resource,
            [name, ty, format, priority, description] => all.entry(at).or_default().push(Column {
                name,
                ty,
                format,
                description: unescaped(description),
                priority: priority.parse().unwrap_or(0),
            }),
            _ => {}
        }
    }
    all
});

fn unescaped(text: &'static str) -> Cow<'static, str> {
    if text.contains('\\') { text.replace("\\n", "\n").replace("\\\\", "\\").into() } else { text.into() }
}

/// The columns of kinds that have none of their own.
const PLAIN: [Column<'static>; 2] = [
    Column { name: "Name", ty: "string", format: "name", description: Cow::Borrowed(NAME), priority: 0 },
    Column { name: "Created At", ty: "date", format: "", description: Cow::Borrowed(CREATED), priority: 0 },
];

const NAME: &str = "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";
const CREATED: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// A row that is being filled.
struct Row<'o> {
    object: &'o Value,
    now: Timestamp,
    cells: Vec<Value>,
    conditions: Option<Value>,
}

impl Row<'_> {
    fn value(&mut self, value: Value) {
        self.cells.push(value);
    }

    fn text(&mut self, text: impl Into<String>) {
        self.cells.push(text.into().into());
    }

    fn number(&mut self, number: i64) {
        self.cells.push(number.into());
    }

    /// The time since the object was created.
    fn age(&mut self) {
        let created = meta::text(self.object, &["metadata", "creationTimestamp"]);
        self.cells.push(age::since(created, self.now).into());
    }

    /// Shows another name than the object's own.
    fn rename(&mut self, name: String) {
        if let Some(first) = self.cells.first_mut() {
            *first = name.into();
        }
    }
}

/// A `Table` of objects: with the columns of the built-in kind, or those that a custom kind declares.
pub(crate) fn table(
    kind: &Kind,
    objects: &[&Value],
    metadata: Value,
    now: Timestamp,
    headers: bool,
    include: Include,
) -> Value {
    let columns = columns(kind);
    let rows: Vec<Value> = objects.iter().map(|object| row(kind, object, now, include)).collect();
    let mut table = json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
    table["columnDefinitions"] =
        if headers { columns.iter().map(|c| c.to_value()).collect::<Vec<_>>().into() } else { Value::Null };
    table["rows"] = rows.into();
    table
}

fn columns(kind: &Kind) -> Vec<Column<'_>> {
    match kind {
        Kind::BuiltIn(r) => {
            let own = COLUMNS.get(format!("{}.{}", r.plural, r.group).as_str());
            own.cloned().unwrap_or_else(|| PLAIN.to_vec())
        }
        Kind::Custom(version) => {
            let [name, created] = PLAIN;
            let mut columns = vec![name];
            if version.columns.is_empty() {
                columns.push(Column { name: "Age", ..created });
            }
            columns.extend(version.columns.iter().map(|c| Column {
                name: &c.name,
                ty: &c.ty,
                format: &c.format,
                description: match c.description.as_str() {
                    "" => {
                        format!("Custom resource definition column (in JSONPath format): {}", c.path).into()
                    }
                    text => text.into(),
                },
                priority: c.priority,
            }));
            columns
        }
    }
}

fn row(kind: &Kind, object: &Value, now: Timestamp, include: Include) -> Value {
    let mut row = Row { object, now, cells: vec![meta::name(object).into()], conditions: None };
    if kind.is("", "Event") || kind.is("events.k8s.io", "Event") {
        row.cells.clear();
    }
    match kind {
        Kind::Custom(version) if version.columns.is_empty() => row.age(),
        Kind::Custom(version) => {
            row.cells.extend(version.columns.iter().map(|c| cell(object, &c.path, &c.ty, now)));
        }
        Kind::BuiltIn(_) => {
            if !cells::fill(kind, &mut row) {
                row.value(meta::text(object, &["metadata", "creationTimestamp"]).into());
            }
        }
    }
    let mut out = json!({"cells": row.cells});
    if let Some(conditions) = row.conditions {
        out["conditions"] = conditions;
    }
    out["object"] = match include {
        Include::None => Value::Null,
        Include::Metadata => {
            let mut metadata = metadata_only(object);
            if kind.is("apps", "DaemonSet") {
                // Rows are made of a form of the object that does not have it.
                without_template_generation(&mut metadata);
            }
            metadata
        }
        Include::Object => meta::expanded(object),
    };
    out
}

fn without_template_generation(object: &mut Value) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.remove("deprecated.daemonset.template.generation");
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

fn cell(object: &Value, path: &str, ty: &str, now: Timestamp) -> Value {
    let found = find(object, path);
    match (ty, found) {
        (_, None | Some(Value::Null)) => Value::Null,
        ("date", Some(Value::String(text))) => age::since(&text, now).into(),
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
