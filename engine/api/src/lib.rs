//! The Flux resource types.
