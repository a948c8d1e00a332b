//! What an update must not change.

use serde_json::{Map, Value};

use super::{job_change, pod_change, volume_change};
use crate::kind::Kind;
use crate::meta;
use crate::status::FieldError;

const IMMUTABLE: &str = "field is immutable";

/// The fields of built-in kinds that never change: group, kind, path.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("apps", "Deployment", &["spec", "selector"]),
    ("apps", "DaemonSet", &["spec", "selector"]),
    ("apps", "ReplicaSet", &["spec", "selector"]),
    ("", "Secret", &["type"]),
    ("networking.k8s.io", "IngressClass", &["spec", "controller"]),
    ("discovery.k8s.io", "EndpointSlice", &["addressType"]),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "group"]),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "names", "plural"]),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "scope"]),
];

/// The faults of a change.
pub(super) fn check(kind: &Kind, live: &Value, new: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    for (_, _, path) in FIELDS.iter().filter(|(g, k, _)| kind.is(g, k)) {
        let (old, now) = (meta::at(live, path), meta::at(new, path));
        if old != now {
            let value = now.cloned().unwrap_or(Value::Null);
            found.push(FieldError::invalid(path.join("."), &value, IMMUTABLE));
        }
    }
    match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "ConfigMap" | "Secret") => found.extend(frozen(live, new)),
        ("", "Service") => found.extend(service(live, new)),
        ("", "Pod") => found.extend(pod_change::check(live, new)),
        ("", "PersistentVolumeClaim") => found.extend(volume_change::claim(live, new)),
        ("", "PersistentVolume") => found.extend(volume_change::volume(live, new)),
        ("batch", "Job") => found.extend(job_change::check(live, new)),
        ("apps", "StatefulSet") => found.extend(stateful_set(live, new)),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding")
            if live.get("roleRef") != new.get("roleRef") =>
        {
            let part = |field: &str| meta::text(new, &["roleRef", field]).to_owned();
            let shown =
                serde_json::json!({"APIGroup": part("apiGroup"), "Kind": part("kind"), "Name": part("name")});
            found.push(FieldError::invalid("roleRef", &shown, "cannot change roleRef"));
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            if live.get("value") != new.get("value") {
                found.push(FieldError::forbidden("value", "may not be changed in an update."));
            }
            if live.get("preemptionPolicy") != new.get("preemptionPolicy") {
                let value = new.get("preemptionPolicy").cloned().unwrap_or(Value::Null);
                found.push(FieldError::invalid("preemptionPolicy", &value, IMMUTABLE));
            }
        }
        ("storage.k8s.io", "StorageClass") => found.extend(storage_class(live, new)),
        _ => {}
    }
    found
}

/// ConfigMaps and Secrets that say that they are immutable.
fn frozen(live: &Value, new: &Value) -> Vec<FieldError> {
    if live.get("immutable") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let why = "field is immutable when `immutable` is set";
    let mut found = Vec::new();
    if new.get("immutable") != Some(&Value::Bool(true)) {
        found.push(FieldError::forbidden("immutable", why));
    }
    for field in ["data", "binaryData"] {
        if live.get(field) != new.get(field) {
            found.push(FieldError::forbidden(field, why));
        }
    }
    found
}

fn service(live: &Value, new: &Value) -> Vec<FieldError> {
    let ty = |object: &Value| meta::text(object, &["spec", "type"]).to_owned();
    if ty(live) == "ExternalName" || ty(new) == "ExternalName" {
        return Vec::new();
    }
    let (old, now) = (meta::text(live, &["spec", "clusterIP"]), meta::text(new, &["spec", "clusterIP"]));
    if old.is_empty() || old == now {
        return Vec::new();
    }
    vec![FieldError::invalid("spec.clusterIPs[0]", &Value::from(vec![now]), "may not change once set")]
}

/// An object without some of its fields.
fn without(value: Option<&Value>, fields: &[&str]) -> Map<String, Value> {
    let map = value.and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter(|(k, _)| !fields.contains(&k.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn stateful_set(live: &Value, new: &Value) -> Vec<FieldError> {
    let fields = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    if without(live.get("spec"), &fields) == without(new.get("spec"), &fields) {
        return Vec::new();
    }
    let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    vec![FieldError::forbidden("spec", why)]
}

fn storage_class(live: &Value, new: &Value) -> Vec<FieldError> {
    ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]
        .into_iter()
        .filter(|field| live.get(*field) != new.get(*field))
        .map(|field| {
            let value = new.get(field).cloned().unwrap_or(Value::Null);
            FieldError::invalid(field, &value, IMMUTABLE)
        })
        .collect()
}
