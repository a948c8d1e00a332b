//! Image updates, as Flux makes them: which tags count ([`tags`]), which of them a policy takes ([`policy`]), which
//! scalars of which files change ([`setter`]), and what the commit says ([`message`]).
//!
//! Nothing here does I/O or knows a clock.

pub mod message;
pub mod policy;
pub mod reference;
pub mod setter;
pub mod tags;

pub use policy::{Filter, Order, Policy, PolicyError};
pub use reference::{Image, Repository};
pub use setter::{Change, ObjectId, SetterError, Update};
