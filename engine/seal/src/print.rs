//! JSON as kubeseal prints it: the fields of types in Go's order, those of maps sorted, indented by two.

use serde_json::Value;
use std::fmt::Write as _;

/// The fields of a type, in their order, with the types of those that are one.
struct Shape(&'static [(&'static str, Option<&'static Shape>)]);

static META: Shape = Shape(&[
    ("name", None),
    ("generateName", None),
    ("namespace", None),
    ("uid", None),
    ("resourceVersion", None),
    ("generation", None),
    ("creationTimestamp", None),
    ("labels", None),
    ("annotations", None),
    ("ownerReferences", Some(&OWNER)),
    ("finalizers", None),
]);
static OWNER: Shape = Shape(&[
    ("apiVersion", None),
    ("kind", None),
    ("name", None),
    ("uid", None),
    ("controller", None),
    ("blockOwnerDeletion", None),
]);
static TEMPLATE: Shape =
    Shape(&[("metadata", Some(&META)), ("type", None), ("immutable", None), ("data", None)]);
static SPEC: Shape = Shape(&[("template", Some(&TEMPLATE)), ("data", None), ("encryptedData", None)]);
static OBJECT: Shape = Shape(&[
    ("kind", None),
    ("apiVersion", None),
    ("metadata", Some(&META)),
    ("spec", Some(&SPEC)),
    ("status", None),
    ("immutable", None),
    ("data", None),
    ("stringData", None),
    ("type", None),
]);

/// A Secret or SealedSecret in JSON, with a line break at its end.
pub fn json(object: &Value) -> String {
    let mut out = String::new();
    write(&mut out, object, Some(&OBJECT), 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, shape: Option<&Shape>, depth: usize) {
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) => {
            let rank = |key: &str| {
                let fields = shape.map_or(&[][..], |shape| shape.0);
                fields.iter().position(|(name, _)| *name == key).unwrap_or(usize::MAX)
            };
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by(|a, b| (rank(a.0), a.0).cmp(&(rank(b.0), b.0)));
            out.push('{');
            for (number, (key, value)) in fields.into_iter().enumerate() {
                separate(out, number, depth + 1);
                text(out, key);
                out.push_str(": ");
                let inner = shape.and_then(|shape| shape.0.iter().find(|(name, _)| name == key)?.1);
                write(out, value, inner, depth + 1);
            }
            end(out, depth, '}');
        }
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                separate(out, number, depth + 1);
                write(out, item, shape, depth + 1);
            }
            end(out, depth, ']');
        }
        Value::String(string) => text(out, string),
        other => drop(write!(out, "{other}")),
    }
}

fn separate(out: &mut String, number: usize, depth: usize) {
    out.push_str(if number == 0 { "\n" } else { ",\n" });
    out.push_str(&"  ".repeat(depth));
}

fn end(out: &mut String, depth: usize, bracket: char) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(bracket);
}

/// A text with what Go escapes beyond JSON's own rules.
fn text(out: &mut String, string: &str) {
    for c in Value::from(string).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
}
