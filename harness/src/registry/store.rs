//! What the registry holds.

use super::image::generate;
use super::rules::Ruled;
use super::{Blob, Digest, ImageRef, Manifest, RegistryError, RepositoryName};
use seatrial_time::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The registry of a run. Cheap to clone; clones are the same registry.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    state: Arc<Mutex<State>>,
    pub(super) signal: Signal,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Shared by all repositories, as layers are.
    pub(super) blobs: BTreeMap<Digest, Blob>,
    /// The blobs that each repository shows. A name can be here before it is a repository: a push begins with blobs, and
    /// only a manifest makes the repository one that the run maps.
    pub(super) shown: BTreeMap<RepositoryName, BTreeSet<Digest>>,
    pub(super) repositories: BTreeMap<RepositoryName, Repository>,
    /// Addresses under which the registry itself is served.
    pub(super) hosts: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) manifests: BTreeMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<String, Digest>,
    /// How it answers, where it does not simply do what it is asked for.
    pub(super) rule: Option<Ruled>,
}

/// Why an image cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// The run does not map the repository.
    Repository,
    /// The repository is there, the tag or the digest is not.
    Image,
}

impl Registry {
    /// A registry without repositories.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Maps a repository, under any of its names, and gives it tags with generated images. A repository that is there
    /// gets the tags too.
    ///
    /// # Errors
    /// [`RegistryError::BadReference`], for the name or for a tag.
    pub fn create<T: AsRef<str>>(
        &self,
        name: &str,
        tags: impl IntoIterator<Item = T>,
    ) -> Result<RepositoryName, RegistryError> {
        let repository = self.state().own_name(&RepositoryName::parse(name)?);
        let mut images = Vec::new();
        for tag in tags {
            images.push(ImageRef::parse(&format!("{repository}:{}", tag.as_ref()))?);
        }
        self.state().repositories.entry(repository.clone()).or_default();
        for image in images {
            self.put(&repository, image.tag.as_deref().unwrap_or("latest"))?;
        }
        Ok(repository)
    }

    /// Pushes a generated image, such as `btoll/debug:1.0.1`. With a digest (`btoll/debug:latest@sha256:…`) the tag is moved to an
    /// image that the repository has.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`] where the run does not map the repository; [`RegistryError::NoTagGiven`],
    /// [`RegistryError::NoDigest`], [`RegistryError::BadReference`].
    pub fn push(&self, image: &str) -> Result<Digest, RegistryError> {
        if let Some((tagged, digest)) = image.split_once('@') {
            return self.move_tag(tagged, digest);
        }
        let (name, tag) = self.pushed(image)?;
        self.put(&name, &tag)
    }

    fn move_tag(&self, tagged: &str, digest: &str) -> Result<Digest, RegistryError> {
        let (name, tag) = self.pushed(tagged)?;
        let mut state = self.state();
        let repository = state.repository(&name)?;
        let found = Digest::parse(digest).filter(|digest| repository.manifests.contains_key(digest));
        let found = found
            .ok_or_else(|| RegistryError::NoDigest { name: name.to_string(), digest: digest.to_owned() })?;
        repository.tags.insert(tag, found.clone());
        drop(state);
        self.signal.bump();
        Ok(found)
    }

    /// The repository and the tag that a push means.
    pub(super) fn pushed(&self, image: &str) -> Result<(RepositoryName, String), RegistryError> {
        let reference = ImageRef::parse(image)?;
        if reference.digest.is_some() {
            return Err(RegistryError::DigestGiven { text: image.to_owned() });
        }
        let tag = reference.tag.ok_or_else(|| RegistryError::NoTagGiven { text: image.to_owned() })?;
        let name = self.own(&reference.repository);
        self.state().repository(&name)?;
        Ok((name, tag))
    }

    /// The repository that a name means.
    pub(super) fn own(&self, name: &RepositoryName) -> RepositoryName {
        self.state().own_name(name)
    }

    /// Removes a tag; the manifest stays, as in any registry.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`], [`RegistryError::NoTag`], [`RegistryError::BadReference`].
    pub fn delete_tag(&self, name: &str, tag: &str) -> Result<(), RegistryError> {
        let name = self.state().own_name(&RepositoryName::parse(name)?);
        let removed = self.state().repository(&name)?.tags.remove(tag);
        removed.ok_or_else(|| RegistryError::NoTag { name: name.to_string(), tag: tag.to_owned() })?;
        self.signal.bump();
        Ok(())
    }

    /// The tags of a repository, in the order in which registries list them.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`], [`RegistryError::BadReference`].
    pub fn tags(&self, name: &str) -> Result<Vec<String>, RegistryError> {
        let name = self.state().own_name(&RepositoryName::parse(name)?);
        Ok(self.state().repository(&name)?.tags.keys().cloned().collect())
    }

    /// The mapped repositories, sorted.
    pub fn repositories(&self) -> Vec<RepositoryName> {
        self.state().repositories.keys().cloned().collect()
    }

    /// The manifest of an image, by its digest where it has one, else by its tag (`latest` where it has none), with its
    /// digest. `None` where it does not exist.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`].
    pub fn manifest(&self, image: &ImageRef) -> Result<Option<(Digest, Manifest)>, RegistryError> {
        let mut state = self.state();
        let name = state.own_name(&image.repository);
        let repository = state.repository(&name)?;
        let Some(digest) = repository.digest(image) else { return Ok(None) };
        Ok(repository.manifests.get(&digest).cloned().map(|manifest| (digest, manifest)))
    }

    /// A config or a layer. `None` also where its file cannot be read.
    pub fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let blob = self.state().blobs.get(digest).cloned()?;
        blob.read().ok()
    }

    /// Moves with every push and every deletion.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// Whether an image can be had, and why not.
    pub(super) fn find(&self, image: &ImageRef) -> Result<(), Absent> {
        let state = self.state();
        let name = state.own_name(&image.repository);
        let repository = state.repositories.get(&name).ok_or(Absent::Repository)?;
        repository.digest(image).map(drop).ok_or(Absent::Image)
    }

    fn put(&self, name: &RepositoryName, tag: &str) -> Result<Digest, RegistryError> {
        let image = generate(name, tag);
        let digest = Digest::of(&image.manifest.data);
        let mut state = self.state();
        let repository = state.repository(name)?;
        repository.manifests.insert(digest.clone(), image.manifest);
        repository.tags.insert(tag.to_owned(), digest.clone());
        for blob in image.blobs {
            let digest = Digest::of(&blob);
            state.shown.entry(name.clone()).or_default().insert(digest.clone());
            state.blobs.insert(digest, Blob::Memory(blob.into()));
        }
        drop(state);
        self.signal.bump();
        Ok(digest)
    }

    /// Every method leaves the state consistent at each step, so that a poisoned lock can be taken over.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The repository that a name means: a name under one of the registry's own addresses is the one without it.
    pub(super) fn own_name(&self, name: &RepositoryName) -> RepositoryName {
        if !self.hosts.contains(name.registry()) {
            return name.clone();
        }
        RepositoryName::parse(name.path()).unwrap_or_else(|_| name.clone())
    }

    pub(super) fn repository(&mut self, name: &RepositoryName) -> Result<&mut Repository, RegistryError> {
        if !self.repositories.contains_key(name) {
            let known: Vec<String> = self.repositories.keys().map(RepositoryName::to_string).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(RegistryError::NoRepository { name: name.to_string(), known });
        }
        Ok(self.repositories.entry(name.clone()).or_default())
    }
}

impl Repository {
    pub(super) fn digest(&self, image: &ImageRef) -> Option<Digest> {
        match &image.digest {
            Some(digest) => self.manifests.contains_key(digest).then(|| digest.clone()),
            None => self.tags.get(image.tag.as_deref().unwrap_or("latest")).cloned(),
        }
    }
}
