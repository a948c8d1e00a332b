//! What a change of a repository would do to each of its clusters.
//!
//! # Flow
//! ```text
//! repository ── which two revisions ([`revisions`]) ──► base, head
//! base ── bootstrap, reconcile, steady ──► state ([`collect`])
//! head ── pushed to the branch, reconcile, steady ──► state, history ([`history`])
//! both ── cover Secrets (`crate::redact`) ── compare ([`compare`], [`cascade`], [`fields`]), [`problems`], [`order`] ──► Preview
//! Preview ──► text, Markdown, JSON
//! ```
//! The change is played, not guessed: everything that Flux, the API server and the controllers do with it is in the answer.
//!
//! # Guarantees
//! - The same repository, revisions and options give the same [`Preview`], to the byte of its output. Commits that exist
//!   only in the play are in no output.
//! - The repository itself is only read.
//! - Values of Secrets are in no output.

mod cascade;
mod collect;
mod compare;
mod diff;
mod error;
mod fields;
mod history;
mod json;
mod markdown;
mod model;
mod order;
mod play;
mod problems;
mod project;
mod revisions;
mod services;
mod text;

pub(crate) use collect::secrets;
pub use error::PreviewError;
pub use json::json;
pub use markdown::markdown;
pub use model::{
    Added, Changed, ClusterPreview, FieldChange, Gate, Kept, ObjectId, Outcome, Preview, Problem,
    ProblemKind, Pruned, Revision, Step,
};
pub use play::preview;
pub use text::Text;

use crate::sealed::KeyBackup;
use seatrial_api::FluxRelease;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is compared, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewOptions {
    /// A Git repository, bare or not.
    pub repository: PathBuf,
    /// The revision before the change. Default: where the head left the branch that the clusters follow; where that is the
    /// head itself, the commit before it.
    pub base: Option<String>,
    /// The revision with the change. Default: the working tree, if something in it is not committed; else `HEAD`.
    pub head: Option<String>,
    /// More sources, as of [`TrialOptions::serve`](crate::trial::TrialOptions::serve).
    pub serve: Vec<(String, Option<PathBuf>)>,
    /// The Flux release of all clusters. Default: the newest.
    pub flux: FluxRelease,
    /// Only these clusters. Default: all.
    pub clusters: Vec<String>,
    /// The seed. Default: 0.
    pub seed: u64,
    /// Keys that the sealed-secrets controllers of clusters have from the start, by cluster. Default: none.
    pub sealing_keys: BTreeMap<String, KeyBackup>,
}

impl PreviewOptions {
    /// The preview that is made where nobody says anything else.
    pub fn new(repository: impl Into<PathBuf>) -> PreviewOptions {
        PreviewOptions {
            repository: repository.into(),
            base: None,
            head: None,
            serve: Vec::new(),
            flux: FluxRelease::default(),
            clusters: Vec::new(),
            seed: 0,
            sealing_keys: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
