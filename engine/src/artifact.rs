//! Artifacts: the content of sources, by digest, shared by all clusters of a run.

use crate::render::ServedRemotes;
use crate::source::{Blobs, GitHosts};
use seatrial_render::{Entry, RenderErrors, Tree};
use seatrial_time::Signal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Vacant;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The content of one revision of a source.
#[derive(Clone, Debug)]
pub struct StoredArtifact {
    /// `sha256:<hex>` of the content.
    pub digest: String,
    /// Size of all files in bytes.
    pub size: i64,
    /// The files.
    pub tree: Tree,
}

/// What a source says about an artifact, such as OCI annotations.
pub(crate) type Metadata = BTreeMap<String, String>;

/// What a build gives.
pub(crate) type Built = Result<Arc<Vec<Value>>, RenderErrors>;

/// Content-addressed: what two clusters share is fetched and built once. Cheap to share behind an `Arc`.
#[derive(Debug, Default)]
pub struct ArtifactStore {
    state: Mutex<State>,
    /// Moves with each artifact that is new in storage.
    pub(crate) changes: Signal,
    /// What files of Git repositories contain.
    pub(crate) blobs: Arc<Blobs>,
}

#[derive(Debug, Default)]
struct State {
    artifacts: BTreeMap<String, StoredArtifact>,
    /// Digest and metadata of what was fetched with which rules, by a key that names both.
    fetched: BTreeMap<String, (String, Metadata)>,
    builds: BTreeMap<String, Built>,
    counts: Counts,
}

/// What was done because the store did not have it yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Revisions that were fetched.
    pub fetched: u64,
    /// Builds that were made.
    pub built: u64,
}

/// Builds that are kept; beyond that, all are forgotten and made again when needed.
const MAX_BUILDS: usize = 4096;

impl ArtifactStore {
    /// An empty store.
    pub fn new() -> ArtifactStore {
        ArtifactStore::default()
    }

    /// The repositories of `hosts` as remote bases of one build.
    pub fn remotes(&self, hosts: Arc<dyn GitHosts>) -> Arc<ServedRemotes> {
        Arc::new(ServedRemotes::new(hosts, self.blobs.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many revisions were fetched, and how many builds were made, since the store was made.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Stores files; the same files give the same artifact.
    pub fn store(&self, tree: Tree) -> StoredArtifact {
        let (digest, size) = digest(&tree);
        self.keep(digest, size, tree)
    }

    fn keep(&self, digest: String, size: i64, tree: Tree) -> StoredArtifact {
        let mut state = self.lock();
        let entry = state.artifacts.entry(digest.clone());
        let is_new = matches!(entry, Vacant(_));
        let stored = entry.or_insert_with(|| StoredArtifact { digest, size, tree }).clone();
        drop(state);
        if is_new {
            self.changes.bump();
        }
        stored
    }

    /// Stores files under the digest and the size of the archive that they came in.
    pub(crate) fn store_archive(&self, digest: String, size: i64, tree: Tree) -> StoredArtifact {
        self.keep(digest, size, tree)
    }

    /// The artifact of this digest.
    pub fn get(&self, digest: &str) -> Option<StoredArtifact> {
        self.lock().artifacts.get(digest).cloned()
    }

    /// The artifact that was fetched under this key, which names a revision and the rules of its content.
    pub(crate) fn fetched(&self, key: &str) -> Option<(StoredArtifact, Metadata)> {
        let state = self.lock();
        let (digest, metadata) = state.fetched.get(key)?;
        Some((state.artifacts.get(digest)?.clone(), metadata.clone()))
    }

    /// Remembers what was fetched under `key`.
    pub(crate) fn remember(&self, key: String, artifact: &StoredArtifact, metadata: Metadata) {
        let mut state = self.lock();
        state.counts.fetched += 1;
        state.fetched.insert(key, (artifact.digest.clone(), metadata));
    }

    /// The result of the build that `key` names, made by `build` where it is not known. What remote bases gave is built each
    /// time, and known by what `read` says about them: equal results are one value.
    pub(crate) fn built(
        &self,
        key: &str,
        build: impl FnOnce() -> Built,
        read: impl FnOnce() -> Option<String>,
    ) -> Built {
        if let Some(known) = self.lock().builds.get(key) {
            return known.clone();
        }
        let built = build();
        self.lock().counts.built += 1;
        let key = match read() {
            None => key.to_owned(),
            // What is read does not say why it could not be read.
            Some(_) if built.is_err() => return built,
            Some(read) => format!("{key} {read}"),
        };
        let mut state = self.lock();
        if state.builds.len() >= MAX_BUILDS {
            state.builds.clear();
        }
        state.builds.entry(key).or_insert(built).clone()
    }
}

/// Digest of the files by path and content, and the size of all content.
fn digest(tree: &Tree) -> (String, i64) {
    let mut hash = Sha256::new();
    let mut size: i64 = 0;
    for (path, entry) in tree.iter() {
        let (kind, content): (&[u8], &[u8]) = match entry {
            Entry::File(content) => (b"f", content),
            Entry::Link(target) => (b"l", target.as_bytes()),
        };
        for part in [kind, path.as_bytes(), content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        size += content.len() as i64;
    }
    (format!("sha256:{}", hex(&hash.finalize())), size)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_are_the_same_artifact() {
        let store = ArtifactStore::new();
        let a = store.store(Tree::new().with_file("a", "1").with_file("b", "22"));
        let b = store.store(Tree::new().with_file("b", "22").with_file("a", "1"));
        let c = store.store(Tree::new().with_file("a", "12").with_file("b", "2"));
        assert_eq!(a.digest, b.digest);
        assert_eq!(a.size, 3);
        assert_ne!(a.digest, c.digest);
        assert!(store.get(&a.digest).is_some());
    }

    #[test]
    fn a_build_is_made_once() {
        let store = ArtifactStore::new();
        let mut made = 0;
        for _ in 0..3 {
            let build = || {
                made += 1;
                Ok(Arc::new(Vec::new()))
            };
            assert!(store.built("key", build, || None).is_ok());
        }
        assert_eq!(made, 1);
    }

    #[test]
    fn builds_with_remote_bases_are_made_each_time_and_shared_where_these_are_the_same() {
        let store = ArtifactStore::new();
        let built = |read: &str| {
            store.built("key", || Ok(Arc::new(vec![Value::Null])), || Some(read.to_owned())).expect("a build")
        };
        let (first, again, moved) = (built("a"), built("a"), built("b"));
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &moved));
    }
}
