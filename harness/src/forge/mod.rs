//! The Git side of a run: bare repositories in the run's folder, addressed by the URLs that the manifests contain.
//!
//! # Flow
//! [`Forge::create`] seeds a bare repository (from a folder, an existing repository, or nothing) and maps URLs to it.
//! Scenario steps and the engine's own pushes change it through [`Repo`]: commits, branches, merges, reverts. Every
//! change of a ref bumps the repository's [`seatrial_time::Signal`], so that whoever polls it can sleep meanwhile.
//!
//! # Guarantees
//! - No network, no `git` program, no files outside the run's folder (a repository that serves as a seed is read in
//!   place and never written).
//! - Commit ids depend on the content, the author and the run's clock alone: not on the machine, the user's Git
//!   configuration, the umask or the time of day.
//! - A failed operation leaves every ref as it was.

mod accounts;
mod ancestry;
mod change;
mod commit;
pub mod declare;
mod error;
pub mod github;
mod history;
mod hooks;
mod host;
mod hosts;
pub mod keys;
mod merge;
mod pack;
mod repo;
mod seed;
mod snapshot;
mod staged;
mod store;
mod tree;
mod url;

pub(crate) use accounts::is_login;
pub use accounts::{
    AccountError, Actor, Credentials, DEFAULT_USER, DeployKey, Hosted, NewRepository, Organization,
    Permission, Refusal, Site, Team, Template, Token, User, Wants,
};
pub(crate) use ancestry::merge_base;
pub use change::{Author, Change, Edit};
pub use commit::{CommitId, CommitInfo};
pub use error::ForgeError;
pub use hooks::{Delivery, Outcome, Webhook};
pub use host::Forge;
pub(crate) use host::is_repository_name;
pub use merge::{MergeStyle, Merged};
pub use repo::Repo;
pub use seed::Seed;
pub(crate) use snapshot::{Files, Snapshot, uncommitted};
pub use staged::Staged;
pub use url::GitUrl;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A text that no debug form shows.
pub fn secret(text: &str) -> seatrial_engine::Secret {
    seatrial_engine::Secret(text.to_owned())
}

/// Locks a mutex; what a panicking test left behind is still consistent, since refs are written last.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
