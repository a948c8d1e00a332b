//! Checks: partial objects, conditions, revisions, expressions.
//!
//! The pure half ([`matches()`], [`Expression`], [`DiffLine`]) decides about single objects; it knows no cluster.
//! The other half (`Probe`) looks at a cluster over the Kubernetes API, and tells how it came to a failure.

mod causes;
mod cel;
mod diff;
mod kinds;
pub(crate) mod lines;
mod partial;
mod probe;
mod secret;

pub use cel::{CelError, Expression, compile};
pub use diff::DiffLine;
pub use partial::matches;

pub(crate) use causes::causes;
pub(crate) use kinds::{default_api_version, default_namespace, known_kinds};
pub(crate) use probe::{Look, Probe, Target, label};
