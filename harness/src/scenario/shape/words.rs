//! How values and schemas are called in messages.

use crate::scenario::tree::{Data, Node};
use serde_json::Value;

/// The patterns that the model uses.
pub(super) const DURATION: &str = r"^([0-9]+(d|h|ms|m|s))+$";
pub(super) const VERSION: &str = r"^v?[0-9]+\.[0-9]+\.[0-9]+$";

pub(super) fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    text.split('.').count() == 3
        && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn is_duration(schema: &Value) -> bool {
    schema.get("pattern").and_then(Value::as_str) == Some(DURATION)
}

pub(super) fn expected(schema: &Value) -> String {
    if is_duration(schema) {
        return "a duration such as 10m".to_owned();
    }
    let names: Vec<&str> = types(schema)
        .into_iter()
        .filter(|t| *t != "null")
        .map(|t| match t {
            "string" => "text",
            "array" => "a list",
            "object" => "a map",
            "boolean" => "true or false",
            "integer" => "a whole number",
            "number" => "a number",
            other => other,
        })
        .collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") }
}

/// What stands there; of what may be a secret only its type.
pub(super) fn described(node: &Node, hidden: bool) -> String {
    match &node.data {
        Data::Bool(_) if hidden => "a truth value".to_owned(),
        Data::Number(_) if hidden => "a number".to_owned(),
        Data::Text(_) if hidden => "a text".to_owned(),
        Data::Null => "empty".to_owned(),
        Data::Bool(value) => format!("the truth value {value}"),
        Data::Number(n) => format!("the number {n}"),
        Data::Text(text) => format!("the text {text:?}"),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
    }
}
