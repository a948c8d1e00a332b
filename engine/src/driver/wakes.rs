//! Who has to be woken when something else changes.

use crate::object::{self, ObjectRef};
use seatrial_time::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name by which an object is referred to: `Kind/namespace/name`.
pub(crate) fn reference(kind: &str, namespace: &str, name: &str) -> String {
    format!("{kind}/{namespace}/{name}")
}

/// The objects that are reconciled, what they refer to, and how to wake them. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(crate) struct Wakes(Arc<Mutex<BTreeMap<String, Entry>>>);

struct Entry {
    wake: Signal,
    refers_to: BTreeSet<String>,
    /// What the object has already been reconciled with, when that succeeded.
    done_with: Option<String>,
}

impl Wakes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers an object, or renews what it refers to.
    pub(crate) fn set(&self, who: &ObjectRef, wake: &Signal, refers_to: BTreeSet<String>, object: &Value) {
        let done_with = object::is_true(object, "Ready")
            .then(|| object["status"]["lastAttemptedRevision"].as_str().map(str::to_owned))
            .flatten();
        self.lock().insert(who.to_string(), Entry { wake: wake.clone(), refers_to, done_with });
    }

    /// Forgets an object.
    pub(crate) fn remove(&self, who: &ObjectRef) {
        self.lock().remove(&who.to_string());
    }

    /// Wakes everything.
    pub(crate) fn wake_all(&self) {
        self.lock().values().for_each(|entry| entry.wake.bump());
    }

    /// Wakes all objects of a kind.
    pub(crate) fn wake_kind(&self, kind: &str) {
        let of_kind = |who: &str| who.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/'));
        self.lock().iter().filter(|(who, _)| of_kind(who)).for_each(|(_, entry)| entry.wake.bump());
    }

    /// Wakes what refers to `changed`, but not what is done with its `revision` already, and not `except`.
    pub(crate) fn wake_users(&self, changed: &str, revision: Option<&str>, except: Option<&ObjectRef>) {
        let except = except.map(ToString::to_string);
        for (who, entry) in self.lock().iter() {
            let done = revision.is_some() && entry.done_with.as_deref() == revision;
            let done = done || except.as_ref() == Some(who);
            if entry.refers_to.contains(changed) && !done {
                entry.wake.bump();
            }
        }
    }
}
