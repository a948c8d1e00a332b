//! Checks: partial objects, conditions, revisions, expressions.

mod cel;
mod kinds;

pub use cel::{CelError, Expression, compile};
pub(crate) use kinds::{default_api_version, known_kinds};
