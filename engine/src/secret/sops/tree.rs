//! Trees of values, in the order of their file. Pure.

use super::cipher;
use super::metadata::Metadata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// What is no text.
    Bytes(Vec<u8>),
    /// A time, as it is written.
    Time(String),
    List(Vec<Value>),
    Map(Vec<Entry>),
    /// A comment between the items of a list, or what an encrypted comment was.
    Comment(String),
}

/// What stands in a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Comment(String),
    Pair(String, Value),
}

/// The value of `key`.
pub(super) fn get<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Value> {
    entries.iter().find_map(|entry| match entry {
        Entry::Pair(own, value) if own == key => Some(value),
        _ => None,
    })
}

/// Takes the value of `key` out.
pub(super) fn take(entries: &mut Vec<Entry>, key: &str) -> Option<Value> {
    let at = entries.iter().position(|entry| matches!(entry, Entry::Pair(own, _) if own == key))?;
    match entries.remove(at) {
        Entry::Pair(_, value) => Some(value),
        Entry::Comment(_) => None,
    }
}

/// Decrypts all values of a document that its metadata does not leave in plain text.
pub(super) fn decrypt(document: &mut [Entry], metadata: &Metadata, key: &[u8]) -> Result<(), String> {
    map(document, &mut Vec::new(), metadata, key).map_err(|error| format!("Error walking tree: {error}"))
}

fn map(entries: &mut [Entry], path: &mut Vec<String>, metadata: &Metadata, key: &[u8]) -> Result<(), String> {
    for entry in entries {
        match entry {
            Entry::Comment(text) => comment(text, path, metadata, key),
            Entry::Pair(own, inner) => {
                path.push(own.clone());
                value(inner, path, metadata, key)?;
                path.pop();
            }
        }
    }
    Ok(())
}

fn value(inner: &mut Value, path: &mut Vec<String>, metadata: &Metadata, key: &[u8]) -> Result<(), String> {
    match inner {
        Value::Map(entries) => map(entries, path, metadata, key),
        Value::List(items) => items.iter_mut().try_for_each(|item| value(item, path, metadata, key)),
        Value::Comment(text) => {
            comment(text, path, metadata, key);
            Ok(())
        }
        Value::Null => Ok(()),
        leaf if metadata.is_encrypted(path) => {
            let Value::Text(text) = leaf else {
                return Err("Could not decrypt value: value to decrypt must be a string".to_owned());
            };
            let opened = cipher::decrypt(text, key, &place(path));
            *leaf = opened.map_err(|error| format!("Could not decrypt value: {error}"))?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A comment that does not open is one that never was encrypted.
fn comment(text: &mut String, path: &[String], metadata: &Metadata, key: &[u8]) {
    if metadata.is_encrypted(path)
        && let Ok(Value::Comment(opened) | Value::Text(opened)) = cipher::decrypt(text, key, &place(path))
    {
        *text = opened;
    }
}

/// The keys that lead to a value, each with a colon behind it; the indices of lists do not count.
fn place(path: &[String]) -> String {
    path.iter().map(|key| format!("{key}:")).collect()
}

/// A tree from a JSON object, whose keys are sorted.
pub(super) fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            Value::Map(map.iter().map(|(key, value)| Entry::Pair(key.clone(), from_json(value))).collect())
        }
    }
}

/// A tree as JSON. Comments are left out; what is no text becomes base64, as in Go.
pub(super) fn to_json(entries: &[Entry]) -> Json {
    let pairs = entries.iter().filter_map(|entry| match entry {
        Entry::Pair(key, value) => Some((key.clone(), value_to_json(value))),
        Entry::Comment(_) => None,
    });
    Json::Object(pairs.collect::<Map<String, Json>>())
}

fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Null | Value::Comment(_) => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(int) => (*int).into(),
        Value::Float(float) => (*float).into(),
        Value::Text(text) | Value::Time(text) => text.clone().into(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => STANDARD.encode(bytes).into(),
        },
        Value::List(items) => {
            items.iter().filter(|item| !matches!(item, Value::Comment(_))).map(value_to_json).collect()
        }
        Value::Map(entries) => to_json(entries),
    }
}
