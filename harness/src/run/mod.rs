//! Plays scenarios.
//!
//! # Flow
//! [`run_scenarios`] finds and reads files, hands each scenario to one of `jobs` threads, and passes on [`Event`]s as they come.
//! A scenario is one [`seatrial_time::simulate`] run on its thread (on real clusters: one tokio runtime on the wall clock): a
//! `World` (clusters, forge, registry) is built from the plan, then the steps act on it from outside, as people do, until one
//! fails; then the world ends.
//!
//! # Guarantees
//! - On simulated clusters the report depends on the files and the seed alone, not on the number of threads, the machine or
//!   the time of day.
//! - What was started is ended, whatever happens: success, failure, panic, a [`Stop`] from outside.
//! - A step that fails, a run that gets stuck, even a panic, ends one scenario and no other.

mod bootstrap;
#[cfg(test)]
#[cfg(feature = "serve")]
mod bootstrap_flags_tests;
#[cfg(test)]
#[cfg(feature = "serve")]
mod bootstrap_tests;
mod commit;
mod event;
mod expect;
mod failure;
mod flux;
mod forge;
mod git;
mod isolation;
mod manual;
mod options;
mod play;
#[cfg(test)]
#[cfg(feature = "serve")]
mod release_tests;
mod runner;
mod sealed;
#[cfg(test)]
mod sealed_tests;
mod step;
mod stop;
mod tokens;
mod verb;
mod world;

pub(crate) use bootstrap::bootstrap_all;
pub use bootstrap::{BootstrapError, Setting, bootstrap};
#[cfg(feature = "serve")]
pub(crate) use bootstrap::{images, install, start_engine};
pub use event::{Event, Progress, Silent};
#[cfg(feature = "serve")]
pub(crate) use forge::{accounts as forge_accounts, repositories as forge_repositories};
#[cfg(feature = "serve")]
pub(crate) use git::registry;
pub use options::{RunError, RunOptions, Shard, ShardError};
pub use play::play;
pub(crate) use play::private;
pub use runner::run_scenarios;
#[cfg(feature = "testing")]
pub(crate) use runner::{Entry, clusters, entries};
pub use stop::Stop;

#[cfg(test)]
mod tests;
