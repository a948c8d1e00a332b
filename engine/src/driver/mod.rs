//! What wakes reconcilers: watches, timers, and each other.

mod controller;
mod options;
mod queue;
mod wakes;

pub(crate) use controller::{Controller, Next, Reconcile};
pub use options::DriverOptions;
pub(crate) use queue::{Queue, Stopping};
pub(crate) use wakes::{Wakes, reference};
