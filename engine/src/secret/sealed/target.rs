//! What becomes of a Secret that is there already. Pure.

use seatrial_seal::{MANAGED, PATCH};
use serde_json::{Map, Value};

/// Whether an annotation of a Secret says so.
fn says(secret: &Value, annotation: &str) -> bool {
    secret["metadata"]["annotations"][annotation] == "true"
}

/// The Secret as it is to be written; none where it is so already.
///
/// # Errors
/// The Secret belongs to somebody else: a whole sentence.
pub(super) fn merged(existing: &Value, wanted: &Value, uid: &str) -> Result<Option<Value>, String> {
    let owners = existing["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let is_own = owners.into_iter().any(|owner| owner["uid"] == uid && owner["controller"] == true);
    let (managed, patch) = (says(existing, MANAGED), says(existing, PATCH));
    if !is_own && !managed && !patch {
        let name = existing["metadata"]["name"].as_str().unwrap_or_default();
        return Err(format!("Resource {name:?} already exists and is not managed by SealedSecret"));
    }
    let mut new = existing.clone();
    if patch {
        join(&mut new["data"], &wanted["data"]);
        join(&mut new["metadata"]["labels"], &wanted["metadata"]["labels"]);
        join(&mut new["metadata"]["annotations"], &wanted["metadata"]["annotations"]);
        if managed {
            take(&mut new["metadata"], &wanted["metadata"], "ownerReferences");
        }
    } else {
        take(&mut new, wanted, "data");
        for field in ["labels", "annotations", "ownerReferences"] {
            take(&mut new["metadata"], &wanted["metadata"], field);
        }
        if wanted.get("immutable").is_some() {
            take(&mut new, wanted, "immutable");
        }
        // The API server gives a type to a Secret without one; taking it away would be a change of it.
        if wanted.get("type").is_some() {
            take(&mut new, wanted, "type");
        }
    }
    prune(&mut new);
    Ok((new != *existing).then_some(new))
}

/// Adds the entries of a map to another.
fn join(into: &mut Value, from: &Value) {
    let Some(from) = from.as_object().filter(|map| !map.is_empty()) else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Some(into) = into.as_object_mut() {
        into.extend(from.clone());
    }
}

/// Makes a field what another object has there.
fn take(into: &mut Value, from: &Value, field: &str) {
    let Some(map) = into.as_object_mut() else { return };
    match from.get(field) {
        Some(value) => drop(map.insert(field.to_owned(), value.clone())),
        None => drop(map.remove(field)),
    }
}

/// Indexing leaves nulls behind.
fn prune(object: &mut Value) {
    let retain = |object: &mut Value| {
        if let Some(map) = object.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
    };
    retain(&mut object["metadata"]);
    retain(object);
}
