//! The handle that carries time, spawning, yielding and chance.

use crate::executor::Core;
use crate::external::External;
use crate::lock;
use crate::rng::Rng;
use crate::signal::{Changed, Stamp};
use crate::task::{Handle, Task};
use crate::timer::{Sleep, Turn};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hasher};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

/// The time, and everything that goes with it. Cheap to clone; clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Virtual(Arc<Core>),
    Wall(Arc<Wall>),
}

#[derive(Debug)]
struct Wall {
    seed: u64,
    streams: Mutex<BTreeMap<String, u64>>,
}

/// The future given to [`Clock::timeout`] was not ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("finish within {0:?}")]
pub struct Elapsed(
    /// The time that was given.
    pub Duration,
);

impl Clock {
    /// The machine's own clock, with random streams from the operating system's randomness. Its futures need a tokio
    /// runtime with time enabled.
    pub fn wall() -> Clock {
        let seed = std::hash::RandomState::new().build_hasher().finish();
        Clock(Inner::Wall(Arc::new(Wall { seed, streams: Mutex::default() })))
    }

    pub(crate) fn simulated(core: Arc<Core>) -> Clock {
        Clock(Inner::Virtual(core))
    }

    /// Whether time is virtual.
    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Inner::Virtual(_))
    }

    /// The time.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Inner::Virtual(core) => core.now(),
            Inner::Wall(_) => Timestamp::now(),
        }
    }

    /// Returns after `d`.
    pub async fn sleep(&self, d: Duration) {
        self.sleep_until(after(self.now(), d)).await;
    }

    /// Returns at `at`, at once where that has passed.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that sleeps on the machine's clock")]
    pub async fn sleep_until(&self, at: Timestamp) {
        match &self.0 {
            Inner::Virtual(core) => Sleep::new(core.clone(), at).await,
            Inner::Wall(_) => {
                let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
                tokio::time::sleep(left).await;
            }
        }
    }

    /// A yield point: lets the seed decide who goes on. Does nothing on the wall clock.
    pub async fn turn(&self) {
        if self.is_virtual() {
            Turn::default().await;
        }
    }

    /// Runs `f`, but not longer than `d`; where both are ready, `f` wins.
    ///
    /// # Errors
    /// [`Elapsed`] when the time is up; `f` is then dropped.
    pub async fn timeout<F: Future>(&self, d: Duration, f: F) -> Result<F::Output, Elapsed> {
        let mut f = pin!(f);
        let mut limit = pin!(self.sleep(d));
        poll_fn(|cx| {
            if let Poll::Ready(output) = f.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            limit.as_mut().poll(cx).map(|()| Err(Elapsed(d)))
        })
        .await
    }

    /// Starts `f` as a task of its own. `name` appears in reports of a stuck run.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn(&self, name: impl Into<String>, f: impl Future<Output = ()> + Send + 'static) -> Task {
        let handle = match &self.0 {
            Inner::Virtual(core) => {
                Handle::Virtual(Arc::downgrade(core), core.spawn(name.into(), Box::pin(f)))
            }
            Inner::Wall(_) => Handle::Wall(tokio::spawn(f).abort_handle()),
        };
        Task::new(handle)
    }

    /// Parks a periodic task whose last run did nothing.
    ///
    /// Returns at the first of `next`, `next + period`, `next + 2 * period`, … at which what the task reads has
    /// changed, that is, at which one of the stamps in `seen` is out of date. While all stamps are current no timer is
    /// set: idle periods are skipped by arithmetic and cost nothing. With an empty `seen`, or a period of zero, it
    /// sleeps until `next`.
    ///
    /// Take the stamps before the run reads anything, or a change during the run is missed.
    pub async fn idle(&self, next: Timestamp, period: Duration, seen: &[Stamp]) {
        if !seen.is_empty() && !period.is_zero() {
            Changed::any(seen).await;
        }
        self.sleep_until(next_in_phase(next, period, self.now())).await;
    }

    /// The next stream of `label`: it depends on the run's seed, the label and how many streams of that label were
    /// taken before, so that one more draw in one place does not shift another place.
    pub fn rng(&self, label: &str) -> Rng {
        let (seed, turn) = match &self.0 {
            Inner::Virtual(core) => (core.seed, next_stream(&mut lock(&core.state).streams, label)),
            Inner::Wall(wall) => (wall.seed, next_stream(&mut lock(&wall.streams), label)),
        };
        Rng::stream(seed, label, turn)
    }

    /// Awaits work that leaves the process (a program, a socket): until it returns, virtual time stands still and no
    /// other task goes on, so that its duration cannot change the order of the run.
    pub async fn external<F: Future>(&self, f: F) -> F::Output {
        match &self.0 {
            Inner::Virtual(core) => External::new(core.clone(), f).await,
            Inner::Wall(_) => f.await,
        }
    }
}

fn next_stream(streams: &mut BTreeMap<String, u64>, label: &str) -> u64 {
    match streams.get_mut(label) {
        Some(turn) => {
            *turn += 1;
            *turn
        }
        None => {
            streams.insert(label.to_owned(), 0);
            0
        }
    }
}

/// `at + d`, or the end of time.
fn after(at: Timestamp, d: Duration) -> Timestamp {
    SignedDuration::try_from(d).ok().and_then(|d| at.checked_add(d).ok()).unwrap_or(Timestamp::MAX)
}

/// The first of `next`, `next + period`, … that is not before `now`.
fn next_in_phase(next: Timestamp, period: Duration, now: Timestamp) -> Timestamp {
    let late = now.duration_since(next).as_nanos();
    let Ok(period) = i128::try_from(period.as_nanos()) else { return next };
    if late <= 0 || period == 0 {
        return next;
    }
    let periods = (late + period - 1) / period;
    Timestamp::from_nanosecond(next.as_nanosecond() + periods * period).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::before_the_first_run(100, 60, 40, 100)]
    #[case::at_the_first_run(100, 60, 100, 100)]
    #[case::just_after_it(100, 60, 101, 160)]
    #[case::on_a_later_one(100, 60, 220, 220)]
    #[case::far_later(100, 60, 100_000, 100_000)]
    #[case::no_period(100, 0, 500, 100)]
    fn the_next_run_keeps_its_phase(
        #[case] next: i64,
        #[case] period: u64,
        #[case] now: i64,
        #[case] want: i64,
    ) {
        let at = |s| Timestamp::from_second(s).unwrap();
        assert_eq!(next_in_phase(at(next), Duration::from_secs(period), at(now)), at(want));
    }
}
