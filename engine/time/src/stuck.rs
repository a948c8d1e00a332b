//! Why a simulation could not go on.

use jiff::Timestamp;
use std::fmt;

/// A task, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name given to [`Clock::spawn`](crate::Clock::spawn); the main future is `main`.
    pub task: String,
    /// What it waits for, as far as the executor can tell.
    pub reason: String,
}

/// Why [`simulate`](crate::simulate) ended before its main future did.
#[derive(Debug, thiserror::Error)]
pub enum Stuck {
    /// Nothing can go on, and no timer is left that could change that.
    #[error("go on at {at}: every task waits and no timer is left:{}", List(waiting))]
    Deadlock {
        /// The virtual time at which everything stopped.
        at: Timestamp,
        /// All unfinished tasks, in the order in which they were spawned.
        waiting: Vec<Waiting>,
    },
    /// Tasks keep each other busy without ever letting the time move.
    #[error("get past {at}: {polls} polls at this one instant; the busiest tasks:{}", List(busiest))]
    HotLoop {
        /// The virtual time that was never left.
        at: Timestamp,
        /// How many polls happened at that time.
        polls: u64,
        /// The tasks polled most at that time, busiest first.
        busiest: Vec<Waiting>,
    },
    /// The tokio runtime could not be built.
    #[error("start the runtime")]
    Runtime(#[source] std::io::Error),
}

struct List<'a>(&'a [Waiting]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for w in self.0 {
            write!(f, "\n  {}: {}", w.task, w.reason)?;
        }
        Ok(())
    }
}
