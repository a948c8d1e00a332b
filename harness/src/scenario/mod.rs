//! Scenario files: what they may contain, and what is wrong with them.
//!
//! # Flow
//! [`discover`] finds files; [`parse_file`] reads one into [`Located`] scenarios, or says everything that is wrong with
//! it: each [`Problem`] has the line, the column, and the nearest valid name where there is one.
//!
//! ```text
//! text -> tree with positions -> shape (the JSON Schema of the model) -> model -> references (clusters, files, ...)
//! ```
//!
//! The JSON Schema that editors use ([`schema`]) is the one that files are checked against: it is generated from the
//! model, and every field's documentation is in it.
//!
//! # Errors
//! [`Invalid`] holds all problems of one file. Nothing that Seatrial does not do is passed over: an unknown field, step
//! or value is a problem.

mod cluster_step;
mod discover;
mod duration;
mod expect;
mod fragment;
mod git_step;
mod model;
mod parse;
mod patch;
mod problem;
mod profile;
mod references;
mod schema;
mod shape;
mod step;
mod steps;
mod tree;

pub use cluster_step::{
    AddCluster, Apply, Bootstrap, Delete, ExtraController, PatchObject, Reconcile, SetProfile,
};
pub use discover::{DiscoverError, discover};
pub use duration::Span;
pub use expect::{Condition, Expect, ObjectRef, RevisionOf};
pub use git_step::{
    AuthorSpec, Branch, Commit, Content, ContentFile, Merge, MergeHow, PatchSource, Push, Revert, Toggle,
};
pub use model::{ClusterSpec, GitSpec, Metadata, Scenario, Spec, UnknownImages};
pub use parse::{Located, parse_file, parse_text};
pub use patch::{FilePatch, PatchFile, Replacement};
pub use problem::{Invalid, Problem};
pub use profile::Profile;
pub use schema::schema;
pub use step::{Action, Step};

#[cfg(test)]
mod tests;
