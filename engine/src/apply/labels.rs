//! What a Kustomization puts on each object that it manages. Pure.

use super::GROUP;
use crate::object::{self, ObjectRef};
use seatrial_api::kustomization::CommonMetadata;
use serde_json::Value;

/// The labels that say who manages an object.
pub(crate) fn owner(namespace: &str, name: &str) -> [(String, String); 2] {
    [(format!("{GROUP}/name"), name.to_owned()), (format!("{GROUP}/namespace"), namespace.to_owned())]
}

/// Puts the owner labels on `object`.
pub(crate) fn set_owner(object: &mut Value, owner: &ObjectRef) {
    if let Some(labels) = object::map_at(object, &["metadata", "labels"]) {
        for (key, value) in self::owner(&owner.namespace, &owner.name) {
            labels.insert(key, value.into());
        }
    }
}

/// Whether `object` carries the owner labels of `owner`.
pub(crate) fn is_owned(object: &Value, owner: &ObjectRef) -> bool {
    self::owner(&owner.namespace, &owner.name)
        .iter()
        .all(|(key, value)| object::label(object, key) == Some(value.as_str()))
}

/// Puts the common labels and annotations on `object`; they win over its own.
pub(crate) fn set_common(object: &mut Value, common: &CommonMetadata) {
    for (field, values) in [("labels", &common.labels), ("annotations", &common.annotations)] {
        if values.is_empty() {
            continue;
        }
        if let Some(map) = object::map_at(object, &["metadata", field]) {
            map.extend(values.iter().map(|(key, value)| (key.clone(), Value::from(value.clone()))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn owner_and_common_metadata_join_what_is_there() {
        let mut object = json!({ "metadata": { "name": "x", "labels": { "app": "x", "tier": "low" } } });
        let who = ObjectRef::new("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "apps");
        set_owner(&mut object, &who);
        let common = CommonMetadata {
            labels: BTreeMap::from([("tier".to_owned(), "high".to_owned())]),
            annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        };
        set_common(&mut object, &common);
        assert_eq!(
            object["metadata"],
            json!({
                "name": "x",
                "labels": {
                    "app": "x",
                    "tier": "high",
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                },
                "annotations": { "a": "b" },
            })
        );
        assert!(is_owned(&object, &who));
        assert!(!is_owned(&object, &ObjectRef { name: "other".into(), ..who }));
    }
}
