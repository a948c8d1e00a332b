//! What an update must not change.

use super::IMMUTABLE;
use serde_json::{Map, Value};

use super::{event, job_change, pod_change, volume_change};
use crate::internal;
use crate::kind::Kind;
use crate::meta;
use crate::status::FieldError;

/// The fields of built-in kinds that never change: group, kind, path, and the type as messages show it.
const FIELDS: &[(&str, &str, &[&str], &str)] = &[
    ("", "ResourceQuota", &["spec", "scopes"], "[s"),
    ("", "Secret", &["type"], "s"),
    ("apps", "ControllerRevision", &["data"], "v"),
    ("apps", "DaemonSet", &["spec", "selector"], SELECTOR),
    ("apps", "Deployment", &["spec", "selector"], SELECTOR),
    ("apps", "ReplicaSet", &["spec", "selector"], SELECTOR),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "group"], "s"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "names", "plural"], "s"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "scope"], "s"),
    ("discovery.k8s.io", "EndpointSlice", &["addressType"], "s"),
    ("networking.k8s.io", "IngressClass", &["spec", "controller"], "s"),
    ("node.k8s.io", "RuntimeClass", &["handler"], "s"),
    ("storage.k8s.io", "CSIDriver", &["spec", "attachRequired"], "*b"),
    ("storage.k8s.io", "CSIDriver", &["spec", "volumeLifecycleModes"], "[s"),
    ("storage.k8s.io", "CSIStorageCapacity", &["nodeTopology"], SELECTOR),
    ("storage.k8s.io", "CSIStorageCapacity", &["storageClassName"], "s"),
    ("storage.k8s.io", "VolumeAttachment", &["spec"], "storage.VolumeAttachmentSpec"),
];
const SELECTOR: &str = "*meta.LabelSelector";

/// The faults of a change.
pub(super) fn check(kind: &Kind, live: &Value, new: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    for (_, _, path, ty) in FIELDS.iter().filter(|(g, k, ..)| kind.is(g, k)) {
        let (old, now) = (meta::at(live, path), meta::at(new, path));
        if old != now {
            // The real server misspells one of them.
            let field = path.join(".").replace("attachRequired", "attachedRequired");
            found.push(FieldError::invalid_shown(field, &internal::json(ty, now), IMMUTABLE));
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
            let shown = internal::json("rbac.RoleRef", new.get("roleRef"));
            found.push(FieldError::invalid_shown("roleRef", &shown, "cannot change roleRef"));
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
        ("storage.k8s.io", "CSINode") => found.extend(drivers(live, new)),
        ("", "Node") => found.extend(node(live, new)),
        ("events.k8s.io", "Event") => found.extend(event::change(live, new)),
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
    let mut found = Vec::new();
    if ty(live) != "ExternalName" && ty(new) != "ExternalName" {
        let (old, now) = (meta::text(live, &["spec", "clusterIP"]), meta::text(new, &["spec", "clusterIP"]));
        if !old.is_empty() && old != now {
            let why = "may not change once set";
            found.push(FieldError::invalid("spec.clusterIPs[0]", &Value::from(vec![now]), why));
        }
    }
    let class = |object| meta::at(object, &["spec", "loadBalancerClass"]);
    if ty(live) == "LoadBalancer" && ty(new) == "LoadBalancer" && class(live) != class(new) {
        let shown = class(new).unwrap_or(&Value::Null);
        found.push(FieldError::invalid("spec.loadBalancerClass", shown, "may not change once set"));
    }
    found
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

/// The drivers of a node stay as they are while they are there, but for how many volumes they can attach.
fn drivers(live: &Value, new: &Value) -> Vec<FieldError> {
    let list = |object| {
        meta::at(object, &["spec", "drivers"]).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let old = list(live);
    let changed = list(new).into_iter().filter(|driver| {
        let before = old.iter().find(|old| old["name"] == driver["name"]);
        before.is_some_and(|old| {
            without(Some(old), &["allocatable"]) != without(Some(driver), &["allocatable"])
        })
    });
    let told = changed.map(|driver| {
        let shown = internal::json("storage.CSINodeDriver", Some(&driver));
        FieldError::invalid_shown("spec.drivers", &shown, IMMUTABLE)
    });
    told.collect()
}

/// What a node is given once.
fn node(live: &Value, new: &Value) -> Vec<FieldError> {
    let spec = |object, field| meta::at(object, &["spec", field]);
    let mut found = Vec::new();
    for (field, name) in [("podCIDRs", "podCIDR"), ("providerID", "providerID")] {
        if spec(live, field).is_some() && spec(live, field) != spec(new, field) {
            let why = format!("node updates may not change {name} except from \"\" to valid");
            found.push(FieldError::forbidden(format!("spec.{field}"), &why));
        }
    }
    if spec(live, "externalID") != spec(new, "externalID") {
        found.push(FieldError::forbidden("spec.externalID", "may not be updated"));
    }
    found
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
