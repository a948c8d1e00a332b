//! Objects that were found as they should be.

use crate::object::ObjectRef;
use seatrial_wire::Answer;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// What is wanted of an object and how it is, as a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    wanted: u64,
    live: u64,
}

impl State {
    pub(crate) fn of(wanted: &str, live: &Answer) -> State {
        let live = match live {
            Answer::Text(text) => digest(text),
            // An object says itself which one it is.
            Answer::Shared(object) => {
                let metadata = &object["metadata"];
                digest(&(metadata["uid"].as_str(), metadata["resourceVersion"].as_str()))
            }
        };
        State { wanted: digest(wanted), live }
    }
}

/// `DefaultHasher::new` has no random keys.
fn digest<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The last state of each object in which an apply changed nothing: the object, as it was, did not ask to be left alone,
/// had no fields of other tools to take over, and equalled its dry run.
///
/// It spares reading such an object's text again. It is no substitute for the dry run, whose outcome may change while
/// the object does not.
#[derive(Debug, Default)]
pub(crate) struct Settled(Mutex<BTreeMap<ObjectRef, State>>);

impl Settled {
    pub(crate) fn knows(&self, who: &ObjectRef, state: State) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(who) == Some(&state)
    }

    pub(crate) fn remember(&self, who: &ObjectRef, state: State) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(who.clone(), state);
    }

    /// Forgets an object that is managed no more.
    pub(crate) fn forget(&self, who: &ObjectRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}
