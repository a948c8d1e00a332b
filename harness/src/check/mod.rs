//! Checks: partial objects, conditions, revisions, expressions.
//!
//! The pure half ([`matches`], [`Expression`], [`DiffLine`]) decides about single objects; it knows no cluster.

mod cel;
mod diff;
mod kinds;
mod partial;

pub use cel::{CelError, Expression, compile};
pub use diff::DiffLine;
pub use partial::matches;

pub(crate) use cel::Kinds;
pub(crate) use diff::{compare, shown};
pub(crate) use kinds::{default_api_version, default_namespace, known_kinds};
pub(crate) use partial::mismatches;
