//! The part of a live object that its Kustomization applied. Pure.
//!
//! An API server fills in defaults, controllers write annotations and replica counts, and every object has fields that only
//! the server may write. Which fields were applied, `metadata.managedFields` says.

use serde_json::{Map, Value};

/// The field manager of Flux's applications.
const MANAGER: &str = "kustomize-controller";
/// The labels by which a Kustomization marks what it applied.
pub(super) const OWNER: [&str; 2] =
    ["kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"];
/// What only the server writes.
const SERVERS: [&str; 8] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// Annotations that say nothing about what is wanted.
const NOISE: [&str; 3] = [
    "deployment.kubernetes.io/revision",
    "kubectl.kubernetes.io/last-applied-configuration",
    "reconcile.fluxcd.io/requestedAt",
];

/// The fields of a live object that Flux applied, without the labels that mark its Kustomization. Where the object does not
/// say which they are: all of its fields but those that only the server writes.
pub(super) fn applied(live: &Value) -> Value {
    let mut object = match fields(live) {
        // A Secret's stringData has become data, which nobody has applied by that name.
        Some(fields) if live["kind"] != "Secret" => {
            let mut object = project(&fields, live);
            for (key, from) in [("apiVersion", live), ("kind", live)] {
                object[key] = from[key].clone();
            }
            for key in ["name", "namespace"] {
                if let Some(value) = live["metadata"].get(key) {
                    object["metadata"][key] = value.clone();
                }
            }
            object
        }
        _ => live.clone(),
    };
    clean(&mut object);
    object
}

/// Takes off what is no part of what is wanted.
pub(super) fn clean(object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.retain(|key, _| !SERVERS.contains(&key.as_str()));
    for (field, noise) in [("labels", OWNER.as_slice()), ("annotations", NOISE.as_slice())] {
        if let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) {
            map.retain(|key, _| !noise.contains(&key.as_str()));
            if map.is_empty() {
                metadata.remove(field);
            }
        }
    }
}

/// What Flux applied, in the form of `fieldsV1`; none where it is not known for the version at hand.
fn fields(live: &Value) -> Option<Value> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let is_ours = |entry: &&Value| {
        entry["manager"] == MANAGER
            && entry["operation"] == "Apply"
            && entry.get("subresource").is_none()
            && entry["apiVersion"] == live["apiVersion"]
    };
    entries.iter().find(is_ours).map(seatrial_wire::fields_v1)
}

/// The fields of `value` that `fields` lists.
fn project(fields: &Value, value: &Value) -> Value {
    let Some(listed) = fields.as_object().filter(|listed| !listed.is_empty()) else { return value.clone() };
    match value {
        Value::Object(map) => {
            let own = listed.iter().filter_map(|(key, below)| Some((key.strip_prefix("f:")?, below)));
            let own = own.filter_map(|(key, below)| Some((key.to_owned(), project(below, map.get(key)?))));
            Value::Object(own.collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let below =
                |(index, item): (usize, &Value)| listed.iter().find(|(key, _)| selects(key, index, item));
            let items = items.iter().enumerate();
            items
                .filter_map(|(index, item)| below((index, item)).map(|(_, below)| project(below, item)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Whether a key of a list's fields means this item.
fn selects(key: &str, index: usize, item: &Value) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    match key.split_at_checked(2) {
        Some(("k:", text)) => parsed(text).as_ref().and_then(Value::as_object).is_some_and(|keys| {
            !keys.is_empty() && keys.iter().all(|(name, value)| item.get(name) == Some(value))
        }),
        Some(("v:", text)) => parsed(text).as_ref() == Some(item),
        Some(("i:", text)) => text.parse() == Ok(index),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(fields: Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "default", "uid": "1", "resourceVersion": "9", "generation": 2,
                "labels": {"app": "web", "kustomize.toolkit.fluxcd.io/name": "apps",
                           "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
                "annotations": {"deployment.kubernetes.io/revision": "2"},
                "managedFields": [{"manager": "kustomize-controller", "operation": "Apply",
                                   "apiVersion": "apps/v1", "fieldsV1": fields}],
            },
            "spec": {
                "replicas": 3, "revisionHistoryLimit": 10,
                "template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [
                    {"name": "web", "image": "web:1", "terminationMessagePath": "/dev/x",
                     "args": ["a", "b"], "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "sidecar", "image": "injected:1"},
                ]}},
            },
            "status": {"replicas": 3},
        })
    }

    #[test]
    fn only_what_was_applied_is_left() {
        let fields = json!({
            "f:metadata": {"f:labels": {"f:app": {}, "f:kustomize.toolkit.fluxcd.io/name": {},
                                        "f:kustomize.toolkit.fluxcd.io/namespace": {}}},
            "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
            }}}}},
        });
        assert_eq!(
            applied(&live(fields)),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
                "spec": {"template": {"spec": {"containers": [
                    {"name": "web", "image": "web:1", "args": ["a", "b"], "ports": [{"containerPort": 80}]},
                ]}}},
            })
        );
    }

    #[test]
    fn without_a_word_about_what_was_applied_all_but_the_servers_own_is_left() {
        let mut object = live(json!({}));
        object["metadata"]["managedFields"] = json!([]);
        let left = applied(&object);
        assert_eq!(left["spec"], object["spec"]);
        assert_eq!(
            left["metadata"],
            json!({"name": "web", "namespace": "default", "labels": {"app": "web"}})
        );
        assert!(left.get("status").is_none());
    }

    #[test]
    fn items_of_sets_and_lists_are_selected() {
        let fields = json!({"v:\"a\"": {}, "i:2": {}});
        assert_eq!(project(&fields, &json!(["a", "b", "c"])), json!(["a", "c"]));
    }
}
