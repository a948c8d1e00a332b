//! The reconciliation engine: sources, render, apply, prune, health, over any cluster that `kube::Client` reaches.
//!
//! # The flow
//! ```text
//! GitRepository ── resolve ref, leave out ignored files ──► artifact (by digest, in the ArtifactStore)
//! OCIRepository ── resolve tag, unpack a layer, leave out ignored files ──► artifact
//! ArtifactGenerator ── copy rules over artifacts ──► ExternalArtifact
//! Kustomization: artifact ── build, substitute, label ──► objects ── staged apply ──► inventory ── prune ──► health
//! ```
//! Every object of a kind has a task of its own. Watches, timers and other objects wake it; it reads its object anew,
//! does what is to do, and parks. Tasks share nothing but the artifact store.
//!
//! # Guarantees
//! - A reconcile that finds everything as it should be writes nothing.
//! - What is not supported is refused by a condition that names it; no object of a Flux kind is passed over.
//! - libgit2 does not compute the hashes of objects anew when it reads them (`strict_hash_verification`), in the whole process.
//! - Time and chance come from the [`Clock`](seatrial_time::Clock) alone.

mod apply;
mod artifact;
mod cluster;
mod driver;
mod engine;
mod health;
mod installed;
pub mod local;
mod object;
mod race;
mod reconcile;
mod render;
mod secret;
pub mod source;
mod status;

pub use artifact::{ArtifactStore, Counts, StoredArtifact};
pub use cluster::{ClusterHosts, RemoteCluster};
pub use driver::{DriverOptions, Gate};
pub use engine::{Engine, EngineOptions, Unfinished, is_supported};
pub use installed::{Installed, InstalledEngine, Release};
pub use object::ObjectRef;
pub use render::{BuildError, ServedRemotes, build, envsubst};
pub use secret::sealed;
pub use source::{CommitKey, RingError};
pub use source::{GitAccess, GitAuth, GitError, GitHosts, GitRemote, Secret};
pub use source::{GitPush, GitPushError, RefUpdate, push_to};
pub use source::{
    NoRegistries, OciAddress, OciAuth, OciChallenge, OciError, OciManifest, OciRegistries, OciTags,
    oci_credentials,
};
