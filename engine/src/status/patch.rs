//! Writes what has changed of a status, and nothing where nothing has.

use crate::cluster::{Cluster, ClusterError};
use crate::object::ObjectRef;
use serde_json::{Map, Value, json};

/// The status of an object as it was last written.
#[derive(Clone, Debug)]
pub(crate) struct StatusPatch {
    who: ObjectRef,
    written: Map<String, Value>,
    manager: &'static str,
}

impl StatusPatch {
    /// Of an object as it was read.
    pub(crate) fn of(object: &Value, manager: &'static str) -> StatusPatch {
        let written = object["status"].as_object().cloned().unwrap_or_default();
        StatusPatch { who: ObjectRef::of(object), written, manager }
    }

    /// Makes the object's status `status`. An object that is gone is no error.
    pub(crate) async fn write(
        &mut self,
        cluster: &Cluster,
        status: &impl serde::Serialize,
    ) -> Result<(), ClusterError> {
        let status = serde_json::to_value(status).map_err(|e| ClusterError::Transport(e.to_string()))?;
        let status = status.as_object().cloned().unwrap_or_default();
        let patch = difference(&self.written, &status);
        if patch.is_empty() {
            return Ok(());
        }
        match cluster.merge(&self.who, "/status", json!({ "status": patch }), self.manager).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => {
                self.written = status;
                Ok(())
            }
        }
    }
}

/// The merge patch that makes `new` out of `old`, one level deep.
fn difference(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    let removed = old.keys().filter(|key| !new.contains_key(*key));
    changed
        .map(|(key, value)| (key.clone(), replaced(old.get(key), value)))
        .chain(removed.map(|key| (key.clone(), Value::Null)))
        .collect()
}

/// `new`, with nulls for the keys that only `old` has: a merge patch would keep those.
fn replaced(old: Option<&Value>, new: &Value) -> Value {
    let (Some(Value::Object(old)), Value::Object(new)) = (old, new) else { return new.clone() };
    let mut patch: Map<String, Value> =
        new.iter().map(|(key, value)| (key.clone(), replaced(old.get(key), value))).collect();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), json!({}))]
    #[case::changed(json!({"a": 1, "b": 2}), json!({"a": 3, "b": 2}), json!({"a": 3}))]
    #[case::removed(json!({"a": 1}), json!({}), json!({"a": null}))]
    #[case::inner(
        json!({"artifact": {"digest": "x", "metadata": {"k": "v"}}}),
        json!({"artifact": {"digest": "y"}}),
        json!({"artifact": {"digest": "y", "metadata": null}})
    )]
    fn only_differences_are_written(#[case] old: Value, #[case] new: Value, #[case] expected: Value) {
        let (Value::Object(old), Value::Object(new)) = (old, new) else { panic!("maps") };
        assert_eq!(Value::Object(difference(&old, &new)), expected);
    }
}
