//! The servers of `seatrial up`, each through its own sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod access;
mod api;
mod client;
mod conformance;
mod flux;
mod forge;
mod git;
mod load;
mod programs;
mod registry;
mod registry_rules;
#[cfg(feature = "ssh")]
mod ssh;
mod world;
