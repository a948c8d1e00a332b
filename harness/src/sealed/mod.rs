//! Sealed secrets in a run: where keys come from, how kubeseal reaches a controller, and the check of a repository.

mod backup;
mod check;
mod keys;
mod network;
mod shape;
mod traps;

pub use crate::offline::FleetError;
pub use backup::KeyBackup;
pub use check::{Finding, Opener, Openers, Verdict, check_object, check_repository};
pub use keys::SealingKeys;
pub(crate) use network::start;
pub(crate) use shape::unknown_variable;
pub(crate) use traps::{Origins, TrapKind, traps};
