//! Clusters, forge, registry, scenarios, reports.

pub mod forge;
pub mod monorepo;
pub mod registry;
pub mod check;
pub mod plan;
pub mod scenario;
pub mod bootstrap;
