//! One task for each object of a kind.
//!
//! A task waits for its turn, reconciles, then parks until its object changes in a way that matters, until somebody else wakes it, or until
//! the time that the reconcile asked for. It takes its object anew each time, from the server or from what the watch has shown: what woke
//! it does not matter to what it does, and nothing is lost when several reasons fall together.

use super::{DriverOptions, Gates, Queue, Wakes};
use crate::cluster::{Change, Cluster, Watch};
use crate::object::{self, ObjectRef};
use crate::race::first;
use seatrial_api::meta::REQUESTED_AT;
use seatrial_time::{Clock, Signal, Stamp, Task};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// When to reconcile again.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// When the object changes.
    Woken,
    /// At once.
    Now,
    /// After this time, and then every so often, but not while the stamps are current: the run did nothing, and would
    /// do nothing again.
    Idle(Duration, Vec<Stamp>),
    /// After a time that grows with every failure in a row, but not while the stamps, of which there may be none, are current:
    /// this one failed, and would fail again.
    Backoff(Vec<Stamp>),
}

/// Reconciles the objects of a kind.
pub(crate) trait Reconcile: Send + Sync + 'static {
    /// Brings the world to what `object` says. Level-based: it may be called at any time, and again.
    fn reconcile(&self, object: Value, wake: &Signal) -> impl Future<Output = Next> + Send;

    /// What the object refers to: a change there wakes it (see [`Wakes::wake_users`]).
    fn refers_to(&self, object: &Value) -> BTreeSet<String>;

    /// Called with each state of an object, before its task is woken.
    fn observe(&self, _object: &Value) {}

    /// Called when an object has gone.
    fn forget(&self, _who: &ObjectRef) {}
}

/// Watches a kind and keeps a task for each of its objects.
pub(crate) struct Controller<R> {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The clock.
    pub(crate) clock: Clock,
    /// Moves with each change of the cluster, where that is known.
    pub(crate) changes: Option<Signal>,
    /// The kind.
    pub(crate) watch: Watch,
    /// Does the work.
    pub(crate) reconciler: Arc<R>,
    /// Who is to be woken.
    pub(crate) wakes: Wakes,
    /// Whether anybody works.
    pub(crate) gates: Gates,
    /// Whose turn it is.
    pub(crate) queue: Queue,
    /// How long failures wait.
    pub(crate) options: DriverOptions,
}

struct Slot {
    wake: Signal,
    seen: Fingerprint,
    _task: Task,
}

/// What of an object matters to its reconciler: not its status, which it writes itself.
#[derive(PartialEq)]
struct Fingerprint {
    uid: Value,
    generation: i64,
    deleted: bool,
    requested_at: Option<String>,
    switched_off: Option<String>,
}

impl Fingerprint {
    fn of(object: &Value) -> Fingerprint {
        let annotation = |name| object::annotation(object, name).map(str::to_owned);
        Fingerprint {
            uid: object["metadata"]["uid"].clone(),
            generation: object::generation(object),
            deleted: object::is_deleted(object),
            requested_at: annotation(REQUESTED_AT),
            switched_off: annotation("source.extensions.fluxcd.io/reconcile"),
        }
    }
}

impl<R: Reconcile> Controller<R> {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let mut slots: BTreeMap<ObjectRef, Slot> = BTreeMap::new();
        let on = |change: Change| match change {
            Change::Set(object) => self.set(&mut slots, &object),
            Change::Gone(object) => self.gone(&mut slots, &ObjectRef::of(&object)),
            Change::Listed(objects) => {
                let listed: BTreeSet<ObjectRef> =
                    objects.iter().map(|object| ObjectRef::of(object)).collect();
                let missing: Vec<ObjectRef> =
                    slots.keys().filter(|key| !listed.contains(key)).cloned().collect();
                missing.iter().for_each(|who| self.gone(&mut slots, who));
                objects.iter().for_each(|object| self.set(&mut slots, object));
            }
        };
        self.watch.run(&self.cluster, &self.clock, self.changes.as_ref(), on).await;
    }

    fn gone(&self, slots: &mut BTreeMap<ObjectRef, Slot>, who: &ObjectRef) {
        slots.remove(who);
        self.wakes.remove(who);
        self.reconciler.forget(who);
    }

    fn set(&self, slots: &mut BTreeMap<ObjectRef, Slot>, object: &Value) {
        let who = ObjectRef::of(object);
        let seen = Fingerprint::of(object);
        self.reconciler.observe(object);
        if slots.get(&who).is_some_and(|slot| slot.seen.uid != seen.uid) {
            slots.remove(&who);
        }
        let wake = match slots.get_mut(&who) {
            Some(slot) => {
                if slot.seen != seen {
                    slot.seen = seen;
                    slot.wake.bump();
                }
                slot.wake.clone()
            }
            None => {
                let wake = Signal::new();
                let task = self.spawn(who.clone(), wake.clone());
                slots.insert(who.clone(), Slot { wake: wake.clone(), seen, _task: task });
                wake
            }
        };
        self.wakes.set(&who, &wake, self.reconciler.refers_to(object), object);
    }

    fn spawn(&self, who: ObjectRef, wake: Signal) -> Task {
        let (cluster, clock) = (self.cluster.clone(), self.clock.clone());
        let (reconciler, tells) = (self.reconciler.clone(), self.changes.is_some());
        let (queue, options, mut failures) = (self.queue.clone(), self.options.clone(), 0);
        let gates = self.gates.clone();
        // What another watch has shown may be older than what woke the task.
        let own_watch_is_kept = self.watch.kept;
        self.clock.spawn(format!("reconcile {who}"), async move {
            loop {
                gates.open(&who.kind).await;
                let Some(turn) = queue.turn(&who.to_string()).await else { return };
                let woken = wake.stamp();
                let work = async {
                    let found = match own_watch_is_kept {
                        true => cluster.find_known(&who).await,
                        false => cluster.find(&who).await,
                    };
                    match found {
                        Ok(Some(object)) => {
                            let mut object = Arc::unwrap_or_clone(object);
                            object["apiVersion"] = who.api_version().into();
                            object["kind"] = who.kind.clone().into();
                            reconciler.reconcile(object, &wake).await
                        }
                        // The watch ends this task, or the object comes back and wakes it.
                        Ok(None) => Next::Woken,
                        Err(error) => {
                            tracing::debug!(%who, %error, "reading failed");
                            Next::Backoff(Vec::new())
                        }
                    }
                };
                let Some(next) = gates.while_open(&who.kind, work).await else { continue };
                drop(turn);
                failures = if matches!(next, Next::Backoff(_)) { failures + 1 } else { 0 };
                match next {
                    Next::Now => clock.turn().await,
                    Next::Woken => wake.changed(&woken).await,
                    // Stamps tell of nothing that happens on a cluster whose changes nobody reports.
                    Next::Idle(time, _) if !tells => {
                        first(wake.changed(&woken), clock.sleep(time)).await;
                    }
                    Next::Backoff(stamps) => {
                        let stamps = if tells { stamps } else { Vec::new() };
                        let retry = back_off(&clock, &options, &mut failures, &stamps);
                        first(wake.changed(&woken), retry).await;
                    }
                    Next::Idle(time, stamps) => {
                        first(wake.changed(&woken), clock.idle(clock.now() + time, time, &stamps)).await;
                    }
                }
            }
        })
    }
}

/// Returns when the next try is due; one that the stamps say would be in vain is passed over, and counts as one more failure.
async fn back_off(clock: &Clock, options: &DriverOptions, failures: &mut u32, stamps: &[Stamp]) {
    let mut next = clock.now() + options.delay(*failures);
    if !stamps.is_empty() {
        clock.idle(clock.now(), Duration::from_nanos(1), stamps).await;
        while next < clock.now() {
            *failures += 1;
            next += options.delay(*failures).max(Duration::from_millis(1));
        }
    }
    clock.sleep_until(next).await;
}
