//! A simulated Kubernetes API server.

pub mod managed_fields;
