//! flux's global flags, and how values of flags are read.

mod global;
mod value;

pub(crate) use global::DEFAULT_NAMESPACE;
pub(crate) use value::invalid;

pub use global::Global;
pub use value::{duration, switch};
