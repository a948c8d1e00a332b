//! A simulated Kubernetes API server.

pub mod crd_schema;
pub mod managed_fields;
pub mod strategic_merge;
