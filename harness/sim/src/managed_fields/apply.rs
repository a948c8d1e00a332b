//! Server-side apply.

use serde_json::{Map, Value};

use super::collect::claimed;
use super::compare::Changes;
use super::implied::{drop_nulls, tidy_metadata};
use super::last_applied;
use super::merge::{merge, remove, subtract_owned, with_declared_parents};
use super::update::{
    before_first_apply, ignored, same_but_for_owners, without_ignored, without_managed_fields,
    without_system_fields,
};
use super::{ApplyError, Conflict, FieldSet, Fields, Kind, Managers, Operation, Writer};

/// [`super::apply`], whose objects have the fields of their owners in the form in which they are stored: as JSON text.
pub(crate) fn apply(
    live: Option<&Value>,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
    kind: Kind<'_>,
) -> Result<Value, ApplyError> {
    if applied.pointer("/metadata/managedFields").is_some_and(|m| m.as_array().is_none_or(|m| !m.is_empty()))
    {
        return Err(ApplyError::ManagedFieldsSent);
    }
    let claims = claimed(applied, kind.ty).map_err(|errors| untyped(applied, errors))?;
    let mut claims = without_system_fields(claims);
    claims.subtract_below(&ignored(writer));
    let attempt = |force: bool| attempt(live, applied, claims.clone(), writer, force, kind);
    let new = match attempt(force) {
        Ok(new) => new,
        Err(conflicts) => match last_applied::excuse(live, conflicts, writer, kind) {
            conflicts if conflicts.is_empty() => attempt(true).map_err(ApplyError::Conflicts)?,
            conflicts => return Err(ApplyError::Conflicts(conflicts)),
        },
    };
    match (live, new) {
        (Some(live), None) => Ok(live.clone()),
        (None, None) => Ok(applied.clone()),
        (live, Some(mut new)) => {
            last_applied::refresh(live, &mut new, applied, writer);
            Ok(new)
        }
    }
}

/// The new object, `None` where nothing changes, or the conflicts.
fn attempt(
    live: Option<&Value>,
    applied: &Value,
    claims: FieldSet,
    writer: &Writer<'_>,
    force: bool,
    kind: Kind<'_>,
) -> Result<Option<Value>, Vec<Conflict>> {
    let mut managers = live.map(Managers::of).unwrap_or_default();
    if let (Some(live), true) = (live, managers.entries.is_empty()) {
        managers.put(before_first_apply(live, writer, kind));
    }

    let own = writer.entry(Operation::Apply, Fields::of(claims));
    let previous = managers.put(own.clone()).filter(|previous| previous.fields != own.fields);
    let mut new = live.map(without_managed_fields).unwrap_or_else(|| Value::Object(Map::new()));
    merge(&mut new, &without_ignored(applied, writer), kind.ty);
    if let Some(previous) = previous {
        prune(&mut new, &managers, &previous.fields.set(), kind);
    }
    let nothing = Value::Object(Map::new());
    let Changes { added: mut touched, modified, removed } =
        Changes::between(live.unwrap_or(&nothing), &new, kind).without(&ignored(writer));
    touched.extend(modified);

    let mut conflicts = Vec::new();
    for entry in managers.entries.iter_mut().filter(|e| !e.same_writer(&own)) {
        let lost = entry.fields.intersection(&touched);
        if !lost.is_empty() {
            if !force {
                conflicts.push(Conflict { with: entry.clone(), fields: lost.clone() });
            }
            entry.fields.subtract(&lost);
        }
        entry.fields.subtract(&removed);
    }
    if !conflicts.is_empty() {
        conflicts.sort_by_key(Conflict::manager);
        return Err(conflicts);
    }
    managers.entries.retain(|e| !e.fields.is_empty());
    // Another order of a list changes the object, though it is nobody's.
    let unchanged = |live: &Value| managers.same_as_of(live) && same_but_for_owners(live, &new);
    if touched.is_empty() && removed.is_empty() && live.is_some_and(unchanged) {
        return Ok(None);
    }
    managers.cap();
    if kind.built_in {
        drop_nulls(&mut new, Some(kind.ty));
    }
    tidy_metadata(&mut new);
    managers.write(&mut new);
    Ok(Some(new))
}

/// Removes what the manager listed before and nobody lists now.
fn prune(merged: &mut Value, managers: &Managers, previous: &FieldSet, kind: Kind<'_>) {
    let mut gone = with_declared_parents(previous, kind.ty);
    for entry in &managers.entries {
        subtract_owned(&mut gone, &entry.fields.set(), kind.ty);
    }
    // The identity of the object is nobody's, and stays.
    let gone = without_system_fields(gone);
    if !gone.is_empty() {
        remove(merged, &gone, kind.ty);
    }
}

fn untyped(applied: &Value, errors: Vec<String>) -> ApplyError {
    let text = |path: &str| applied.pointer(path).and_then(Value::as_str).unwrap_or_default();
    ApplyError::Untyped {
        object: format!("{}/{}", text("/metadata/namespace"), text("/metadata/name")),
        api_version: text("/apiVersion").to_owned(),
        kind: text("/kind").to_owned(),
        errors,
    }
}
