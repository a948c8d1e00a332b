//! Clusters, forge, registry, scenarios, reports.

pub mod bootstrap;
mod causes;
pub mod check;
pub mod cluster;
pub mod forge;
mod isolation;
pub mod lint;
pub mod monorepo;
mod offline;
pub mod plan;
pub mod preview;
mod redact;
pub mod registry;
#[cfg(feature = "serve")]
pub mod remotes;
pub mod report;
pub mod run;
pub mod scenario;
pub mod sealed;
#[cfg(feature = "serve")]
pub mod serve;
mod shell;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trial;

pub use causes::causes;
#[cfg(feature = "serve")]
pub use seatrial_verbs::rest;
