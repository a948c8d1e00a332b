//! What `build` and `diff` share: the Kustomization and its files, and the report of differences.

pub(crate) mod input;
mod neat;
mod report;
mod text;

pub(crate) use report::report;
