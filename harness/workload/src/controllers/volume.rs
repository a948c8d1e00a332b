//! PersistentVolumeClaims are bound at once, each to a volume made for it.

use super::pods::is_finished;
use crate::api::{ApiError, ignore_missing};
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::kubelet::claims;
use crate::object::{self, Key, Object, at, deleting, finalizers, name, namespace, set, set_at, text, uid};
use serde_json::{Value, json};

const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";
const PROVISIONER: &str = "seatrial.dev/memory";

/// Binds a claim, or lets a deleted one go when no pod uses it.
pub(crate) async fn reconcile_claim(
    context: &Context,
    recorder: &Recorder,
    key: &Key,
) -> Result<Wake, ApiError> {
    let store = &context.stores.persistent_volume_claims;
    let Some(claim) = store.get(key) else {
        return release(context, key).await;
    };
    if deleting(&claim) {
        if !in_use(context, &claim) {
            drop_finalizer(context, store, &claim, CLAIM_PROTECTION).await?;
        }
        return Ok(None);
    }
    let volume_name = match text(&claim, &["spec", "volumeName"]) {
        "" => format!("pvc-{}", uid(&claim)),
        chosen => chosen.to_owned(),
    };
    let volumes = &context.stores.persistent_volumes;
    let volume_key = Key::new("", volume_name.as_str());
    let volume = match volumes.get(&volume_key) {
        Some(volume) => volume,
        // A volume that the claim asks for by name has to be made by somebody else.
        None if !text(&claim, &["spec", "volumeName"]).is_empty() && !is_bound(&claim) => return Ok(None),
        None => {
            let made = volumes.create(&context.api, &volume_for(&claim, &volume_name)).await;
            match made {
                Ok(volume) => {
                    let message = format!("Successfully provisioned volume {volume_name}");
                    recorder.write(&claim, &Note::normal("ProvisioningSucceeded", message)).await;
                    volume
                }
                Err(error) if error.is_conflict() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    };
    let claim = if text(&claim, &["spec", "volumeName"]).is_empty() {
        let patch = json!({"spec": {"volumeName": volume_name}, "metadata": {"annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}}});
        store.patch(&context.api, &claim, patch).await?
    } else {
        claim
    };
    let mut status = claim.get("status").cloned().unwrap_or_else(|| json!({}));
    set(&mut status, "phase", json!("Bound"));
    set(&mut status, "accessModes", at(&claim, &["spec", "accessModes"]).cloned().unwrap_or_default());
    let size = at(&claim, &["spec", "resources", "requests", "storage"])
        .or_else(|| at(&volume, &["spec", "capacity", "storage"]));
    set_at(&mut status, &["capacity", "storage"], size.cloned().unwrap_or_default());
    store.write_status(&context.api, &claim, &status).await?;
    mark_volume(context, &volume, "Bound").await?;
    Ok(None)
}

/// Lets a deleted volume go when its claim is gone, and marks one as available that nobody has claimed.
pub(crate) async fn reconcile_volume(context: &Context, _: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.persistent_volumes;
    let Some(volume) = store.get(key) else { return Ok(None) };
    let claim = claim_of(&volume).and_then(|key| context.stores.persistent_volume_claims.get(&key));
    if deleting(&volume) {
        if claim.is_none() {
            drop_finalizer(context, store, &volume, VOLUME_PROTECTION).await?;
        }
    } else if claim_of(&volume).is_none() {
        mark_volume(context, &volume, "Available").await?;
    }
    Ok(None)
}

fn is_bound(claim: &Value) -> bool {
    text(claim, &["status", "phase"]) == "Bound"
}

fn claim_of(volume: &Value) -> Option<Key> {
    let claim = at(volume, &["spec", "claimRef"])?;
    Some(Key::new(text(claim, &["namespace"]), text(claim, &["name"])))
}

/// After a claim has gone, its volumes are deleted or released, as their reclaim policy says.
async fn release(context: &Context, claim: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.persistent_volumes;
    for volume in store.all().iter().filter(|volume| claim_of(volume).as_ref() == Some(claim)) {
        if deleting(volume) {
            drop_finalizer(context, store, volume, VOLUME_PROTECTION).await?;
        } else if text(volume, &["spec", "persistentVolumeReclaimPolicy"]) == "Delete" {
            store.delete(&context.api, volume, None, None).await?;
        } else {
            mark_volume(context, volume, "Released").await?;
        }
    }
    Ok(None)
}

async fn mark_volume(context: &Context, volume: &Object, phase: &str) -> Result<(), ApiError> {
    let mut status = volume.get("status").cloned().unwrap_or_else(|| json!({}));
    if text(&status, &["phase"]) != phase {
        set(&mut status, "phase", json!(phase));
        ignore_missing(context.stores.persistent_volumes.write_status(&context.api, volume, &status).await)?;
    }
    Ok(())
}

fn in_use(context: &Context, claim: &Value) -> bool {
    let pods = context.stores.pods.in_namespace(namespace(claim));
    pods.iter().any(|pod| !is_finished(pod) && claims(pod).any(|used| used == name(claim)))
}

async fn drop_finalizer(
    context: &Context,
    store: &crate::store::Store,
    object: &Object,
    finalizer: &str,
) -> Result<(), ApiError> {
    if finalizers(object).all(|known| known != finalizer) {
        return Ok(());
    }
    let kept: Vec<&str> = finalizers(object).filter(|known| *known != finalizer).collect();
    let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
    ignore_missing(store.patch(&context.api, object, json!({"metadata": {"finalizers": kept}})).await)?;
    Ok(())
}

fn volume_for(claim: &Value, volume_name: &str) -> Value {
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume_name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "accessModes": at(claim, &["spec", "accessModes"]).cloned().unwrap_or_default(),
            "capacity": {"storage": at(claim, &["spec", "resources", "requests", "storage"]).cloned()
                .unwrap_or_else(|| json!("1Gi"))},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": object::name(claim),
                "namespace": namespace(claim), "uid": uid(claim)},
            "hostPath": {"path": format!("/var/lib/seatrial/{volume_name}"), "type": ""},
            "persistentVolumeReclaimPolicy": "Delete",
        },
    });
    for field in ["storageClassName", "volumeMode"] {
        if let Some(value) = at(claim, &["spec", field]) {
            set_at(&mut volume, &["spec", field], value.clone());
        }
    }
    volume
}
