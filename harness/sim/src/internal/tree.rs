//! A value in the order and with the names of its Go type.

use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::escaped;

/// A value whose fields have an order.
#[derive(Debug)]
pub(super) enum Node {
    /// JSON text.
    Leaf(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The fields of each type, as they stand in the table.
static TYPES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("types.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).collect()
});

/// The value as a field of the type that `code` names.
pub(super) fn build(code: &str, value: Option<&Value>) -> Node {
    field(code, value, &Value::Null)
}

/// `around` is the object that has the field.
fn field(code: &str, value: Option<&Value>, around: &Value) -> Node {
    let value = value.filter(|value| !value.is_null());
    if let Some(inner) = code.strip_prefix('*') {
        return value.map_or_else(null, |value| field(inner, Some(value), around));
    }
    if let Some(inner) = code.strip_prefix('[') {
        let Some(Value::Array(list)) = value else { return null() };
        return Node::List(list.iter().map(|item| field(inner, Some(item), around)).collect());
    }
    if let Some(inner) = code.strip_prefix('{') {
        let Some(Value::Object(map)) = value else { return null() };
        let sorted: BTreeMap<&String, &Value> = map.iter().collect();
        let entries = sorted.into_iter().map(|(key, value)| (key.clone(), field(inner, Some(value), around)));
        return Node::Object(entries.collect());
    }
    let empty = match code {
        "s" => "\"\"",
        "b" => "false",
        "i" | "f" | "x" => "0",
        "q" => "\"0\"",
        "t" | "y" | "v" => "null",
        name => return object(name, value.unwrap_or(&Value::Null), around),
    };
    Node::Leaf(value.map_or_else(|| empty.to_owned(), |value| escaped(&value.to_string())))
}

fn object(name: &str, value: &Value, around: &Value) -> Node {
    let mut fields = Vec::new();
    for word in TYPES.get(name).into_iter().flat_map(|fields| fields.split(' ')) {
        let Some((name, code)) = word.split_once(':') else { continue };
        if let Some(place) = name.strip_prefix('@') {
            if let Node::Object(inner) = object(code, value.get(place).unwrap_or(&Value::Null), value) {
                fields.extend(inner);
            }
            continue;
        }
        let (name, dropped) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        let (name, published) = match name.split_once('=') {
            Some((name, published)) => (name, published.to_owned()),
            None => (name, small(name)),
        };
        let found = match published.strip_prefix('^') {
            Some(outer) => around.get(outer),
            None => value.get(&published),
        };
        let node = field(code, found, value);
        if !(dropped && node.is_empty()) {
            fields.push((name.to_owned(), node));
        }
    }
    Node::Object(fields)
}

/// `HostPath` as the published type names it: `hostPath`.
fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn null() -> Node {
    Node::Leaf("null".to_owned())
}

impl Node {
    /// Whether Go leaves the value out of a field that drops what is empty.
    fn is_empty(&self) -> bool {
        match self {
            Node::Leaf(text) => matches!(text.as_str(), "null" | "\"\"" | "0" | "false"),
            Node::List(items) => items.is_empty(),
            Node::Object(fields) => fields.is_empty(),
        }
    }

    /// JSON on one line.
    pub(super) fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None);
        out
    }

    /// JSON with a line for each value, one space for each step inwards.
    pub(super) fn indented(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0));
        out
    }

    fn write(&self, out: &mut String, depth: Option<usize>) {
        let inside = depth.map(|depth| depth + 1);
        match self {
            Node::Leaf(text) => out.push_str(text),
            Node::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    separate(out, i, inside);
                    item.write(out, inside);
                }
                close(out, items.is_empty(), depth, ']');
            }
            Node::Object(fields) => {
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    separate(out, i, inside);
                    out.push_str(&escaped(&Value::from(name.as_str()).to_string()));
                    out.push_str(if depth.is_some() { ": " } else { ":" });
                    value.write(out, inside);
                }
                close(out, fields.is_empty(), depth, '}');
            }
        }
    }
}

/// What stands before an item.
fn separate(out: &mut String, index: usize, depth: Option<usize>) {
    if index > 0 {
        out.push(',');
    }
    line(out, depth);
}

fn close(out: &mut String, empty: bool, depth: Option<usize>, bracket: char) {
    if !empty {
        line(out, depth);
    }
    out.push(bracket);
}

fn line(out: &mut String, depth: Option<usize>) {
    if let Some(depth) = depth {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    }
}

/// Types that fields have and that the table does not know.
#[cfg(test)]
pub(super) fn unknown_types() -> BTreeSet<&'static str> {
    let fields = TYPES.values().flat_map(|fields| fields.split(' '));
    let types = fields
        .filter_map(|word| word.split_once(':'))
        .map(|(_, code)| code.trim_start_matches(['*', '[', '{']));
    types.filter(|ty| ty.len() > 1 && !TYPES.contains_key(ty)).collect()
}
