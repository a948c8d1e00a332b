//! Profiles of workloads.

pub use seatrial_workload::Profile;
