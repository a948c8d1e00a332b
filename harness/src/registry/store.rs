//! What the registry holds.

use super::image::generate;
use super::rules::{Rule, Ruled};
use super::tokens::{Access, Tokens};
use super::{Blob, Build, Digest, ImageRef, Manifest, RegistryError, RepositoryName};
use seatrial_time::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
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
    pub(super) tokens: Tokens,
    /// Addresses under which the registry itself is served.
    pub(super) hosts: BTreeSet<String>,
    /// The first of them.
    pub(super) served_at: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) manifests: BTreeMap<Digest, Manifest>,
    pub(super) tags: BTreeMap<String, Digest>,
    /// The digests that images are known by although their content has others.
    pub(super) given: BTreeSet<Digest>,
    /// Whom the token service gives tokens for it, where tokens guard it.
    pub(super) access: Option<Access>,
    /// How it answers, where it does not simply do what it is asked for.
    pub(super) rule: Option<Ruled>,
}

/// Why an image cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// The run does not map the repository.
    Repository,
    /// The repository is there, the tag or the digest is not.
    Image,
    /// Its content has another digest than the registry says.
    Content { said: Digest, actual: Digest },
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
            self.put(&repository, image.tag.as_deref().unwrap_or("latest"), &Build::default())?;
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
        self.push_built(image, &Build::default())
    }

    /// Pushes a generated image that is what `build` says.
    ///
    /// # Errors
    /// As [`Registry::push`]; [`RegistryError::DigestGiven`] for a digest in `image`.
    pub fn push_built(&self, image: &str, build: &Build) -> Result<Digest, RegistryError> {
        let (name, tag) = self.pushed(image)?;
        self.put(&name, &tag, build)
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

    /// The first `count` tags of a repository that come behind `after`, in that order.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`].
    pub(super) fn tags_behind(
        &self,
        name: &RepositoryName,
        after: Option<&str>,
        count: usize,
    ) -> Result<Vec<String>, RegistryError> {
        let mut state = self.state();
        let name = state.own_name(name);
        let tags = &state.repository(&name)?.tags;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(tags.range::<str, _>((from, Bound::Unbounded)).take(count).map(|(tag, _)| tag.clone()).collect())
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
        Ok(repository.content(&digest).cloned().map(|manifest| (digest, manifest)))
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

    /// The digest of an image as a node finds it, or why it cannot be had.
    pub(super) fn find(&self, image: &ImageRef) -> Result<Digest, Absent> {
        let state = self.state();
        let name = state.own_name(&image.repository);
        let repository = state.repositories.get(&name).ok_or(Absent::Repository)?;
        let said = repository.digest(image).ok_or(Absent::Image)?;
        let content = repository.content(&said).ok_or(Absent::Image)?;
        let actual = said.same_of(&content.data);
        if actual == said || repository.given.contains(&said) {
            return Ok(said);
        }
        Err(Absent::Content { said, actual })
    }

    pub(super) fn put(
        &self,
        name: &RepositoryName,
        tag: &str,
        build: &Build,
    ) -> Result<Digest, RegistryError> {
        let image = generate(name, tag, build);
        let own = Digest::of(&image.manifest.data);
        let digest = build.digest.clone().unwrap_or_else(|| own.clone());
        let mut state = self.state();
        let repository = state.repository(name)?;
        if digest != own {
            if repository.manifests.get(&digest).is_some_and(|known| known.data != image.manifest.data) {
                let (name, digest) = (name.to_string(), digest.to_string());
                return Err(RegistryError::DigestTaken { name, tag: tag.to_owned(), digest });
            }
            repository.given.insert(digest.clone());
        } else {
            repository.given.remove(&digest);
        }
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
            let known = self.repositories.keys().map(RepositoryName::to_string).collect();
            let known = likest(&name.to_string(), known);
            return Err(RegistryError::NoRepository { name: name.to_string(), known });
        }
        Ok(self.repositories.entry(name.clone()).or_default())
    }
}

impl Repository {
    /// The digest that the repository says an image has. A rule can have it say another tag's, or a wrong one.
    pub(super) fn digest(&self, image: &ImageRef) -> Option<Digest> {
        if let Some(digest) = &image.digest {
            return self.content(digest).map(|_| digest.clone());
        }
        let tag = image.tag.as_deref().unwrap_or("latest");
        let found = self.behind(tag)?;
        let wrong = self.rule.as_ref().is_some_and(|ruled| ruled.rule.wrong_digests.contains(tag));
        Some(if wrong { wrong_digest(&found) } else { found })
    }

    /// What is served under a digest.
    fn content(&self, digest: &Digest) -> Option<&Manifest> {
        if let Some(manifest) = self.manifests.get(digest) {
            return Some(manifest);
        }
        let wrong = self.rule.iter().flat_map(|ruled| &ruled.rule.wrong_digests);
        let found = wrong.filter_map(|tag| self.behind(tag)).find(|found| wrong_digest(found) == *digest)?;
        self.manifests.get(&found)
    }

    /// The first tag or digest that a rule names and the repository does not have.
    pub(super) fn unknown<'r>(&self, rule: &'r Rule) -> Option<&'r str> {
        let moved = rule.moved.iter().flat_map(|(tag, to)| [tag, to]);
        moved.chain(&rule.wrong_digests).map(String::as_str).find(|name| match Digest::parse(name) {
            Some(digest) => !self.manifests.contains_key(&digest),
            None => !self.tags.contains_key(*name),
        })
    }

    /// What a tag points at, by the rule where it says so.
    fn behind(&self, tag: &str) -> Option<Digest> {
        let moved = self.rule.as_ref().and_then(|ruled| ruled.rule.moved.get(tag));
        match moved.and_then(|to| Digest::parse(to)) {
            Some(digest) => self.manifests.contains_key(&digest).then_some(digest),
            None => self.tags.get(moved.map_or(tag, String::as_str)).cloned(),
        }
    }
}

/// The digest that a registry says in the place of the right one.
fn wrong_digest(right: &Digest) -> Digest {
    right.same_of(format!("not {right}").as_bytes())
}

/// How many repositories a message names.
const NAMED: usize = 3;

/// The names that are most like the wanted one, and how many others there are.
fn likest(wanted: &str, mut known: Vec<String>) -> String {
    if known.is_empty() {
        return "none".to_owned();
    }
    known.sort_by_cached_key(|name| strsim::damerau_levenshtein(wanted, name));
    let others = known.len().saturating_sub(NAMED);
    known.truncate(NAMED);
    let named = known.join(", ");
    match others {
        0 => named,
        1 => format!("{named} and 1 other"),
        others => format!("{named} and {others} others"),
    }
}
