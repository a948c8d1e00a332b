//! What wakes reconcilers: watches, timers, and each other.

mod controller;
mod wakes;

pub(crate) use controller::{Controller, Next, Reconcile};
pub(crate) use wakes::{Wakes, reference};
