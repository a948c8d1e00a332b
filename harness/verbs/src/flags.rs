//! flux's global flags, and how values of flags are read.

mod global;
mod value;

/// What a switch means that is given without a value.
pub(crate) const SWITCH: &str = "true";

pub(crate) use global::DEFAULT_NAMESPACE;

pub use global::Global;
pub(crate) use value::invalid;
pub use value::{duration, list, switch};
