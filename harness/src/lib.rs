//! Clusters, forge, registry, scenarios, reports.

pub mod forge;
pub mod monorepo;
pub mod check;
pub mod scenario;
