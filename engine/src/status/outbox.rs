//! Events that are written beside the work.

use super::events::Events;
use crate::cluster::Cluster;
use crate::driver::Stopping;
use crate::object::ObjectRef;
use crate::race::first;
use jiff::Timestamp;
use seatrial_time::{Clock, Signal};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// At most so many events wait; who has one more waits until there is room.
const MOST: usize = 1000;
/// How long an event waits for reconciles that are under way: they go first.
const PATIENCE: Duration = Duration::from_secs(2);

/// Events that wait to be written, in the order in which they were told. Cheap to clone; clones share.
///
/// One task writes them ([`Outbox::run`]). What waits when that task ends is lost, as with a process that dies.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    filled: Signal,
    taken: Signal,
}

#[derive(Default)]
struct Waiting {
    letters: VecDeque<Letter>,
    /// On whose object an event is being written.
    writing: Option<ObjectRef>,
}

/// An event on an object.
pub(super) struct Letter {
    pub(super) events: Events,
    pub(super) cluster: Cluster,
    pub(super) who: ObjectRef,
    pub(super) reason: String,
    pub(super) event: Value,
    /// When it was told.
    pub(super) told: Timestamp,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an event behind those that wait; waits where these are too many.
    pub(super) async fn put(&self, letter: Letter) {
        loop {
            let taken = self.0.taken.stamp();
            if self.lock().letters.len() < MOST {
                break;
            }
            self.0.taken.changed(&taken).await;
        }
        self.lock().letters.push_back(letter);
        self.0.filled.bump();
    }

    fn next(&self) -> Option<Letter> {
        let mut waiting = self.lock();
        let letter = waiting.letters.pop_front()?;
        waiting.writing = Some(letter.who.clone());
        Some(letter)
    }

    /// Writes what is put here, one after the other, for ever. `work` says when no reconcile is under way.
    pub(crate) async fn run(self, clock: Clock, work: Stopping) {
        loop {
            let filled = self.0.filled.stamp();
            match self.next() {
                Some(Letter { events, cluster, who, reason, event, told }) => {
                    first(work.quiet(), clock.sleep_until(told + PATIENCE)).await;
                    events.send(&cluster, &who, &reason, event).await;
                    self.lock().writing = None;
                    self.0.taken.bump();
                }
                None => self.0.filled.changed(&filled).await,
            }
        }
    }

    /// Returns when everything is written.
    pub(crate) async fn quiet(&self) {
        loop {
            let taken = self.0.taken.stamp();
            if self.left().is_empty() {
                return;
            }
            self.0.taken.changed(&taken).await;
        }
    }

    /// The objects whose events are not written yet, sorted.
    pub(crate) fn left(&self) -> Vec<String> {
        let waiting = self.lock();
        let who = waiting.letters.iter().map(|letter| &letter.who).chain(&waiting.writing);
        let mut all: Vec<String> = who.map(ToString::to_string).collect();
        all.sort();
        all.dedup();
        all
    }
}
