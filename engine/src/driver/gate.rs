//! Controllers that work only while their Deployment is ready.
//!
//! # Flow
//! A watch of the Deployments says which controllers run ([`Gates::set`]). Tasks of a kind wait for theirs before each turn, and a
//! turn under way ends where it stands when its controller goes: as when a pod is killed. One that comes back looks at
//! everything, as a process that starts does.

use super::Wakes;
use crate::cluster::Change;
use seatrial_time::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which Deployment has to be ready for a kind to be reconciled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// The namespace of the Deployments.
    pub namespace: String,
    /// Kinds, each with the name of its Deployment. Kinds that are not named are always reconciled.
    pub deployments: BTreeMap<String, String>,
}

/// Which kinds are reconciled now. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(crate) struct Gates(Option<Arc<Inner>>);

struct Inner {
    gate: Gate,
    wakes: Wakes,
    /// The Deployments that are ready.
    ready: Mutex<BTreeSet<String>>,
    moved: Signal,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>)) {
        let (before, after) = {
            let mut ready = self.lock();
            let before = ready.clone();
            change(&mut ready);
            (before, ready.clone())
        };
        if before == after {
            return;
        }
        self.moved.bump();
        for (kind, deployment) in &self.gate.deployments {
            if after.contains(deployment) && !before.contains(deployment) {
                self.wakes.wake_kind(kind);
            }
        }
    }
}

impl Gates {
    pub(crate) fn new(gate: Option<Gate>, wakes: Wakes) -> Gates {
        let inner = |gate| Inner { gate, wakes, ready: Mutex::default(), moved: Signal::new() };
        Gates(gate.map(|gate| Arc::new(inner(gate))))
    }

    /// The namespace of the Deployments; none where everything is reconciled.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.0.as_ref().map(|inner| inner.gate.namespace.as_str())
    }

    /// Notes what has become of the Deployments.
    pub(crate) fn set(&self, change: &Change) {
        let Some(inner) = &self.0 else { return };
        match change {
            Change::Listed(all) => {
                let listed = all.iter().filter(|one| is_ready(one)).map(|one| name(one));
                inner.change(|ready| *ready = listed.collect());
            }
            Change::Set(one) if is_ready(one) => inner.change(|ready| {
                ready.insert(name(one));
            }),
            Change::Set(one) | Change::Gone(one) => inner.change(|ready| {
                ready.remove(&name(one));
            }),
        }
    }

    fn is_open(&self, kind: &str) -> bool {
        let Some(inner) = &self.0 else { return true };
        inner.gate.deployments.get(kind).is_none_or(|deployment| inner.lock().contains(deployment))
    }

    /// Returns when the kind's controller runs.
    pub(crate) async fn open(&self, kind: &str) {
        self.until(kind, true).await;
    }

    async fn until(&self, kind: &str, open: bool) {
        let Some(inner) = &self.0 else { return };
        loop {
            let moved = inner.moved.stamp();
            if self.is_open(kind) == open {
                return;
            }
            inner.moved.changed(&moved).await;
        }
    }

    /// What `work` comes to; none where the kind's controller goes before.
    pub(crate) async fn while_open<T>(&self, kind: &str, work: impl Future<Output = T>) -> Option<T> {
        let gated = self.0.as_ref().is_some_and(|inner| inner.gate.deployments.contains_key(kind));
        if !gated {
            return Some(work.await);
        }
        match futures::future::select(pin!(work), pin!(self.until(kind, false))).await {
            futures::future::Either::Left((done, _)) => Some(done),
            futures::future::Either::Right(_) => None,
        }
    }
}

fn name(deployment: &Value) -> String {
    deployment["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Whether a pod of the Deployment is ready.
fn is_ready(deployment: &Value) -> bool {
    deployment["metadata"]["deletionTimestamp"].is_null()
        && deployment["spec"]["replicas"] != 0
        && deployment["status"]["readyReplicas"].as_u64().is_some_and(|ready| ready > 0)
}
