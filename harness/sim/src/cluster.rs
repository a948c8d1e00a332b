//! The cluster: its state behind one lock, its background work, and ways in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;
use seatrial_time::{Clock, Signal, Task};

use crate::identity::Identity;
use crate::log::Log;
use crate::mount::Mount;
use crate::network::{Network, PodNetwork};
use crate::precedence::Precedence;
use crate::store::{Limits, State};
use crate::{bootstrap, gc, namespace};

/// What a cluster is like.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Its name: in messages, and in the labels of its random streams, so that two clusters of a run differ. Default
    /// `cluster`.
    pub name: String,
    /// What `/version` reports. Default `v1.36.3`, the emulated release; another one changes nothing else.
    pub version: String,
    /// How many changes of each resource a watch can go back; older ones are 410 Gone. Default 10,000.
    pub watch_window: usize,
    /// How many changes [`Cluster::log`] keeps; `None`, the default, keeps all.
    pub log_limit: Option<usize>,
    /// Whether watches end after the `timeoutSeconds` that clients send. Default true. kube-rs always sends some: without
    /// them an idle simulated month has no wake-ups for watches that end and begin again.
    pub watch_timeouts: bool,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions {
            name: "cluster".to_owned(),
            version: "v1.36.3".to_owned(),
            watch_window: 10_000,
            log_limit: None,
            watch_timeouts: true,
        }
    }
}

/// A simulated Kubernetes cluster: the API server and what its controller manager does to any kind (garbage collection,
/// namespace deletion). Cheap to clone; clones are the same cluster, which ends with the last clone, mount and client.
///
/// # Guarantees
/// - A request is one atomic step, taken after one `clock.turn()`.
/// - Resource versions count the cluster's changes from 1; nothing that changes nothing takes one.
/// - The same clock seed and the same requests in the same order give the same objects, uids and names included.
#[derive(Clone, Debug)]
pub struct Cluster(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) options: ClusterOptions,
    pub(crate) state: Mutex<State>,
    pub(crate) changes: Signal,
    pub(crate) precedence: Precedence,
    pub(crate) network: Network,
    tasks: Mutex<Vec<Task>>,
}

impl Inner {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f` under the lock; says so where it changed something.
    pub(crate) fn step<T>(&self, f: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let (result, changed, wakers) = {
            let mut state = self.lock();
            let before = state.revision;
            let result = f(&mut state, now);
            (result, state.revision != before, std::mem::take(&mut state.to_wake))
        };
        for waker in wakers {
            waker.wake();
        }
        if changed {
            self.changes.bump();
        }
        result
    }
}

impl Cluster {
    /// Starts a cluster. The namespaces `default`, `kube-system`, `kube-public` and `kube-node-lease` exist, and what
    /// else the real server makes for itself. Its background work runs as tasks of the clock.
    pub fn new(clock: Clock, options: ClusterOptions) -> Cluster {
        let stream = |what: &str| clock.rng(&format!("{}/{what}", options.name));
        let limits = Limits { watch_window: options.watch_window.max(1), log: options.log_limit };
        let state = State::new(limits, stream("uid"), stream("name"), stream("address"));
        let cluster = Cluster(Arc::new(Inner {
            clock: clock.clone(),
            state: Mutex::new(state),
            changes: Signal::new(),
            precedence: Precedence::default(),
            network: Network::default(),
            tasks: Mutex::default(),
            options,
        }));
        cluster.0.step(bootstrap::fill);
        let tasks =
            vec![cluster.background("gc", gc::sweep), cluster.background("namespaces", namespace::sweep)];
        *cluster.0.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        cluster
    }

    /// A task that calls `sweep` until it has nothing more to do, whenever something has changed.
    fn background(&self, what: &str, sweep: fn(&mut State, Timestamp) -> bool) -> Task {
        let name = format!("{}/{what}", self.0.options.name);
        let (clock, changes) = (self.0.clock.clone(), self.0.changes.clone());
        let inner: Weak<Inner> = Arc::downgrade(&self.0);
        self.0.clock.spawn(name, async move {
            loop {
                let stamp = changes.stamp();
                while let Some(inner) = inner.upgrade() {
                    if !inner.step(sweep) {
                        break;
                    }
                    drop(inner);
                    clock.turn().await;
                }
                changes.changed(&stamp).await;
            }
        })
    }

    /// A tower service that serves the API to this user.
    pub fn mount(&self, identity: Identity) -> Mount {
        Mount::new(self.clone(), identity)
    }

    /// A client of this user, with the default namespace `default`. Needs an ambient tokio runtime.
    pub fn client(&self, identity: Identity) -> kube::Client {
        kube::Client::new(self.mount(identity), "default")
    }

    /// A client of this user whose requests, on the wall clock, wait a little while others ask: for what simulates controllers
    /// and nodes beside them.
    pub fn patient_client(&self, identity: Identity) -> kube::Client {
        kube::Client::new(self.mount(identity).patient(), "default")
    }

    /// Has pods answer requests through the service proxy, and for their logs. The first network stays.
    pub fn set_network(&self, network: Arc<dyn PodNetwork>) {
        let _ = self.0.network.0.set(network);
    }

    /// Moves with each write that changed something.
    pub fn changes(&self) -> Signal {
        self.0.changes.clone()
    }

    /// Everything that has happened so far.
    pub fn log(&self) -> Log {
        Log { changes: self.0.lock().log.clone() }
    }

    /// The name that the options gave it.
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// The clock that it runs on.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }
}
