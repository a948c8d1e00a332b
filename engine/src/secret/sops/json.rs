//! JSON in the order of its keys, and files of any content. Pure.

use super::tree::{Entry, Value, get, to_json};
use super::{File, format};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads a file.
pub(super) fn load(content: &[u8]) -> Result<File, String> {
    let Ordered(value) = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    file(value)
}

/// The file whose content is `value`.
pub(super) fn file(value: Value) -> Result<File, String> {
    match value {
        Value::Map(entries) => format::file(entries),
        _ => Err("the document is no object".to_owned()),
    }
}

/// A value whose maps keep their order.
struct Ordered(Value);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = Ordered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered(Value::Null))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Ordered, E> {
        Ok(Ordered(Value::Bool(flag)))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Ordered, E> {
        Ok(Ordered(Value::Int(int)))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Ordered, E> {
        Ok(Ordered(i64::try_from(int).map_or(Value::Float(int as f64), Value::Int)))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Ordered, E> {
        Ok(Ordered(Value::Float(float)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Ordered, E> {
        Ok(Ordered(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ordered, A::Error> {
        let mut out = Vec::new();
        while let Some(Ordered(item)) = items.next_element()? {
            out.push(item);
        }
        Ok(Ordered(Value::List(out)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut out = Vec::new();
        while let Some((key, Ordered(value))) = map.next_entry::<String, Ordered>()? {
            out.push(Entry::Pair(key, value));
        }
        Ok(Ordered(Value::Map(out)))
    }
}

/// The content of a file that is not one of values.
pub(super) fn emit_binary(entries: &[Entry]) -> Result<Vec<u8>, String> {
    match get(entries, "data") {
        Some(Value::Text(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        _ => Err("no binary data found in tree".to_owned()),
    }
}

/// Prints as SOPS does: one entry on a line, with tabs.
pub(super) fn emit(entries: &[Entry]) -> Vec<u8> {
    let mut out = String::new();
    map(entries, 0, &mut out);
    out.push('\n');
    out.into_bytes()
}

fn map(entries: &[Entry], depth: usize, out: &mut String) {
    let pairs: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Pair(key, value) => Some((key, value)),
            Entry::Comment(_) => None,
        })
        .collect();
    block('{', '}', &pairs, depth, out, |(key, inner), out| {
        out.push_str(&quoted(key));
        out.push_str(": ");
        value(inner, depth + 1, out);
    });
}

fn block<T>(
    open: char,
    close: char,
    items: &[T],
    depth: usize,
    out: &mut String,
    mut print: impl FnMut(&T, &mut String),
) {
    out.push(open);
    for (number, item) in items.iter().enumerate() {
        out.push_str(if number > 0 { ",\n" } else { "\n" });
        out.push_str(&"\t".repeat(depth + 1));
        print(item, out);
    }
    if !items.is_empty() {
        out.push('\n');
        out.push_str(&"\t".repeat(depth));
    }
    out.push(close);
}

fn value(inner: &Value, depth: usize, out: &mut String) {
    match inner {
        Value::Map(entries) => map(entries, depth, out),
        Value::List(items) => {
            let items: Vec<_> = items.iter().filter(|item| !matches!(item, Value::Comment(_))).collect();
            block('[', ']', &items, depth, out, |item, out| value(item, depth + 1, out));
        }
        Value::Text(text) => out.push_str(&quoted(text)),
        leaf => {
            let entries = [Entry::Pair(String::new(), leaf.clone())];
            match &to_json(&entries)[""] {
                serde_json::Value::Number(number) if number.is_f64() => {
                    out.push_str(&seatrial_yaml::go_json_float(number.as_f64().unwrap_or_default()));
                }
                other => out.push_str(&other.to_string()),
            }
        }
    }
}

/// A text as Go's JSON has it, where no care is taken of HTML.
fn quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
