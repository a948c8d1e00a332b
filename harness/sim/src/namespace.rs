//! The end of a namespace: its content goes, then the namespace.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::delete::{Deletion, delete};
use crate::gc::kind_of;
use crate::meta;
use crate::object::Key;
use crate::store::State;

/// One step of the background work: deletes the content of the namespaces that are going, and those that are empty.
pub(crate) fn sweep(state: &mut State, now: Timestamp) -> bool {
    let going: Vec<Key> = match state.tables.get("namespaces") {
        Some(table) if table.deleting > 0 => table
            .objects
            .iter()
            .filter(|(_, o)| meta::is_deleting(o.value()))
            .map(|(key, _)| key.clone())
            .collect(),
        _ => return false,
    };
    let mut moved = false;
    for key in going {
        moved |= empty(state, &key, now);
    }
    moved
}

fn empty(state: &mut State, namespace: &Key, now: Timestamp) -> bool {
    let before = state.revision;
    for (table, keys) in state.content_of(&namespace.name) {
        for key in keys {
            let Some(object) = state.get(&table, &key) else { continue };
            if meta::is_deleting(object.value()) {
                continue;
            }
            match kind_of(state, object.value()) {
                // It was there a moment ago under this lock: nothing can be refused.
                Some(kind) => drop(delete(state, &kind, &key, &Deletion::default(), now)),
                None => drop(state.remove(&table, &key, now)),
            }
        }
    }
    let left = state.content_of(&namespace.name);
    let Some(object) = state.get("namespaces", namespace) else { return true };
    let mut value = object.value().clone();
    if left.is_empty() {
        let own: Vec<Value> = meta::at(&value, &["spec", "finalizers"])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|f| *f != "kubernetes")
            .cloned()
            .collect();
        if own.is_empty() && meta::finalizers(&value).is_empty() {
            state.remove("namespaces", namespace, now);
            return true;
        }
        meta::map_mut(&mut value, "spec").insert("finalizers".to_owned(), own.into());
    }
    set_conditions(state, &mut value, &left, now);
    if value != *object.value() {
        state.put("namespaces", namespace, value, now);
    }
    state.revision != before
}

type Content = Vec<(std::sync::Arc<str>, Vec<Key>)>;

/// Says what still holds the namespace, as the real controller does.
fn set_conditions(state: &State, value: &mut Value, left: &Content, now: Timestamp) {
    let remaining: Vec<String> =
        left.iter().map(|(table, keys)| format!("{table} has {} resource instances", keys.len())).collect();
    let mut finalizers = std::collections::BTreeMap::<String, usize>::new();
    for (table, keys) in left {
        for object in keys.iter().filter_map(|key| state.get(table, key)) {
            for finalizer in meta::finalizers(object.value()) {
                *finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
    }
    let holding: Vec<String> =
        finalizers.iter().map(|(name, count)| format!("{name} in {count} resource instances")).collect();
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        match remaining.is_empty() {
            true => (
                "NamespaceContentRemaining",
                false,
                "ContentRemoved",
                "All content successfully removed".to_owned(),
            ),
            false => (
                "NamespaceContentRemaining",
                true,
                "SomeResourcesRemain",
                format!("Some resources are remaining: {}", remaining.join(", ")),
            ),
        },
        match holding.is_empty() {
            true => (
                "NamespaceFinalizersRemaining",
                false,
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished".to_owned(),
            ),
            false => (
                "NamespaceFinalizersRemaining",
                true,
                "SomeFinalizersRemain",
                format!("Some content in the namespace has finalizers remaining: {}", holding.join(", ")),
            ),
        },
    ];
    let old =
        meta::at(value, &["status", "conditions"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let new: Vec<Value> = conditions
        .into_iter()
        .map(|(ty, status, reason, message)| {
            let status = if status { "True" } else { "False" };
            let known = old.iter().find(|c| meta::text(c, &["type"]) == ty);
            let since = known
                .filter(|c| meta::text(c, &["status"]) == status)
                .and_then(|c| c.get("lastTransitionTime").cloned())
                .unwrap_or_else(|| meta::rfc3339(now).into());
            json!({"type": ty, "status": status, "lastTransitionTime": since, "reason": reason, "message": message})
        })
        .collect();
    meta::map_mut(value, "status").insert("conditions".to_owned(), new.into());
}
