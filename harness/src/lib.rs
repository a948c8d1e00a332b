//! Clusters, forge, registry, scenarios, reports.
