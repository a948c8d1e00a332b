//! The work queue of a controller: keys that are ready, and keys that become ready at a time.

use crate::object::{Key, later};
use jiff::Timestamp;
use seatrial_time::{Clock, Signal};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// Keys to reconcile. A key is in it once, however often it was added; it has at most one time at which it is due.
#[derive(Clone)]
pub(crate) struct Queue {
    clock: Clock,
    added: Signal,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Key>,
    is_ready: BTreeSet<Key>,
    due: BTreeMap<Key, Timestamp>,
    failures: BTreeMap<Key, u32>,
}

impl State {
    fn push(&mut self, key: Key) -> bool {
        let new = self.is_ready.insert(key.clone());
        if new {
            self.ready.push_back(key);
        }
        new
    }

    fn pop(&mut self) -> Option<Key> {
        let key = self.ready.pop_front()?;
        self.is_ready.remove(&key);
        Some(key)
    }
}

impl Queue {
    pub(crate) fn new(clock: Clock) -> Queue {
        Queue { clock, added: Signal::new(), state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a key ready.
    pub(crate) fn add(&self, key: Key) {
        if self.lock().push(key) {
            self.added.bump();
        }
    }

    /// Makes a key due at this time, where it is not due before.
    pub(crate) fn add_at(&self, key: Key, at: Timestamp) {
        self.lock().due.entry(key).and_modify(|due| *due = at.min(*due)).or_insert(at);
        self.added.bump();
    }

    /// After a reconciliation that went well: forgets failures, and sets or clears the time at which the key is due.
    pub(crate) fn done(&self, key: &Key, wake: Option<Timestamp>) {
        let mut state = self.lock();
        state.failures.remove(key);
        match wake {
            Some(at) => state.due.insert(key.clone(), at),
            None => state.due.remove(key),
        };
    }

    /// After a reconciliation that failed: tries again after a pause that doubles.
    pub(crate) fn retry(&self, key: &Key) {
        let now = self.clock.now();
        let mut state = self.lock();
        let failures = state.failures.entry(key.clone()).or_default();
        let pause = backoff(FIRST_RETRY, LONGEST_RETRY, *failures);
        *failures += 1;
        state.due.insert(key.clone(), later(now, pause));
    }

    /// The next key, as soon as one is ready.
    pub(crate) async fn next(&self) -> Key {
        loop {
            let stamp = self.added.stamp();
            let now = self.clock.now();
            let first_due = {
                let mut state = self.lock();
                let due: Vec<Key> =
                    state.due.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
                for key in due {
                    state.due.remove(&key);
                    state.push(key);
                }
                if let Some(key) = state.pop() {
                    return key;
                }
                state.due.values().min().copied()
            };
            match first_due {
                Some(at) => {
                    let left = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                    // Whichever comes first: a new key, or the time.
                    let _ = self.clock.timeout(left, self.added.changed(&stamp)).await;
                }
                None => self.added.changed(&stamp).await,
            }
        }
    }
}

/// `first`, doubled `times` times, but not more than `longest`.
pub(crate) fn backoff(first: Duration, longest: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use seatrial_time::{Simulation, simulate};

    #[rstest]
    #[case(0, 10)]
    #[case(1, 20)]
    #[case(4, 160)]
    #[case(5, 300)]
    #[case(200, 300)]
    fn pauses_double_up_to_the_longest(#[case] times: u32, #[case] seconds: u64) {
        let got = backoff(Duration::from_secs(10), Duration::from_secs(300), times);
        assert_eq!(got, Duration::from_secs(seconds));
    }

    #[test]
    fn a_key_is_handed_out_once_and_again_when_it_is_due() {
        simulate(Simulation::seeded(1), |clock| async move {
            let queue = Queue::new(clock.clone());
            let (a, b) = (Key::new("ns", "a"), Key::new("ns", "b"));
            queue.add(a.clone());
            queue.add(a.clone());
            queue.add(b.clone());
            assert_eq!(queue.next().await, a);
            assert_eq!(queue.next().await, b);
            let start = clock.now();
            queue.done(&a, Some(later(start, Duration::from_secs(60))));
            queue.done(&b, Some(later(start, Duration::from_secs(30))));
            assert_eq!(queue.next().await, b);
            assert_eq!(queue.next().await, a);
            assert_eq!(clock.now().duration_since(start).as_secs(), 60);
        })
        .unwrap();
    }

    #[test]
    fn a_key_becomes_due_while_nobody_expects_it() {
        simulate(Simulation::seeded(1), |clock| async move {
            let queue = Queue::new(clock.clone());
            let (a, start) = (Key::new("ns", "a"), clock.now());
            let second = move |second| later(start, Duration::from_secs(second));
            let (other, timer, key) = (queue.clone(), clock.clone(), a.clone());
            let task = clock.spawn("other", async move {
                timer.sleep(Duration::from_secs(5)).await;
                for at in [20, 10, 30] {
                    other.add_at(key.clone(), second(at));
                }
            });
            assert_eq!(queue.next().await, a);
            assert_eq!(clock.now(), second(10));
            drop(task);
        })
        .unwrap();
    }

    #[test]
    fn failures_wait_longer_each_time_until_success() {
        simulate(Simulation::seeded(1), |clock| async move {
            let queue = Queue::new(clock.clone());
            let key = Key::new("ns", "a");
            let mut pauses = Vec::new();
            for _ in 0..3 {
                let start = clock.now();
                queue.retry(&key);
                queue.next().await;
                pauses.push(clock.now().duration_since(start).as_millis());
            }
            queue.done(&key, None);
            let start = clock.now();
            queue.retry(&key);
            queue.next().await;
            pauses.push(clock.now().duration_since(start).as_millis());
            assert_eq!(pauses, [50, 100, 200, 50]);
        })
        .unwrap();
    }
}
