//! What an update must not change.

use serde_json::{Map, Value};

use super::storage;
use crate::kind::Kind;
use crate::meta;
use crate::status::FieldError;

const IMMUTABLE: &str = "field is immutable";

/// The fields of built-in kinds that never change: group, kind, path.
const FIELDS: &[(&str, &str, &[&str])] = &[
    ("apps", "Deployment", &["spec", "selector"]),
    ("apps", "DaemonSet", &["spec", "selector"]),
    ("apps", "ReplicaSet", &["spec", "selector"]),
    ("batch", "Job", &["spec", "completions"]),
    ("batch", "Job", &["spec", "selector"]),
    ("batch", "Job", &["spec", "template"]),
    ("batch", "Job", &["spec", "completionMode"]),
    ("batch", "Job", &["spec", "podFailurePolicy"]),
    ("batch", "Job", &["spec", "backoffLimitPerIndex"]),
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
    for (_, name, path) in FIELDS.iter().filter(|(g, k, _)| kind.is(g, k)) {
        let (old, now) = (meta::at(live, path), meta::at(new, path));
        // The template of a suspended Job may change.
        let suspended = *name == "Job"
            && path.last() == Some(&"template")
            && meta::at(live, &["spec", "suspend"]) == Some(&Value::Bool(true));
        if old != now && !suspended {
            let value = now.cloned().unwrap_or(Value::Null);
            found.push(FieldError::invalid(path.join("."), &value, IMMUTABLE));
        }
    }
    match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "ConfigMap" | "Secret") => found.extend(frozen(live, new)),
        ("", "Service") => found.extend(service(live, new)),
        ("", "Pod") => found.extend(pod(live, new)),
        ("", "PersistentVolumeClaim") => found.extend(claim(live, new)),
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

fn pod(live: &Value, new: &Value) -> Vec<FieldError> {
    let count = |object: &Value| {
        let containers = meta::at(object, &["spec", "containers"]).and_then(Value::as_array);
        containers.map_or(0, Vec::len)
    };
    if count(live) != count(new) {
        let why = "pod updates may not add or remove containers";
        return vec![FieldError::forbidden("spec.containers", why)];
    }
    let comparable = |object: &Value| {
        let mut spec = without(
            object.get("spec"),
            &["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"],
        );
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
                container.remove("image");
            }
        }
        spec
    };
    if comparable(live) == comparable(new) {
        return Vec::new();
    }
    let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    vec![FieldError::forbidden("spec", why)]
}

fn claim(live: &Value, new: &Value) -> Vec<FieldError> {
    // A claim may grow, be bound, and change its attributes class.
    let fields = ["resources", "volumeName", "volumeAttributesClassName"];
    if without(live.get("spec"), &fields) == without(new.get("spec"), &fields) {
        return storage::claim_change(live, new).into_iter().collect();
    }
    let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
    vec![FieldError::forbidden("spec", why)]
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
