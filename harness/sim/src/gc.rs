//! Garbage collection by owner references, as the controller manager does it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::crd;
use crate::delete::{Deletion, FOREGROUND, ORPHAN, delete};
use crate::kind::Kind;
use crate::meta;
use crate::object::Key;
use crate::rbac;
use crate::store::{State, Suspect};

/// One step of the background work; says whether there may be more.
pub(crate) fn sweep(state: &mut State, now: Timestamp) -> bool {
    if crd::sweep(state, now) || rbac::sweep(state, now) {
        return true;
    }
    let Some(suspect) = state.garbage.pop_first() else { return false };
    match suspect {
        Suspect::OwnerGone(uid) => {
            let dependents = state.dependents.get(&uid).cloned().unwrap_or_default();
            for (table, key) in dependents {
                attend(state, &table, &key, now);
            }
        }
        Suspect::Dependent(table, key) => attend(state, &table, &key, now),
        Suspect::Deleting(table, key) => finish(state, &table, &key, now),
    }
    true
}

/// The kind of the objects in a table, in the stored version.
pub(crate) fn kind_of(state: &State, object: &Value) -> Option<Kind> {
    let (group, version) = seatrial_schema::split_api_version(meta::text(object, &["apiVersion"]));
    let kind = meta::text(object, &["kind"]);
    if let Some(resource) = seatrial_schema::kubernetes().resource(group, version, kind) {
        return Some(Kind::BuiltIn(resource));
    }
    let found = state.registry.all().find(|v| v.resource.group == group && v.resource.kind == kind);
    found.cloned().map(Kind::Custom)
}

/// Whether the owner that a reference names is there.
fn owner<'s>(state: &'s State, reference: &Value, namespace: &str) -> Option<&'s (Arc<str>, Key)> {
    let place = state.uids.get(meta::text(reference, &["uid"]))?;
    // An owner in another namespace counts as absent.
    (place.1.namespace.is_empty() || place.1.namespace == namespace).then_some(place)
}

/// Deletes an object whose owners are all gone; takes gone owners out of one that has others.
fn attend(state: &mut State, table: &str, key: &Key, now: Timestamp) {
    let Some(object) = state.get(table, key) else { return };
    let value = object.value();
    if meta::is_deleting(value) {
        return;
    }
    let (mut solid, mut waiting, mut gone) = (Vec::new(), Vec::new(), 0);
    for reference in meta::owners(value) {
        let found = owner(state, reference, &key.namespace).and_then(|(table, key)| state.get(table, key));
        match found {
            None => gone += 1,
            Some(owner) if waits_for_dependents(owner.value()) => waiting.push(reference.clone()),
            Some(_) => solid.push(reference.clone()),
        }
    }
    if gone == 0 && waiting.is_empty() {
        return;
    }
    if !solid.is_empty() {
        let mut value = value.clone();
        meta::metadata_mut(&mut value).insert("ownerReferences".to_owned(), Value::Array(solid));
        state.put(table, key, value, now);
        return;
    }
    let Some(kind) = kind_of(state, value) else { return };
    // Under an owner in the foreground, what has dependents of its own goes in the foreground as well.
    let has_dependents = state.dependents.contains_key(meta::uid(value));
    let propagation = if !waiting.is_empty() && has_dependents { "Foreground" } else { "Background" };
    let propagation = match meta::finalizers(value) {
        f if f.contains(&ORPHAN) => "Orphan",
        f if f.contains(&FOREGROUND) => "Foreground",
        _ => propagation,
    };
    let deletion = Deletion {
        propagation: Some(propagation.to_owned()),
        uid: Some(meta::uid(value).to_owned()),
        ..Deletion::default()
    };
    // It was there a moment ago under this lock: nothing can be refused.
    let _ = delete(state, &kind, key, &deletion, now);
}

fn waits_for_dependents(value: &Value) -> bool {
    meta::is_deleting(value) && meta::finalizers(value).contains(&FOREGROUND)
}

/// Goes on with an object that is being deleted in the foreground, or that leaves its dependents behind.
fn finish(state: &mut State, table: &str, key: &Key, now: Timestamp) {
    let Some(object) = state.get(table, key) else { return };
    let value = object.value();
    if !meta::is_deleting(value) {
        return;
    }
    let finalizers = meta::finalizers(value);
    let uid = meta::uid(value).to_owned();
    let dependents = state.dependents.get(&uid).cloned().unwrap_or_default();
    if finalizers.contains(&ORPHAN) {
        for (table, key) in dependents {
            let Some(dependent) = state.get(&table, &key) else { continue };
            let mut value = dependent.value().clone();
            let left: Vec<Value> =
                meta::owners(&value).filter(|o| meta::text(o, &["uid"]) != uid).cloned().collect();
            let metadata = meta::metadata_mut(&mut value);
            if left.is_empty() {
                metadata.remove("ownerReferences");
            } else {
                metadata.insert("ownerReferences".to_owned(), left.into());
            }
            state.put(&table, &key, value, now);
        }
        release(state, table, key, ORPHAN, now);
    } else if finalizers.contains(&FOREGROUND) {
        let mut blocked = false;
        for (table, key) in dependents {
            attend(state, &table, &key, now);
            let Some(dependent) = state.get(&table, &key) else { continue };
            blocked |= meta::owners(dependent.value()).any(|o| {
                meta::text(o, &["uid"]) == uid && o.get("blockOwnerDeletion") == Some(&Value::Bool(true))
            });
        }
        if !blocked {
            release(state, table, key, FOREGROUND, now);
        }
    }
    unprotect(state, table, key, now);
}

const PROTECTIONS: [&str; 3] =
    ["kubernetes.io/pvc-protection", "kubernetes.io/pv-protection", "kubernetes.io/vac-protection"];

/// Lets go of a claim that no Pod uses, of a volume that no claim is bound to, and of a class that neither names.
fn unprotect(state: &mut State, table: &str, key: &Key, now: Timestamp) {
    let Some(object) = state.get(table, key) else { return };
    let finalizers = meta::finalizers(object.value());
    let Some(finalizer) = PROTECTIONS.into_iter().find(|p| finalizers.contains(p)) else { return };
    let uses = |pod: &Value| {
        let volumes = meta::at(pod, &["spec", "volumes"]).and_then(Value::as_array);
        let over = matches!(meta::text(pod, &["status", "phase"]), "Succeeded" | "Failed");
        let mut claims = volumes.into_iter().flatten();
        !over && claims.any(|v| meta::text(v, &["persistentVolumeClaim", "claimName"]) == key.name)
    };
    let used = match table {
        "persistentvolumeclaims" => state.tables.get("pods").is_some_and(|pods| {
            pods.objects.iter().any(|(pod, object)| pod.namespace == key.namespace && uses(object.value()))
        }),
        "volumeattributesclasses.storage.k8s.io" => {
            let names = |object: &Value| {
                let path: [&[&str]; 2] =
                    [&["spec", "volumeAttributesClassName"], &["status", "currentVolumeAttributesClassName"]];
                path.iter().any(|path| meta::text(object, path) == key.name)
            };
            ["persistentvolumes", "persistentvolumeclaims"].iter().any(|table| {
                let objects = state.tables.get(*table).into_iter().flat_map(|t| t.objects.values());
                objects.into_iter().any(|object| names(object.value()))
            })
        }
        _ => meta::text(object.value(), &["status", "phase"]) == "Bound",
    };
    if !used {
        release(state, table, key, finalizer, now);
    }
}

/// Takes a finalizer away; the object goes with its last one.
fn release(state: &mut State, table: &str, key: &Key, finalizer: &str, now: Timestamp) {
    let Some(object) = state.get(table, key) else { return };
    let left: Vec<String> =
        meta::finalizers(object.value()).into_iter().filter(|f| *f != finalizer).map(str::to_owned).collect();
    let grace = meta::at(object.value(), &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    if left.is_empty() && grace.unwrap_or(0) == 0 {
        state.remove(table, key, now);
    } else {
        let mut value = object.value().clone();
        meta::set_finalizers(&mut value, &left);
        state.put(table, key, value, now);
    }
}
