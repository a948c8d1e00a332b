//! What makes an object invalid, in the real server's words. Returns all faults at once, as the real server does.

mod autoscale;
mod builtin;
mod cron;
mod definition;
mod event;
mod immutable;
mod job;
mod job_change;
mod job_policies;
mod limits;
mod metadata;
mod names;
mod network;
mod pod;
mod pod_change;
mod storage;
mod volume_change;

pub(crate) use builtin::selects;
use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::serve::Ctx;
use crate::status::{Fault, FieldError, Refusal, Result};

/// What is said of a field that an update must leave as it is.
const IMMUTABLE: &str = "field is immutable";

/// The items of a list; none where it is missing.
fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Makes a field again what it was.
fn put_back(old: &Map<String, Value>, now: &mut Map<String, Value>, field: &str) {
    match old.get(field) {
        Some(value) => now.insert(field.to_owned(), value.clone()),
        None => now.remove(field),
    };
}

/// What is wrong with the key of a label.
pub(crate) fn qualified_name_faults(text: &str) -> Vec<String> {
    names::qualified(text)
}

/// What is wrong with the value of a label.
pub(crate) fn label_value_faults(text: &str) -> Vec<String> {
    names::label_value(text)
}

fn fault(reason: &str) -> Fault {
    match reason {
        "FieldValueRequired" => Fault::Required,
        "FieldValueTypeInvalid" => Fault::TypeInvalid,
        "FieldValueTooLong" => Fault::TooLong,
        "FieldValueTooMany" => Fault::TooMany,
        "FieldValueNotSupported" => Fault::NotSupported,
        "FieldValueForbidden" => Fault::Forbidden,
        "FieldValueDuplicate" => Fault::Duplicate,
        _ => Fault::Invalid,
    }
}

fn by_schema(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let Kind::Custom(version) = kind else { return Vec::new() };
    let found = version.schema.validate(object, old);
    found
        .into_iter()
        .map(|v| FieldError { fault: fault(v.reason), field: v.field, body: v.message })
        .collect()
}

fn refuse(kind: &Kind, object: &Value, errors: Vec<FieldError>) -> Result<()> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind, crate::meta::name(object), errors))
}

/// Validates an object that is being created.
pub(crate) fn create(_: &mut Ctx<'_>, kind: &Kind, object: &Value) -> Result<()> {
    let mut errors = metadata::check(kind, object);
    errors.extend(by_schema(kind, object, None));
    if !kind.is_custom() {
        errors.extend(builtin::check(kind, object));
        if kind.is("events.k8s.io", "Event") {
            errors.extend(event::created(object));
        }
        if kind.is("", "Pod") {
            errors.extend(pod::created(object.get("spec").unwrap_or(&Value::Null)));
        }
    }
    refuse(kind, object, errors)
}

/// Validates an object that is being updated.
pub(crate) fn update(
    _: &mut Ctx<'_>,
    kind: &Kind,
    live: &Value,
    new: &Value,
    subresource: &str,
) -> Result<()> {
    let mut errors = metadata::check(kind, new);
    // The real server looks twice: the message has it once, the causes have it twice.
    errors.extend(metadata::check_update(live, new));
    errors.extend(metadata::check_update(live, new));
    errors.extend(by_schema(kind, new, Some(live)));
    if !kind.is_custom() && subresource.is_empty() {
        let fixed = immutable::check(kind, live, new);
        let changed = live.get("spec") != new.get("spec") || new.get("spec").is_none();
        let faults = if changed { builtin::check(kind, new) } else { Vec::new() };
        // In the order of the real server, which looks at some kinds twice.
        match kind.kind.as_ref() {
            "Deployment" | "Event" | "PersistentVolumeClaim" | "Pod" | "ReplicaSet" | "StatefulSet" => {
                errors.extend(faults.into_iter().chain(fixed));
            }
            "Node" | "PersistentVolume" => {
                errors.extend(faults.iter().cloned().chain(faults.iter().cloned()).chain(fixed));
            }
            "Job" => {
                errors.extend(faults);
                if changed {
                    job::check_again(new, &mut errors);
                }
                errors.extend(fixed);
            }
            _ => errors.extend(fixed.into_iter().chain(faults)),
        }
    }
    refuse(kind, new, errors)
}
