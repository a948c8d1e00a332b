//! Sealed secrets in a run: where keys come from, how kubeseal reaches a controller, and the check of a repository.

mod check;
mod keys;
mod network;
mod reach;

pub use check::{Finding, Opener, Openers, SealedCheckError, Verdict, check_objects, check_repository};
pub use keys::SealingKeys;
pub(crate) use network::start;
