//! Reading and writing `metadata` and other parts of an untyped object.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// JSON text of a value.
pub(crate) fn to_bytes(value: &Value) -> Bytes {
    // Values whose maps have string keys always serialize.
    Bytes::from(serde_json::to_vec(&Expanded(value)).unwrap_or_default())
}

/// JSON text of an object: its type first, as the real server writes it.
pub(crate) fn object_to_bytes(object: &Value) -> Bytes {
    let bytes = match object {
        Value::Object(map) => serde_json::to_vec(&First { map, first: &["kind", "apiVersion"] }),
        other => serde_json::to_vec(other),
    };
    Bytes::from(bytes.unwrap_or_default())
}

/// A copy of an object as clients see it: see [`Expanded`].
pub(crate) fn expanded(object: &Value) -> Value {
    let mut object = object.clone();
    seatrial_wire::expand(&mut object);
    object
}

/// An object, or a list, as clients see it: stored objects have the fields of their owners as JSON text.
struct Expanded<'v>(&'v Value);

impl serde::Serialize for Expanded<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (key, Part { key, value })))
            }
            other => other.serialize(serializer),
        }
    }
}

/// What stands under a key of an object.
struct Part<'v> {
    key: &'v str,
    value: &'v Value,
}

impl serde::Serialize for Part<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.key, self.value) {
            ("metadata", metadata) if metadata.get("managedFields").is_some() => {
                let mut metadata = json!({"metadata": metadata});
                seatrial_wire::expand(&mut metadata);
                metadata["metadata"].serialize(serializer)
            }
            ("items", Value::Array(items)) => serializer.collect_seq(items.iter().map(Expanded)),
            (_, value) => value.serialize(serializer),
        }
    }
}

/// JSON text of an object whose metadata has its fields in the order in which Go declares them: so it stands in some
/// messages.
pub(crate) fn declared_text(object: &Value) -> String {
    const META: &[&str] = &[
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ];
    const MANAGER: &[&str] = &["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1"];
    let ordered = |value: &Value, first| match value {
        Value::Object(map) => serde_json::to_string(&First { map, first }).unwrap_or_default(),
        other => other.to_string(),
    };
    let object = expanded(object);
    let whole = ordered(&object, &[]);
    let Some(metadata) = object.get("metadata") else { return whole };
    let mut text = ordered(metadata, META);
    for entry in metadata["managedFields"].as_array().into_iter().flatten() {
        text = text.replace(&entry.to_string(), &ordered(entry, MANAGER));
    }
    whole.replacen(&format!("\"metadata\":{metadata}"), &format!("\"metadata\":{text}"), 1)
}

/// A map with some of its keys, where it has them, before the others.
struct First<'m> {
    map: &'m Map<String, Value>,
    first: &'m [&'m str],
}

impl serde::Serialize for First<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = self.first.iter().filter_map(|key| self.map.get_key_value(*key));
        let rest = self.map.iter().filter(|(key, _)| !self.first.contains(&key.as_str()));
        serializer.collect_map(first.chain(rest).map(|(key, value)| (key, Part { key, value })))
    }
}

/// `2026-01-02T03:04:05Z`.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The value under a path of keys.
pub(crate) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The text under a path of keys; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).and_then(Value::as_str).unwrap_or("")
}

/// The map under a key, made where there is none (or something else).
pub(crate) fn map_mut<'v>(value: &'v mut Value, key: &str) -> &'v mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else { unreachable!("made an object just now") };
    let entry = map.entry(key.to_owned()).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    let Value::Object(map) = entry else { unreachable!("made an object just now") };
    map
}

/// `metadata`, made where there is none.
pub(crate) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    map_mut(object, "metadata")
}

/// The same as a value, for a further step down.
pub(crate) fn metadata_of(object: &mut Value) -> &mut Value {
    map_value_mut(object, "metadata")
}

/// The map under a key as a value, made where there is none.
pub(crate) fn map_value_mut<'v>(object: &'v mut Value, key: &str) -> &'v mut Value {
    map_mut(object, key);
    // Made just now.
    &mut object[key]
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, &["metadata", "name"])
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, &["metadata", "namespace"])
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some_and(|v| !v.is_null())
}

/// The finalizers of `metadata`.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = at(object, &["metadata", "finalizers"]).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Sets the finalizers, or removes the field where there are none.
pub(crate) fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    let metadata = metadata_mut(object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
}

/// The owner references of `metadata`.
pub(crate) fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    at(object, &["metadata", "ownerReferences"]).and_then(Value::as_array).into_iter().flatten()
}
