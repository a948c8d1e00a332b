//! The roles and bindings that every server begins with.

use serde_json::{Value, json};

use super::GROUP;
use crate::kind::Kind;

/// As kube-apiserver v1.36.3 made them (with `--authorization-mode=RBAC`), in that order; without what is the same for all, and
/// without the rules of aggregated roles.
const RECORDED: &str = include_str!("bootstrap.jsonl");

/// All of them, with their kinds; without metadata that a server adds.
pub(crate) fn objects() -> impl Iterator<Item = (Kind, Value)> {
    RECORDED.lines().filter_map(|line| {
        let mut object: Value = serde_json::from_str(line).ok()?;
        let map = object.as_object_mut()?;
        let kind = map.remove("kind")?;
        let plural = format!("{}s", kind.as_str()?.to_lowercase());
        let mut metadata = json!({
            "name": map.remove("name")?,
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        });
        if let Some(namespace) = map.remove("namespace") {
            metadata["namespace"] = namespace;
        }
        if let Some(Value::Object(labels)) = map.remove("labels") {
            metadata["labels"].as_object_mut()?.extend(labels);
        }
        map.insert("metadata".to_owned(), metadata);
        Some((Kind::built_in(GROUP, "v1", &plural)?, object))
    })
}
