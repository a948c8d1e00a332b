//! Reading Kubernetes objects as JSON values, and the patch from one to the next.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// An object as an informer keeps it.
pub(crate) type Object = Arc<Value>;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Key {
        Key { namespace: namespace.into(), name: name.into() }
    }

    pub(crate) fn of(object: &Value) -> Key {
        Key::new(namespace(object), name(object))
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The value at a path of keys.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// The text at a path; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path.
pub(crate) fn number(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).and_then(Value::as_i64)
}

/// The number at a path, or `default`.
pub(crate) fn number_or(value: &Value, path: &[&str], default: i64) -> i64 {
    number(value, path).unwrap_or(default)
}

/// Whether the value at a path is `true`.
pub(crate) fn flag(value: &Value, path: &[&str]) -> bool {
    at(value, path).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a path; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The map at a path, if there is one.
pub(crate) fn map<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Map<String, Value>> {
    at(value, path).and_then(Value::as_object)
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

pub(crate) fn generation(object: &Value) -> i64 {
    number_or(object, &["metadata", "generation"], 0)
}

pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a String> {
    match at(object, &["metadata", "labels", key]) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    text(object, &["metadata", "annotations", key])
}

pub(crate) fn deleting(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
}

pub(crate) fn resource_version(object: &Value) -> u64 {
    text(object, &["metadata", "resourceVersion"]).parse().unwrap_or(0)
}

pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    list(object, &["metadata", "finalizers"]).iter().filter_map(Value::as_str)
}

/// The owner reference of the object's controller.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    list(object, &["metadata", "ownerReferences"]).iter().find(|owner| flag(owner, &["controller"]))
}

/// Whether the object with this uid controls `object`.
pub(crate) fn controlled_by(object: &Value, uid: &str) -> bool {
    controller(object).is_some_and(|owner| text(owner, &["uid"]) == uid)
}

/// The owner reference that makes `owner` the controller.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, &["apiVersion"]),
        "kind": text(owner, &["kind"]),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The condition of this type.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    list(status, &["conditions"]).iter().find(|condition| text(condition, &["type"]) == kind)
}

/// Whether a condition's status is `True`.
pub(crate) fn is_true(status: &Value, kind: &str) -> bool {
    condition(status, kind).is_some_and(|condition| text(condition, &["status"]) == "True")
}

/// Sets a field of an object; removes it where `value` is null. Does nothing on a value that is no object.
pub(crate) fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        if value.is_null() {
            map.remove(key);
        } else {
            map.insert(key.to_owned(), value);
        }
    }
}

/// Sets a field inside nested objects, which are made where they are missing.
pub(crate) fn set_at(object: &mut Value, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut here = object;
    for key in parents {
        if !here.get(*key).is_some_and(Value::is_object) {
            set(here, key, json!({}));
        }
        match here.get_mut(*key) {
            Some(next) => here = next,
            None => return,
        }
    }
    set(here, last, value);
}

/// The JSON merge patch that makes `new` out of `old`; none where they are equal.
///
/// A null counts as a field that is not there: some servers write out the empty fields of what they are given.
pub(crate) fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    if same(old, new) {
        return None;
    }
    let (Value::Object(before), Value::Object(after)) = (old, new) else { return Some(new.clone()) };
    let mut patch = Map::new();
    for (key, value) in after {
        match before.get(key) {
            Some(was) => {
                if let Some(change) = merge_patch(was, value) {
                    patch.insert(key.clone(), change);
                }
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for (key, _) in before.iter().filter(|(key, was)| !was.is_null() && !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(Value::Object(patch))
}

/// Whether two values are equal, where a null counts as a field that is not there.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let null = Value::Null;
            a.iter().all(|(key, value)| same(value, b.get(key).unwrap_or(&null)))
                && b.iter().all(|(key, value)| value.is_null() || a.contains_key(key))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// A time as Kubernetes writes it, in whole seconds.
pub(crate) fn rfc3339(at: Timestamp) -> Value {
    Value::String(Timestamp::from_second(at.as_second()).unwrap_or(at).to_string())
}

/// The time at a path.
pub(crate) fn time(value: &Value, path: &[&str]) -> Option<Timestamp> {
    at(value, path).and_then(Value::as_str)?.parse().ok()
}

/// `at + duration`, or the end of time.
pub(crate) fn later(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| at.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `at` plus a number of seconds.
pub(crate) fn seconds_later(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The earlier of two optional times.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::equal(json!({"a": 1}), json!({"a": 1}), None)]
    #[case::changed(json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3}), Some(json!({"b": 3})))]
    #[case::removed(json!({"a": 1, "b": 2}), json!({"a": 1}), Some(json!({"b": null})))]
    #[case::nested(json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "z": 3}}),
        Some(json!({"a": {"z": 3, "y": null}})))]
    #[case::null_is_absent(json!({"a": [{"x": null, "y": 1}]}), json!({"a": [{"y": 1}], "b": null}), None)]
    #[case::lists_are_replaced(json!({"a": [1, 2]}), json!({"a": [1]}), Some(json!({"a": [1]})))]
    fn the_merge_patch_holds_only_what_changed(
        #[case] old: Value,
        #[case] new: Value,
        #[case] want: Option<Value>,
    ) {
        assert_eq!(merge_patch(&old, &new), want);
    }

    #[test]
    fn times_are_written_in_whole_seconds() {
        let at: Timestamp = "2026-03-01T10:00:00.750Z".parse().unwrap();
        assert_eq!(rfc3339(at), json!("2026-03-01T10:00:00Z"));
    }

    #[test]
    fn nested_fields_are_made_on_the_way() {
        let mut value = json!({"a": {"b": 1}});
        set_at(&mut value, &["a", "c", "d"], json!(2));
        set_at(&mut value, &["a", "b"], Value::Null);
        assert_eq!(value, json!({"a": {"c": {"d": 2}}}));
    }
}
