//! Values as the reports of `diff` show them: YAML without most quotes. Pure.

use serde_json::Value;

/// A scalar as it stands behind its key.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if quoted(text) => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> bool {
    matches!(text, "true" | "false" | "null")
        || text.starts_with('-')
        || text.contains([' ', '*', '&', ':', ','])
}

/// The lines of a map or list, or the one line of a scalar.
pub(super) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().flat_map(|(key, value)| entry(&format!("{key}:"), value, value.is_array())).collect()
        }
        Value::Array(list) if !list.is_empty() => list.iter().flat_map(item).collect(),
        Value::Object(_) => vec!["{}".to_owned()],
        Value::Array(_) => vec!["[]".to_owned()],
        other => vec![scalar(other)],
    }
}

/// What stands under a key; lists are not indented.
fn entry(key: &str, value: &Value, flat: bool) -> Vec<String> {
    match value {
        Value::String(text) if text.contains('\n') => {
            let mut out = vec![format!("{key} |")];
            out.extend(text.split('\n').map(|line| indented(line, 2)));
            out
        }
        Value::Object(map) if !map.is_empty() => nested(key, value, 2),
        Value::Array(list) if !list.is_empty() => nested(key, value, if flat { 0 } else { 2 }),
        _ => vec![format!("{key} {}", lines(value).concat()).trim_end_matches(' ').to_owned()],
    }
}

fn nested(key: &str, value: &Value, indent: usize) -> Vec<String> {
    let mut out = vec![key.to_owned()];
    out.extend(lines(value).iter().map(|line| indented(line, indent)));
    out
}

/// An item of a list, behind its dash.
pub(super) fn item(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.contains('\n') => entry("-", value, false),
        // The name of an item stands first.
        Value::Object(map) if map.len() > 1 && map.get("name").is_some_and(|name| !name.is_object()) => {
            let mut rest = map.clone();
            let name = rest.remove("name").unwrap_or_default();
            let mut all = entry("name:", &name, name.is_array());
            all.extend(lines(&Value::Object(rest)));
            prefixed("- ", all)
        }
        Value::Object(_) | Value::Array(_) => prefixed("- ", lines(value)),
        _ => entry("-", value, false),
    }
}

/// The first line behind `prefix`, the others below it.
pub(super) fn prefixed(prefix: &str, lines: Vec<String>) -> Vec<String> {
    let width = prefix.chars().count();
    let others = |line: String| indented(&line, width);
    let mut lines = lines.into_iter();
    let first = lines.next().map(|line| format!("{prefix}{line}").trim_end_matches(' ').to_owned());
    first.into_iter().chain(lines.map(others)).collect()
}

/// A line, moved to the right; an empty one stays empty.
pub(super) fn indented(line: &str, by: usize) -> String {
    if line.is_empty() { String::new() } else { format!("{:by$}{line}", "") }
}
