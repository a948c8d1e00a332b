//! What clients of a registry push, read, link and delete: blobs and manifests as they are.

use super::{Digest, Manifest, Registry, RegistryError, RepositoryName};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A config, a layer, or any other bytes that manifests name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blob {
    /// In memory.
    Memory(Arc<[u8]>),
    /// A file that belongs to the registry.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl Blob {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Blob::Memory(bytes) => bytes.len() as u64,
            Blob::File { size, .. } => *size,
        }
    }

    /// All of its bytes.
    ///
    /// # Errors
    /// Where its file cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Blob::Memory(bytes) => Ok(bytes.to_vec()),
            Blob::File { path, .. } => fs::read(path),
        }
    }
}

impl Registry {
    /// Says that the registry is served at `host` (`127.0.0.1:5000`): images whose names begin with it are the ones
    /// without it. The first such address is the one that messages name.
    pub fn serve_as(&self, host: &str) {
        let mut state = self.state();
        state.served_at.get_or_insert_with(|| host.to_owned());
        state.hosts.insert(host.to_ascii_lowercase());
    }

    /// The blob, if the repository shows it.
    pub fn shown(&self, name: &RepositoryName, digest: &Digest) -> Option<Blob> {
        let state = self.state();
        let shown = state.shown.get(name).is_some_and(|all| all.contains(digest));
        state.blobs.get(digest).filter(|_| shown).cloned()
    }

    /// Adds a blob to a repository. Where the registry has these bytes already, false: `blob` is not taken.
    pub fn add_blob(&self, name: &RepositoryName, digest: &Digest, blob: Blob) -> bool {
        let mut state = self.state();
        state.shown.entry(name.clone()).or_default().insert(digest.clone());
        if state.blobs.contains_key(digest) {
            return false;
        }
        state.blobs.insert(digest.clone(), blob);
        true
    }

    /// Shows a blob of one repository in another; false where `from` (`None`: any repository) does not have it.
    pub fn mount_blob(&self, name: &RepositoryName, from: Option<&RepositoryName>, digest: &Digest) -> bool {
        let mut state = self.state();
        let there = match from {
            Some(from) => state.shown.get(from).is_some_and(|all| all.contains(digest)),
            None => state.blobs.contains_key(digest),
        };
        if there {
            state.shown.entry(name.clone()).or_default().insert(digest.clone());
        }
        there
    }

    /// Takes a blob away from a repository; false where it does not show it. Bytes that no repository shows any more are
    /// dropped, and their file is removed.
    pub fn remove_blob(&self, name: &RepositoryName, digest: &Digest) -> bool {
        let mut state = self.state();
        if !state.shown.get_mut(name).is_some_and(|all| all.remove(digest)) {
            return false;
        }
        if !state.shown.values().any(|all| all.contains(digest))
            && let Some(Blob::File { path, .. }) = state.blobs.remove(digest)
        {
            // The run's folder goes in the end in any case.
            let _ = fs::remove_file(path);
        }
        true
    }

    /// Puts a manifest into a repository, which is made where it does not exist, and a tag at it.
    pub fn put_manifest(&self, name: &RepositoryName, tag: Option<&str>, manifest: Manifest) -> Digest {
        let digest = Digest::of(&manifest.data);
        let tags: Vec<String> = tag.into_iter().map(str::to_owned).collect();
        self.put_manifest_at(name, &digest, &tags, manifest);
        digest
    }

    /// The same under a digest that the caller has compared with the manifest, with several tags.
    pub fn put_manifest_at(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        tags: &[String],
        manifest: Manifest,
    ) {
        let mut state = self.state();
        let repository = state.repositories.entry(name.clone()).or_default();
        repository.manifests.insert(digest.clone(), manifest);
        repository.given.remove(digest);
        repository.tags.extend(tags.iter().map(|tag| (tag.clone(), digest.clone())));
        drop(state);
        self.signal().bump();
    }

    /// Removes a manifest and the tags at it; false where the repository does not have it.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`].
    pub fn remove_manifest(&self, name: &RepositoryName, digest: &Digest) -> Result<bool, RegistryError> {
        let mut state = self.state();
        let repository = state.repository(name)?;
        let removed = repository.manifests.remove(digest).is_some();
        repository.given.remove(digest);
        repository.tags.retain(|_, at| at != digest);
        drop(state);
        if removed {
            self.signal().bump();
        }
        Ok(removed)
    }

    /// All manifests of a repository, by digest.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`].
    pub fn manifests(&self, name: &RepositoryName) -> Result<Vec<(Digest, Manifest)>, RegistryError> {
        let mut state = self.state();
        let manifests = &state.repository(name)?.manifests;
        Ok(manifests.iter().map(|(digest, manifest)| (digest.clone(), manifest.clone())).collect())
    }
}
