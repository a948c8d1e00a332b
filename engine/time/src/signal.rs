//! Counters of change that tasks can wait on.

use crate::lock;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Counts the changes of something that tasks read: a cluster's store, a repository's refs, a registry.
///
/// Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    count: u64,
    next_waiter: u64,
    waiters: BTreeMap<u64, Waker>,
}

/// What a [`Signal`] stood at when somebody looked.
#[derive(Clone, Debug)]
pub struct Stamp {
    signal: Signal,
    count: u64,
}

impl Signal {
    /// A signal of its own.
    pub fn new() -> Signal {
        Signal::default()
    }

    /// Says that something changed: wakes everybody who waits.
    pub fn bump(&self) {
        let waiters = {
            let mut inner = lock(&self.0);
            inner.count += 1;
            std::mem::take(&mut inner.waiters)
        };
        for waker in waiters.into_values() {
            waker.wake();
        }
    }

    /// Where the signal stands now. Take the stamp *before* reading what the signal stands for.
    pub fn stamp(&self) -> Stamp {
        Stamp { signal: self.clone(), count: lock(&self.0).count }
    }

    /// Returns when the signal has moved since `since` was taken.
    pub async fn changed(&self, since: &Stamp) {
        Changed::any(std::slice::from_ref(since)).await;
    }
}

impl Stamp {
    /// Whether nothing has changed since the stamp was taken.
    pub fn is_current(&self) -> bool {
        lock(&self.signal.0).count == self.count
    }
}

/// Ready as soon as one of the stamps is out of date.
pub(crate) struct Changed {
    /// Each stamp, and the number under which we wait on its signal.
    stamps: Vec<(Stamp, Option<u64>)>,
}

impl Changed {
    pub(crate) fn any(stamps: &[Stamp]) -> Changed {
        Changed { stamps: stamps.iter().map(|s| (s.clone(), None)).collect() }
    }
}

impl Future for Changed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for (stamp, waiter) in &mut self.stamps {
            let mut inner = lock(&stamp.signal.0);
            if inner.count != stamp.count {
                return Poll::Ready(());
            }
            let id = *waiter.get_or_insert_with(|| {
                inner.next_waiter += 1;
                inner.next_waiter
            });
            inner.waiters.insert(id, cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        for (stamp, waiter) in &self.stamps {
            if let Some(id) = waiter {
                let waker = lock(&stamp.signal.0).waiters.remove(id);
                drop(waker);
            }
        }
    }
}
