//! Whether objects are in the state that they are meant to reach.

pub(crate) mod cel;
mod kstatus;
mod types;
mod wait;
mod workload;

pub(crate) use wait::{Health, HealthError, HealthTarget};
