//! The servers of `seatrial up`, each through its own sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod client;
mod git;
mod registry;
mod world;
