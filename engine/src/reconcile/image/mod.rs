//! Image updates: [`repository`] scans registries, [`policy`] takes a tag, [`automation`] commits it.

mod access;
mod automation;
mod policy;
mod repository;
mod spec;

pub(crate) use automation::AutomationReconciler;
pub(crate) use policy::PolicyReconciler;
pub(crate) use repository::RepositoryReconciler;

use super::context::{Context, after_error, has_finalizer};
use crate::driver::Next;
use crate::object::{self, ObjectRef};
use crate::status::conditions::Conditions;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The tags that scans have found, by canonical name of the repository: image-reflector-controller's database. Like that, it is
/// empty in a new process. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(crate) struct Scans(Arc<Mutex<BTreeMap<String, Arc<Vec<String>>>>>);

impl Scans {
    /// What was found last, in descending order.
    fn tags(&self, name: &str) -> Option<Arc<Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Takes note of what was found; whether that is something else than what is known.
    fn set(&self, name: &str, tags: Vec<String>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(name).is_some_and(|known| **known == tags) {
            return false;
        }
        all.insert(name.to_owned(), Arc::new(tags));
        true
    }
}

/// Why there is no result.
#[derive(Debug)]
struct Failure {
    reason: &'static str,
    message: String,
    stalled: bool,
}

impl Failure {
    /// A failure that is tried again.
    fn new(reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into(), stalled: false }
    }

    /// A failure that only a change of the object can end.
    fn stalled(reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { stalled: true, ..Failure::new(reason, message) }
    }

    /// The object asks for what Seatrial does not do.
    fn not_supported(what: &str) -> Failure {
        let message = format!("Seatrial does not support {what} yet");
        Failure::stalled(super::unsupported::NOT_SUPPORTED, message)
    }
}

/// The status of an object, and its conditions.
fn status_of(context: &Context, object: &Value) -> (Value, Conditions) {
    let status = if object["status"].is_object() { object["status"].clone() } else { json!({}) };
    let existing = serde_json::from_value(status["conditions"].clone()).unwrap_or_default();
    (status, Conditions::new(existing, object::generation(object), context.now()))
}

/// What comes before a reconcile: objects that are deleted lose the finalizer, others get it. `None` where it may begin.
async fn before(context: &Context, object: &Value, manager: &str) -> Option<Next> {
    let who = ObjectRef::of(object);
    if object::is_deleted(object) {
        return Some(match context.remove_finalizer(object, manager).await {
            Ok(()) => Next::Woken,
            Err(error) => after_error(&who, &error),
        });
    }
    if !has_finalizer(object) {
        return Some(match context.add_finalizer(object, manager).await {
            Ok(()) => Next::Now,
            Err(error) => after_error(&who, &error),
        });
    }
    (object["spec"]["suspend"] == true).then_some(Next::Woken)
}

/// Takes a time back to what it was where nothing else has changed: a period in which nothing happens writes nothing. `time` is a
/// JSON pointer.
fn keep_time(object: &Value, status: &mut Value, time: &str) {
    let Some(old) = object["status"].pointer(time).cloned() else { return };
    let mut like_before = status.clone();
    if let Some(slot) = like_before.pointer_mut(time) {
        *slot = old;
    }
    if like_before == object["status"] {
        *status = like_before;
    }
}

/// Puts a value into a status, or takes it out.
fn put(status: &mut Value, field: &str, value: Option<Value>) {
    if let Some(map) = status.as_object_mut() {
        match value {
            Some(value) => map.insert(field.to_owned(), value),
            None => map.remove(field),
        };
    }
}

/// The name by which automations refer to all policies of a namespace.
fn policies_of(namespace: &str) -> String {
    format!("ImagePolicy/{namespace}/*")
}
