//! CustomResourceDefinitions: what they serve, their conditions, and their end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api_services;
use crate::crd_schema::CompileError;
use crate::custom::CustomVersion;
use crate::delete::{CRD_CLEANUP, Deletion, delete};
use crate::kind::Kind;
use crate::managed_fields::{self, Writer};
use crate::meta;
use crate::object::Key;
use crate::status::Fault;
use crate::status::FieldError;
use crate::store::State;

const TABLE: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The custom kinds that are served.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// By definition.
    definitions: BTreeMap<String, Served>,
    /// Counts the changes of what is served: a schema may have changed.
    pub(crate) generation: u64,
    /// The generation that the APIServices are those of.
    followed: u64,
    /// Definitions that the background work has to look at.
    pending: BTreeSet<String>,
}

/// What a definition serves.
#[derive(Debug)]
struct Served {
    /// The uid of the definition, and the generation of its specification.
    of: (String, i64),
    /// In order of preference.
    versions: Vec<Arc<CustomVersion>>,
}

impl Registry {
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Kind> {
        let served = self.definitions.get(&format!("{plural}.{group}"))?;
        served.versions.iter().find(|v| v.resource.version == version).map(|v| Kind::Custom(v.clone()))
    }

    /// All served versions of all definitions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<CustomVersion>> {
        self.definitions.values().flat_map(|served| &served.versions)
    }
}

/// Takes over what happened to an object, if it is a definition.
pub(crate) fn changed(state: &mut State, kind: &Kind, key: &Key) {
    if !kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
        return;
    }
    state.registry.pending.insert(key.name.clone());
    serve(state, &key.name);
}

/// Serves a definition that is established, ceases to serve one that is not.
fn serve(state: &mut State, name: &str) {
    let object = state.get(TABLE, &Key::new("", name));
    let Some(object) = object.filter(|o| condition(o.value(), "Established") == Some("True")) else {
        if state.registry.definitions.remove(name).is_some() {
            state.registry.generation += 1;
            state.close(name);
        }
        return;
    };
    let value = object.value();
    let generation = meta::at(value, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default();
    let of = (meta::uid(value).to_owned(), generation);
    if state.registry.definitions.get(name).is_some_and(|served| served.of == of) {
        return;
    }
    let versions = meta::at(value, &["spec", "versions"]).and_then(Value::as_array);
    let mut versions: Vec<Arc<CustomVersion>> = versions
        .into_iter()
        .flatten()
        .filter(|v| v.get("served") == Some(&Value::Bool(true)))
        // Definitions that do not compile are refused before they are stored.
        .filter_map(|v| CustomVersion::compile(value, v).ok().map(Arc::new))
        .collect();
    versions.sort_by(|a, b| compare_versions(&b.resource.version, &a.resource.version));
    state.registry.definitions.insert(name.to_owned(), Served { of, versions });
    state.registry.generation += 1;
}

/// Keeps the APIServices those of what is served.
fn follow(state: &mut State, now: Timestamp) {
    if state.registry.followed != state.registry.generation {
        state.registry.followed = state.registry.generation;
        api_services::follow(state, now);
    }
}

/// Kubernetes' order of versions: v2 > v1 > v1beta1 > v1alpha1 > others.
pub(crate) fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    fn rank(version: &str) -> Option<(u8, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (major, stage) = rest.split_at_checked(end)?;
        let major = major.parse().ok()?;
        if stage.is_empty() {
            return Some((2, major, 0));
        }
        if let Some(minor) = stage.strip_prefix("beta") {
            return Some((1, major, minor.parse().ok()?));
        }
        stage.strip_prefix("alpha").and_then(|minor| Some((0, major, minor.parse().ok()?)))
    }
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, Some(_)) => std::cmp::Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

/// The status of a condition.
pub(crate) fn condition<'v>(definition: &'v Value, ty: &str) -> Option<&'v str> {
    let conditions = meta::at(definition, &["status", "conditions"]).and_then(Value::as_array)?;
    let found = conditions.iter().find(|c| meta::text(c, &["type"]) == ty)?;
    Some(meta::text(found, &["status"]))
}

fn set_condition(
    definition: &mut Value,
    ty: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> bool {
    if condition(definition, ty) == Some(status) {
        return false;
    }
    let new = json!({"type": ty, "status": status, "lastTransitionTime": meta::rfc3339(now),
        "reason": reason, "message": message});
    let entry = meta::map_mut(definition, "status").entry("conditions").or_insert(Value::Null);
    if !entry.is_array() {
        *entry = json!([]);
    }
    if let Value::Array(conditions) = entry {
        match conditions.iter_mut().find(|c| meta::text(c, &["type"]) == ty) {
            Some(old) => *old = new,
            None => conditions.push(new),
        }
    }
    true
}

pub(crate) fn mark_terminating(definition: &mut Value, now: Timestamp) {
    set_condition(
        definition,
        "Terminating",
        "True",
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        now,
    );
}

/// Fills in what a new or changed definition leaves open.
pub(crate) fn complete(definition: &mut Value, live: Option<&Value>) {
    let stored: Vec<String> = meta::at(definition, &["spec", "versions"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|v| v.get("storage") == Some(&Value::Bool(true)))
        .map(|v| meta::text(v, &["name"]).to_owned())
        .collect();
    match live {
        None => {
            let status = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored});
            if let Value::Object(map) = definition {
                map.insert("status".to_owned(), status);
            }
        }
        Some(_) => {
            let status = meta::map_mut(definition, "status");
            let entry = status.entry("storedVersions").or_insert_with(|| json!([]));
            if let Value::Array(list) = entry {
                for version in stored {
                    if !list.iter().any(|v| *v == version.as_str()) {
                        list.push(version.into());
                    }
                }
            }
        }
    }
}

/// What is wrong with the schemas of a definition.
pub(crate) fn schema_errors(definition: &Value) -> Vec<FieldError> {
    let versions = meta::at(definition, &["spec", "versions"]).and_then(Value::as_array);
    let mut found = Vec::new();
    for version in versions.into_iter().flatten() {
        if let Err(errors) = CustomVersion::compile(definition, version) {
            found.extend(errors.into_iter().map(field_error));
        }
    }
    found
}

fn field_error(error: CompileError) -> FieldError {
    let fault = match error.reason {
        "FieldValueRequired" => Fault::Required,
        "FieldValueForbidden" => Fault::Forbidden,
        "FieldValueNotSupported" => Fault::NotSupported,
        "FieldValueDuplicate" => Fault::Duplicate,
        "FieldValueTooLong" => Fault::TooLong,
        "FieldValueTooMany" => Fault::TooMany,
        "FieldValueTypeInvalid" => Fault::TypeInvalid,
        _ => Fault::Invalid,
    };
    FieldError { fault, field: error.field, body: error.message }
}

/// One step of the background work: accept names, establish, and empty what is being deleted.
pub(crate) fn sweep(state: &mut State, now: Timestamp) -> bool {
    let Some(name) = state.registry.pending.pop_first() else { return false };
    let key = Key::new("", name.as_str());
    let Some(object) = state.get(TABLE, &key) else {
        drop_table(state, &name, now);
        follow(state, now);
        return true;
    };
    if meta::is_deleting(object.value()) {
        finalize(state, &name, object.value(), now);
        follow(state, now);
        return true;
    }
    let conflict = name_conflict(state, object.value());
    if conflict.is_none() && is_accepted(object.value()) {
        follow(state, now);
        return true;
    }
    let mut value = object.value().clone();
    let names = meta::at(&value, &["spec", "names"]).cloned().unwrap_or(Value::Null);
    match conflict {
        Some((reason, message)) => {
            let mut moved = set_condition(&mut value, "NamesAccepted", "False", reason, &message, now);
            if condition(&value, "Established").is_none() {
                moved |= set_condition(
                    &mut value,
                    "Established",
                    "False",
                    "NotAccepted",
                    "not all names are accepted",
                    now,
                );
            }
            if moved {
                let plural = names.get("plural").cloned().unwrap_or(Value::Null);
                let accepted = meta::map_mut(meta::map_value_mut(&mut value, "status"), "acceptedNames");
                accepted.insert("plural".to_owned(), plural);
                let value = own_status(object.value(), value, now);
                state.put(TABLE, &key, value, now);
            }
        }
        None => {
            let old_names = meta::at(&value, &["status", "acceptedNames"]).cloned();
            let mut moved = old_names.as_ref() != Some(&names);
            meta::map_mut(&mut value, "status").insert("acceptedNames".to_owned(), names);
            moved |=
                set_condition(&mut value, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now);
            let message = "the initial names have been accepted";
            moved |= set_condition(&mut value, "Established", "True", "InitialNamesAccepted", message, now);
            if moved {
                let value = own_status(object.value(), value, now);
                state.put(TABLE, &key, value, now);
            }
        }
    }
    serve(state, &name);
    follow(state, now);
    true
}

/// Whether the status says already that the names are accepted and the definition is established.
fn is_accepted(definition: &Value) -> bool {
    let names = |part: &str, names: &str| meta::at(definition, &[part, names]).filter(|n| !n.is_null());
    names("spec", "names") == names("status", "acceptedNames")
        && ["NamesAccepted", "Established"].iter().all(|ty| condition(definition, ty) == Some("True"))
}

/// Records the server as the owner of the status that it wrote.
fn own_status(old: &Value, new: Value, now: Timestamp) -> Value {
    let writer = Writer {
        manager: "kube-apiserver",
        api_version: "apiextensions.k8s.io/v1",
        subresource: "status",
        ignored: &[&["spec"]],
        now,
    };
    let ty = seatrial_schema::kubernetes().type_of("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let ty = ty.unwrap_or_else(seatrial_schema::Schema::anything);
    managed_fields::update_stored(Some(old), new, &writer, managed_fields::Kind { ty, built_in: true })
}

/// Whether another definition of the group has one of the names.
fn name_conflict(state: &State, definition: &Value) -> Option<(&'static str, String)> {
    let text = |v: &Value, field: &str| meta::text(v, &["spec", "names", field]).to_owned();
    let (group, own) = (meta::text(definition, &["spec", "group"]), meta::name(definition));
    let others = state.tables.get(TABLE)?.objects.values().map(|o| o.value()).filter(|other| {
        meta::name(other) != own
            && meta::text(other, &["spec", "group"]) == group
            && condition(other, "NamesAccepted") == Some("True")
    });
    for other in others {
        for (field, reason) in [
            ("listKind", "ListKindConflict"),
            ("kind", "KindConflict"),
            ("singular", "SingularConflict"),
            ("plural", "PluralConflict"),
        ] {
            if text(other, field) == text(definition, field) {
                let taken = text(definition, field);
                return Some((reason, format!("{taken:?} is already in use")));
            }
        }
    }
    None
}

/// Deletes the instances of a definition that is going, then the definition.
fn finalize(state: &mut State, name: &str, definition: &Value, now: Timestamp) {
    if !meta::finalizers(definition).contains(&CRD_CLEANUP) {
        return;
    }
    let kind = state.registry.definitions.get(name).and_then(|served| served.versions.first());
    let kind = kind.map(|version| Kind::Custom(version.clone()));
    let keys: Vec<Key> =
        state.tables.get(name).map(|t| t.objects.keys().cloned().collect()).unwrap_or_default();
    let mut waiting = false;
    for key in keys {
        match &kind {
            Some(kind) => {
                // The object is there: nothing can be refused without preconditions.
                let _ = delete(state, kind, &key, &Deletion::default(), now);
                waiting |= state.get(name, &key).is_some();
            }
            None => {
                state.remove(name, &key, now);
            }
        }
    }
    if waiting {
        // Looked at again when an instance goes: see `instance_gone`.
        return;
    }
    let mut value = definition.clone();
    let left: Vec<String> =
        meta::finalizers(definition).into_iter().filter(|f| *f != CRD_CLEANUP).map(str::to_owned).collect();
    meta::set_finalizers(&mut value, &left);
    set_condition(
        &mut value,
        "Terminating",
        "False",
        "InstanceDeletionCompleted",
        "removed all instances",
        now,
    );
    let key = Key::new("", name);
    if left.is_empty() {
        state.remove(TABLE, &key, now);
    } else {
        state.put(TABLE, &key, value, now);
    }
    serve(state, name);
}

/// Has the background work look at a definition again, now that an instance is gone.
pub(crate) fn instance_gone(state: &mut State, table: &str) {
    if state.registry.definitions.contains_key(table) {
        let definition = state.get(TABLE, &Key::new("", table));
        if definition.is_some_and(|d| meta::is_deleting(d.value())) {
            state.registry.pending.insert(table.to_owned());
        }
    }
}

fn drop_table(state: &mut State, name: &str, now: Timestamp) {
    let keys: Vec<Key> =
        state.tables.get(name).map(|t| t.objects.keys().cloned().collect()).unwrap_or_default();
    for key in keys {
        state.remove(name, &key, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        let mut versions = ["v1alpha1", "foo", "v2", "v1beta2", "v1", "v11", "v1beta1"];
        versions.sort_by(|a, b| compare_versions(b, a));
        assert_eq!(versions, ["v11", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]);
    }
}
