//! What an update of a claim or a volume must not change.

use super::{IMMUTABLE, put_back};
use serde_json::{Map, Value};

use crate::internal;
use crate::meta;
use crate::status::FieldError;

/// The faults of a change of a PersistentVolumeClaim.
pub(super) fn claim(live: &Value, new: &Value) -> Vec<FieldError> {
    let spec = |object: &Value| object.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    let (mut old, mut now) = (spec(live), spec(new));
    let mut found = Vec::new();
    // A claim is bound once, and gets a class once.
    if !old.contains_key("volumeName") {
        put_back(&now, &mut old, "volumeName");
    }
    if !old.contains_key("storageClassName") {
        now.remove("storageClassName");
    }
    // One that is bound may grow, and change the class of its attributes.
    if meta::text(new, &["status", "phase"]) == "Bound" {
        let storage = |spec: &Map<String, Value>| {
            spec.get("resources").and_then(|r| meta::at(r, &["requests", "storage"])).cloned()
        };
        if let (Some(Value::Object(requests)), Some(before)) =
            (now.get_mut("resources").and_then(|r| r.get_mut("requests")), storage(&old))
        {
            requests.insert("storage".to_owned(), before);
        }
        put_back(&old, &mut now, "volumeAttributesClassName");
    }
    if old != now {
        let (old, now) = (Value::Object(old), Value::Object(now));
        let lines = internal::difference("core.PersistentVolumeClaimSpec", Some(&old), Some(&now));
        let why = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{lines}"
        );
        found.push(FieldError::forbidden("spec", &why));
    }
    found.extend(volume_mode(live, new));
    found
}

/// The faults of a change of a PersistentVolume.
pub(super) fn volume(live: &Value, new: &Value) -> Vec<FieldError> {
    const SOURCE: &str = "core.PersistentVolumeSource";
    let mut found = Vec::new();
    let (old, mut now) = (live.get("spec").cloned(), new.get("spec").cloned());
    // The secret for growing may be named later.
    let secret = |spec: &Option<Value>| {
        spec.as_ref().and_then(|s| meta::at(s, &["csi", "controllerExpandSecretRef"])).is_some()
    };
    if !secret(&old)
        && let Some(Value::Object(csi)) = now.as_mut().and_then(|s| s.get_mut("csi"))
        && old.as_ref().is_some_and(|s| s.get("csi").is_some())
    {
        csi.remove("controllerExpandSecretRef");
    }
    if internal::json(SOURCE, old.as_ref()) != internal::json(SOURCE, now.as_ref()) {
        let lines = internal::difference(SOURCE, old.as_ref(), now.as_ref());
        let why = format!("spec.persistentvolumesource is immutable after creation\n{lines}");
        found.push(FieldError::forbidden("spec.persistentvolumesource", &why));
    }
    found.extend(volume_mode(live, new));
    let affinity = |object| meta::at(object, &["spec", "nodeAffinity"]);
    if affinity(live).is_some() && affinity(live) != affinity(new) {
        let shown = internal::json("*core.VolumeNodeAffinity", affinity(new));
        let why = "field is immutable, except for updating from beta label to GA";
        found.push(FieldError::invalid_shown("nodeAffinity", &shown, why));
    }
    found
}

fn volume_mode(live: &Value, new: &Value) -> Option<FieldError> {
    let mode = |object| meta::at(object, &["spec", "volumeMode"]);
    let shown = mode(new).unwrap_or(&Value::Null);
    (mode(live) != mode(new)).then(|| FieldError::invalid("volumeMode", shown, IMMUTABLE))
}
