//! Whose turn it is: so many at once, first come, first served; and nobody any more once the engine stops.

use seatrial_time::Signal;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whether an engine stops, and what still runs. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub(crate) struct Stopping(Arc<Inner>);

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    running: Mutex<BTreeSet<String>>,
    moved: Signal,
}

impl Stopping {
    /// Asks for the end: no turn begins any more.
    pub(crate) fn ask(&self) {
        self.0.asked.store(true, Ordering::Release);
    }

    /// Whether the engine is to end.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has a turn now, sorted.
    pub(crate) fn running(&self) -> Vec<String> {
        self.lock().iter().cloned().collect()
    }

    /// Returns when nobody has a turn.
    pub(crate) async fn quiet(&self) {
        loop {
            let moved = self.0.moved.stamp();
            if self.lock().is_empty() {
                return;
            }
            self.0.moved.changed(&moved).await;
        }
    }
}

/// The turns of one kind. Cheap to clone; clones share.
#[derive(Clone)]
pub(crate) struct Queue {
    free: Arc<Semaphore>,
    stopping: Stopping,
}

/// A turn; it ends when it is dropped.
pub(crate) struct Turn {
    stopping: Stopping,
    who: String,
    _permit: OwnedSemaphorePermit,
}

impl Queue {
    pub(crate) fn new(concurrent: usize, stopping: Stopping) -> Queue {
        Queue { free: Arc::new(Semaphore::new(concurrent.min(Semaphore::MAX_PERMITS))), stopping }
    }

    /// Waits for the turn of `who`; none when the engine stops.
    pub(crate) async fn turn(&self, who: &str) -> Option<Turn> {
        // Tokio's cooperation between tasks would have the order depend on what else happens on the runtime.
        let permit = tokio::task::unconstrained(self.free.clone().acquire_owned()).await.ok()?;
        if self.stopping.is_asked() {
            return None;
        }
        self.stopping.lock().insert(who.to_owned());
        Some(Turn { stopping: self.stopping.clone(), who: who.to_owned(), _permit: permit })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stopping.lock().remove(&self.who);
        self.stopping.0.moved.bump();
    }
}
