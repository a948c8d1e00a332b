//! Facts about Kubernetes types: scope, merge keys, list types.
