//! Clusters, forge, registry, scenarios, reports.

pub mod forge;
