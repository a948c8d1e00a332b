//! Play GitOps repositories on simulated or real clusters.
fn main() {}
