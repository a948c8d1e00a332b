//! What wakes reconcilers: watches, timers, and each other.

mod controller;
mod gate;
mod options;
mod queue;
mod wakes;

pub(crate) use controller::{Controller, Next, Reconcile};
pub use gate::Gate;
pub(crate) use gate::Gates;
pub use options::DriverOptions;
pub(crate) use queue::{Queue, Stopping};
pub(crate) use wakes::{Wakes, reference};
