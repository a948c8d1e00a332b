//! Faults of `metadata`.

use serde_json::Value;

use super::names;
use crate::kind::Kind;
use crate::meta;
use crate::status::FieldError;

/// Finalizers without a domain that the server knows.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// The faults of the metadata of one object.
pub(super) fn check(kind: &Kind, object: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let name = meta::name(object);
    if name.is_empty() {
        found.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        found.extend(names::faults("metadata.name", name, name_check(kind)));
    }
    let map = |field: &str| meta::at(object, &["metadata", field]).and_then(Value::as_object);
    for (key, value) in map("labels").into_iter().flatten() {
        found.extend(names::faults("metadata.labels", key, names::qualified));
        let value = value.as_str().unwrap_or("");
        found.extend(names::faults("metadata.labels", value, names::label_value));
    }
    let mut size = 0;
    for (key, value) in map("annotations").into_iter().flatten() {
        let lower = key.to_lowercase();
        for why in names::qualified(&lower) {
            found.push(FieldError::invalid("metadata.annotations", &Value::from(key.as_str()), &why));
        }
        size += key.len() + value.as_str().unwrap_or("").len();
    }
    if size > 256 * 1024 {
        found.push(FieldError::too_long("metadata.annotations", 256 * 1024));
    }
    found.extend(owner_references(object));
    for (i, finalizer) in meta::finalizers(object).iter().enumerate() {
        let field = format!("metadata.finalizers[{i}]");
        let errors = names::faults("metadata.finalizers", finalizer, names::qualified);
        // Custom resources may have any.
        let known = kind.is_custom() || finalizer.contains('/') || STANDARD_FINALIZERS.contains(finalizer);
        found.extend(errors);
        if !known {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            found.push(FieldError::invalid(field, &Value::from(*finalizer), why));
        }
    }
    found
}

fn owner_references(object: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let mut controller: Option<String> = None;
    for owner in meta::owners(object) {
        for (field, what) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if meta::text(owner, &[field]).is_empty() {
                let place = format!("metadata.ownerReferences.{field}");
                found.push(FieldError::invalid(place, &Value::from(""), what));
            }
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let this = format!("{}/{}", meta::text(owner, &["kind"]), meta::text(owner, &["name"]));
            if let Some(first) = &controller {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                found.push(FieldError::invalid_shown("metadata.ownerReferences", &owners_text(object), &why));
            }
            controller = Some(this);
        }
    }
    found
}

/// All owners as JSON, with their fields in the order of the Go struct.
fn owners_text(object: &Value) -> String {
    let fields = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let one = |owner: &Value| {
        let parts: Vec<String> =
            fields.iter().filter_map(|f| Some(format!("{f:?}:{}", owner.get(*f)?))).collect();
        format!("{{{}}}", parts.join(","))
    };
    let all: Vec<String> = meta::owners(object).map(one).collect();
    format!("[{}]", all.join(","))
}

/// How the name of an object of a kind must look.
fn name_check(kind: &Kind) -> fn(&str) -> Vec<String> {
    match kind.group.as_ref() {
        "rbac.authorization.k8s.io" => names::path_segment,
        "" if matches!(kind.kind.as_ref(), "Namespace" | "Service") => names::label,
        "apiregistration.k8s.io" => names::path_segment,
        _ => names::subdomain,
    }
}

/// The faults of a change of the metadata.
pub(super) fn check_update(live: &Value, new: &Value) -> Vec<FieldError> {
    if !meta::is_deleting(live) {
        return Vec::new();
    }
    let old = meta::finalizers(live);
    let added: Vec<String> =
        meta::finalizers(new).into_iter().filter(|f| !old.contains(f)).map(|f| format!("{f:?}")).collect();
    if added.is_empty() {
        return Vec::new();
    }
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    vec![FieldError::forbidden("metadata.finalizers", &why)]
}
