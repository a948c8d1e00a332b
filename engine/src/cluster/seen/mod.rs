//! What watches have shown, so that the server need not be asked for it again.
//!
//! # Flow
//! Each watch whose kind is kept tells of what it hears ([`Seen::listed`], [`Seen::set`], [`Seen::gone`]); the answers to this
//! process's own reads and writes are put in as well. [`Seen::find`] gives an object where all of that is to be trusted; where it
//! gives none, the server has to be asked.
//!
//! # Guarantees
//! - An object that a watch has shown is never older than the last answer that this process got for a write of it.
//! - Once a write of an object has failed, was given up, or deleted it, and once the server has said that it is not there, nothing is
//!   given before a read that began later has found it.
//! - Nothing is given of a kind whose watch has broken, or has been silent for [`SILENCE`].
//! - What no watch has shown is not kept: nobody would tell that it is gone.

use crate::object::{self, ObjectRef};
use jiff::Timestamp;
use seatrial_time::Clock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a watch may be silent: servers send bookmarks every minute.
const SILENCE: Duration = Duration::from_secs(180);

/// What the watches of a cluster have shown. Cheap to clone; clones share. The default keeps nothing.
#[derive(Clone, Default)]
pub(crate) struct Seen(Option<Arc<Inner>>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kinds: BTreeMap<(String, String), Kind>,
    /// Counts reads and doubts, to tell which came first.
    count: u64,
}

/// A kind that is watched.
struct Kind {
    objects: BTreeMap<(String, String), Entry>,
    /// When the watch was last heard of; none while there is no watch.
    heard: Option<Timestamp>,
}

enum Entry {
    /// It was like this, at this version.
    Known(Arc<Value>, u64),
    /// Only a read that begins after this count can tell how it is.
    Doubted(u64),
}

/// When a read began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(u64);

/// A write that is under way: if it is given up before [`Write::ended`] is called, nobody knows what it has done.
pub(crate) struct Write<'s> {
    seen: &'s Seen,
    who: Option<&'s ObjectRef>,
}

impl Seen {
    /// Keeps what is shown.
    pub(crate) fn new(clock: &Clock) -> Seen {
        Seen(Some(Arc::new(Inner { clock: clock.clone(), state: Mutex::default() })))
    }

    fn lock(&self) -> Option<(&Clock, MutexGuard<'_, State>)> {
        let inner = self.0.as_ref()?;
        Some((&inner.clock, inner.state.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// The object, where what was shown of it can be trusted.
    pub(crate) fn find(&self, who: &ObjectRef) -> Option<Arc<Value>> {
        let (clock, state) = self.lock()?;
        let kind = state.kinds.get(&kind_of(who))?;
        let silent = clock.now().duration_since(kind.heard?);
        if Duration::try_from(silent).is_ok_and(|silent| silent > SILENCE) {
            return None;
        }
        match kind.objects.get(&place_of(who))? {
            Entry::Known(object, _) => Some(object.clone()),
            Entry::Doubted(_) => None,
        }
    }

    /// Whether objects of the kind of `who` are kept.
    pub(crate) fn keeps(&self, who: &ObjectRef) -> bool {
        self.lock().is_some_and(|(_, state)| state.kinds.contains_key(&kind_of(who)))
    }

    /// A watch begins with these objects of a kind; any other is gone.
    pub(crate) fn listed(&self, api_version: &str, kind: &str, objects: &[Arc<Value>]) {
        let Some((clock, mut state)) = self.lock() else { return };
        let key = (api_version.to_owned(), kind.to_owned());
        let empty = || Kind { objects: BTreeMap::new(), heard: None };
        let known = state.kinds.entry(key).or_insert_with(empty);
        known.heard = Some(clock.now());
        let places: BTreeSet<_> = objects.iter().map(|object| place_of(&ObjectRef::of(object))).collect();
        known.objects.retain(|place, _| places.contains(place));
        objects.iter().for_each(|object| known.set(object));
    }

    /// A watch says how an object is.
    pub(crate) fn set(&self, object: &Arc<Value>) {
        self.of_watch(&ObjectRef::of(object), |kind| kind.set(object));
    }

    /// A watch says that an object is gone, and how it was last.
    pub(crate) fn gone(&self, object: &Value) {
        let who = ObjectRef::of(object);
        self.of_watch(&who, |kind| {
            let place = place_of(&who);
            let stays = match (kind.objects.get(&place), version_of(object)) {
                // It has come back, which a read has told before the watch does.
                (Some(Entry::Known(_, known)), Some(version)) => *known > version,
                _ => false,
            };
            if !stays {
                kind.objects.remove(&place);
            }
        });
    }

    /// A watch of the kind says that it goes on.
    pub(crate) fn heard(&self, api_version: &str, kind: &str) {
        let Some((clock, mut state)) = self.lock() else { return };
        if let Some(kind) = state.kinds.get_mut(&(api_version.to_owned(), kind.to_owned())) {
            kind.heard = Some(clock.now());
        }
    }

    /// The watch of the kind has ended: what it has shown is kept until the next begins, and not given.
    pub(crate) fn broke(&self, api_version: &str, kind: &str) {
        let Some((_, mut state)) = self.lock() else { return };
        if let Some(kind) = state.kinds.get_mut(&(api_version.to_owned(), kind.to_owned())) {
            kind.heard = None;
        }
    }

    fn of_watch(&self, who: &ObjectRef, change: impl FnOnce(&mut Kind)) {
        let Some((clock, mut state)) = self.lock() else { return };
        if let Some(kind) = state.kinds.get_mut(&kind_of(who)) {
            kind.heard = Some(clock.now());
            change(kind);
        }
    }

    /// A read begins.
    pub(crate) fn asks(&self) -> Asked {
        let Some((_, mut state)) = self.lock() else { return Asked(0) };
        state.count += 1;
        Asked(state.count)
    }

    /// A read found this, or nothing.
    pub(crate) fn found(&self, who: &ObjectRef, asked: Asked, found: Option<&Arc<Value>>) {
        let Some(found) = found else { return self.doubt(who) };
        let Some((_, mut state)) = self.lock() else { return };
        let Some(kind) = state.kinds.get_mut(&kind_of(who)) else { return };
        let Some(entry) = kind.objects.get_mut(&place_of(who)) else { return };
        let version = version_of(found);
        let is_newer = match (&entry, version) {
            (_, None) => false,
            (Entry::Known(_, known), Some(version)) => version > *known,
            (Entry::Doubted(since), Some(_)) => asked.0 > *since,
        };
        if let Some(version) = version.filter(|_| is_newer) {
            *entry = Entry::Known(found.clone(), version);
        }
    }

    /// A write of `who` begins.
    pub(crate) fn write<'s>(&'s self, who: &'s ObjectRef) -> Write<'s> {
        Write { seen: self, who: Some(who).filter(|who| self.keeps(who)) }
    }

    /// Nothing that is known of the object can be trusted.
    pub(crate) fn doubt(&self, who: &ObjectRef) {
        let Some((_, mut state)) = self.lock() else { return };
        state.count += 1;
        let count = state.count;
        let kind = state.kinds.get_mut(&kind_of(who));
        if let Some(entry) = kind.and_then(|kind| kind.objects.get_mut(&place_of(who))) {
            *entry = Entry::Doubted(count);
        }
    }

    /// The server has answered a write with this.
    fn wrote(&self, who: &ObjectRef, answer: &Arc<Value>) {
        // The last finalizer has been taken off one that waited for that: it is gone.
        let ends = object::is_deleted(answer) && object::finalizers(answer).is_empty();
        let same = |known: &Value| known["metadata"]["uid"] == answer["metadata"]["uid"];
        {
            let Some((_, mut state)) = self.lock() else { return };
            let Some(kind) = state.kinds.get_mut(&kind_of(who)) else { return };
            let Some(entry) = kind.objects.get_mut(&place_of(who)) else { return };
            match (&entry, version_of(answer)) {
                (Entry::Doubted(_), _) => return,
                (Entry::Known(known, old), Some(version)) if !ends && same(known) => {
                    if version > *old {
                        *entry = Entry::Known(answer.clone(), version);
                    }
                    return;
                }
                _ => {}
            }
        }
        self.doubt(who);
    }
}

impl Write<'_> {
    /// Whether the answer is of use, so that it is worth reading.
    pub(crate) fn is_kept(&self) -> bool {
        self.who.is_some()
    }

    /// The server has answered with this object; with none where the write failed, or the object is not there any more.
    pub(crate) fn ended(mut self, answer: Option<&Arc<Value>>) {
        if let (Some(who), Some(answer)) = (self.who, answer) {
            self.who = None;
            self.seen.wrote(who, answer);
        }
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        if let Some(who) = self.who {
            self.seen.doubt(who);
        }
    }
}

impl Kind {
    fn set(&mut self, object: &Arc<Value>) {
        let place = place_of(&ObjectRef::of(object));
        let Some(version) = version_of(object) else {
            // Without versions nobody can tell which is newer.
            self.objects.remove(&place);
            return;
        };
        match self.objects.get(&place) {
            Some(Entry::Doubted(_)) => {}
            Some(Entry::Known(_, known)) if *known >= version => {}
            _ => drop(self.objects.insert(place, Entry::Known(object.clone(), version))),
        }
    }
}

fn kind_of(who: &ObjectRef) -> (String, String) {
    (who.api_version(), who.kind.clone())
}

fn place_of(who: &ObjectRef) -> (String, String) {
    (who.namespace.clone(), who.name.clone())
}

/// Versions of one kind are numbers that grow with every change, whatever object it is of.
fn version_of(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
