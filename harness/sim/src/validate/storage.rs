//! Faults of claims, volumes and storage classes.

use serde_json::Value;

use super::names;
use super::pod::{affinity, one_of};
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;

const MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
/// The fields of a volume's spec that are no source of it.
const NO_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

fn access_modes(spec: &Value, at: &str, missing: &str, found: &mut Vec<FieldError>) {
    let modes = spec.get("accessModes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]);
    if modes.is_empty() {
        found.push(FieldError::required(format!("{at}.accessModes"), missing));
    }
    for mode in modes {
        one_of(&format!("{at}.accessModes"), Some(mode), &MODES, found);
    }
}

fn volume_mode(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    one_of(&format!("{at}.volumeMode"), spec.get("volumeMode"), &["Block", "Filesystem"], found);
}

/// The faults of the spec of a claim at `at`.
pub(super) fn claim(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    access_modes(spec, at, "at least 1 access mode is required", found);
    match meta::at(spec, &["resources", "requests", "storage"]) {
        None => found.push(FieldError::required(format!("{at}.resources[storage]"), "")),
        Some(asked) => {
            if asked.as_str().and_then(Quantity::parse).is_some_and(|q| !q.sign().is_gt()) {
                found.push(FieldError::invalid(
                    format!("{at}.resources[storage]"),
                    asked,
                    "must be greater than zero",
                ));
            }
        }
    }
    volume_mode(spec, at, found);
}

pub(super) fn volume(spec: &Value, found: &mut Vec<FieldError>) {
    access_modes(spec, "spec", "", found);
    let capacity = spec.get("capacity").and_then(Value::as_object);
    if capacity.is_none_or(|c| c.is_empty()) {
        found.push(FieldError::required("spec.capacity", ""));
    }
    if capacity.is_none_or(|c| c.len() != 1 || !c.contains_key("storage")) {
        let shown = capacity.cloned().unwrap_or_default();
        found.push(FieldError::not_supported("spec.capacity", &shown.into(), &["storage"]));
    }
    let policies = ["Delete", "Recycle", "Retain"];
    let policy = spec.get("persistentVolumeReclaimPolicy");
    one_of("spec.persistentVolumeReclaimPolicy", policy, &policies, found);
    if let Some(required) = meta::at(spec, &["nodeAffinity", "required"]) {
        affinity::selector(required, "spec.nodeAffinity.required", found);
    } else if spec.get("nodeAffinity").is_some() {
        found.push(FieldError::required(
            "spec.nodeAffinity.required",
            "must specify required node constraints",
        ));
    }
    let has_source = spec.as_object().is_some_and(|s| s.keys().any(|k| !NO_SOURCE.contains(&k.as_str())));
    if !has_source {
        found.push(FieldError::required("spec", "must specify a volume type"));
    }
    if spec.get("hostPath").is_some() && meta::text(spec, &["hostPath", "path"]).is_empty() {
        found.push(FieldError::required("spec.hostPath.path", ""));
    }
    volume_mode(spec, "spec", found);
}

pub(super) fn class(object: &Value, found: &mut Vec<FieldError>) {
    match meta::text(object, &["provisioner"]) {
        "" => found.push(FieldError::required("provisioner", "")),
        name => found.extend(names::faults("provisioner", &name.to_lowercase(), names::qualified)),
    }
    let parameters = object.get("parameters").and_then(Value::as_object);
    if parameters.is_some_and(|p| p.contains_key("")) {
        found.push(FieldError::invalid("parameters", &"".into(), "field can not be empty."));
    }
    one_of("reclaimPolicy", object.get("reclaimPolicy"), &["Delete", "Retain"], found);
    let modes = ["Immediate", "WaitForFirstConsumer"];
    one_of("volumeBindingMode", object.get("volumeBindingMode"), &modes, found);
}
