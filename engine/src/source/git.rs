//! From a reference of a Git repository to the tree of its artifact.

use super::host::GitRemote;
use super::ignore::{IGNORE_FILE, IgnoreRules};
use super::semver::{Range, Version};
use bytes::Bytes;
use git2::{ObjectType, Oid, Repository};
use seatrial_api::source::GitRepositoryRef;
use seatrial_render::{Entry, Tree};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, Once, PoisonError};

/// Why a revision could not be read. Messages fit after "failed to checkout and determine revision: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// A branch, tag or reference that does not exist.
    #[error("unable to clone '{url}': couldn't find remote ref {reference:?}")]
    NoReference {
        /// The repository.
        url: String,
        /// The full name of the reference.
        reference: String,
    },
    /// The repository has no commits.
    #[error("git repository is empty")]
    Empty,
    /// A commit that is not in the repository.
    #[error("unable to resolve commit object for '{commit}': object not found")]
    NoCommit {
        /// The commit.
        commit: String,
    },
    /// `ref.semver` is no range.
    #[error("semver parse error: {0}")]
    Range(
        /// What is wrong.
        String,
    ),
    /// No tag is in the range.
    #[error("no match found for semver: {0}")]
    NoMatch(
        /// The range.
        String,
    ),
    /// The repository cannot be read.
    #[error("unable to read the repository: {0}")]
    Git(
        /// What libgit2 says.
        String,
    ),
}

impl From<git2::Error> for FetchError {
    fn from(error: git2::Error) -> Self {
        FetchError::Git(error.message().to_owned())
    }
}

/// A commit, and the name under which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    /// `main@sha1:<hex>`, or `sha1:<hex>` for a commit without a reference.
    pub(crate) text: String,
    /// The commit's hash.
    pub(crate) commit: String,
    /// First line of the commit's message.
    pub(crate) subject: String,
}

/// Finds the commit of `reference`. Precedence: commit, name, semver, tag, branch; the branch `master` by default.
pub(crate) fn resolve(
    remote: &GitRemote,
    url: &str,
    reference: &GitRepositoryRef,
) -> Result<Revision, FetchError> {
    let repository = open(&remote.path)?;
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let named = |full: &str| peel(&repository, url, full);
    let (label, commit) = if let Some(commit) = given(&reference.commit) {
        let missing = || FetchError::NoCommit { commit: commit.clone() };
        let found =
            Oid::from_str(&commit).and_then(|oid| repository.find_commit(oid)).map_err(|_| missing())?;
        (given(&reference.branch), found.id())
    } else if let Some(name) = given(&reference.name) {
        let label = name.strip_prefix("refs/heads/").or(name.strip_prefix("refs/tags/")).unwrap_or(&name);
        (Some(label.to_owned()), named(&name)?)
    } else if let Some(range) = given(&reference.semver) {
        let tag = best_tag(&repository, &range)?;
        let commit = named(&format!("refs/tags/{tag}"))?;
        (Some(tag), commit)
    } else if let Some(tag) = given(&reference.tag) {
        let commit = named(&format!("refs/tags/{tag}"))?;
        (Some(tag), commit)
    } else {
        let branch = given(&reference.branch).unwrap_or_else(|| "master".to_owned());
        let commit = named(&format!("refs/heads/{branch}"))?;
        (Some(branch), commit)
    };
    let found = repository.find_commit(commit)?;
    let text = match label {
        Some(label) => format!("{label}@sha1:{commit}"),
        None => format!("sha1:{commit}"),
    };
    let subject = found.summary().ok().flatten().unwrap_or_default().to_owned();
    Ok(Revision { text, commit: commit.to_string(), subject })
}

/// The commit that `git fetch URL REFERENCE` brings: of a tag, a branch, a full reference, or a whole commit id; without a
/// reference the one that HEAD is at.
pub(crate) fn named(path: &Path, url: &str, reference: Option<&str>) -> Result<String, FetchError> {
    let repository = open(path)?;
    let Some(name) = reference else { return Ok(peel(&repository, url, "HEAD")?.to_string()) };
    let by_id = || {
        let id = Oid::from_str(name).ok().filter(|_| name.len() == 40)?;
        repository.find_commit(id).ok()
    };
    let found = repository.resolve_reference_from_short_name(name).and_then(|found| found.peel_to_commit());
    let found = found.ok().or_else(by_id);
    let missing = || FetchError::NoReference { url: url.to_owned(), reference: name.to_owned() };
    found.map(|commit| commit.id().to_string()).ok_or_else(missing)
}

/// All files of a commit, whatever ignore files say.
pub(crate) fn whole_tree(path: &Path, commit: &str, blobs: &Blobs) -> Result<Tree, FetchError> {
    let repository = open(path)?;
    let root = repository.find_commit(Oid::from_str(commit)?)?.tree()?;
    let mut walk = Walk {
        repository: &repository,
        blobs,
        sparse: Vec::new(),
        tree: Tree::new(),
        rules: IgnoreRules::default(),
    };
    walk.folder(&root, "")?;
    Ok(walk.tree)
}

/// All files of the commit that `git fetch URL REFERENCE` brings, from a repository on disk (its `.git` folder, where it is not
/// bare). The URL is for messages.
///
/// # Errors
/// [`FetchError`].
pub fn read_commit(path: &Path, url: &str, reference: Option<&str>) -> Result<Tree, FetchError> {
    let commit = named(path, url, reference)?;
    whole_tree(path, &commit, &Blobs::default())
}

fn peel(repository: &Repository, url: &str, reference: &str) -> Result<Oid, FetchError> {
    let missing = || {
        let empty = repository.references().is_ok_and(|mut references| references.next().is_none());
        if empty {
            FetchError::Empty
        } else {
            FetchError::NoReference { url: url.to_owned(), reference: reference.to_owned() }
        }
    };
    let found = repository.find_reference(reference).map_err(|_| missing())?;
    Ok(found.peel_to_commit().map_err(|_| missing())?.id())
}

/// The tag with the highest version in `range`; of tags with the same version, the one whose commit is younger.
fn best_tag(repository: &Repository, range: &str) -> Result<String, FetchError> {
    let parsed = Range::parse(range).map_err(|error| FetchError::Range(error.to_string()))?;
    let mut best: Option<(Version, i64, String)> = None;
    for tag in repository.tag_names(None)?.iter().filter_map(|tag| tag.ok().flatten()) {
        let Some(version) = Version::parse(tag).filter(|version| parsed.contains(version)) else { continue };
        let time = repository
            .find_reference(&format!("refs/tags/{tag}"))
            .and_then(|reference| reference.peel_to_commit())
            .map_or(0, |commit| commit.time().seconds());
        let better = best.as_ref().is_none_or(|(v, t, _)| (&version, time) > (v, *t));
        if better {
            best = Some((version, time, tag.to_owned()));
        }
    }
    best.map(|(_, _, tag)| tag).ok_or_else(|| FetchError::NoMatch(range.to_owned()))
}

/// What of a commit goes into the artifact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content<'a> {
    /// `spec.ignore`.
    pub(crate) ignore: Option<&'a str>,
    /// Folders to check out; all if empty.
    pub(crate) sparse: &'a [String],
}

/// The files of a commit, without what the rules leave out.
pub(crate) fn tree(
    remote: &GitRemote,
    commit: &str,
    content: &Content<'_>,
    blobs: &Blobs,
) -> Result<Tree, FetchError> {
    let repository = open(&remote.path)?;
    let root = repository.find_commit(Oid::from_str(commit)?)?.tree()?;
    let sparse: Vec<String> = content
        .sparse
        .iter()
        .map(|folder| folder.trim_start_matches("./").trim_matches('/').to_owned())
        .filter(|folder| !folder.is_empty() && folder != ".")
        .collect();
    let mut walk = Walk {
        repository: &repository,
        blobs,
        sparse,
        tree: Tree::new(),
        rules: IgnoreRules::new(content.ignore),
    };
    walk.rules_of(&root, "")?;
    walk.folder(&root, "")?;
    Ok(walk.tree)
}

/// The contents of files by their hash: most of them are in many commits.
#[derive(Debug, Default)]
pub(crate) struct Blobs(Mutex<BTreeMap<Oid, Bytes>>);

impl Blobs {
    fn content(&self, repository: &Repository, id: Oid) -> Result<Bytes, git2::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = known.get(&id) {
            return Ok(content.clone());
        }
        let content = Bytes::copy_from_slice(repository.find_blob(id)?.content());
        known.insert(id, content.clone());
        Ok(content)
    }
}

fn open(path: &Path) -> Result<Repository, git2::Error> {
    static TRUSTED: Once = Once::new();
    // Objects are compressed with a check sum of their own: their hashes need not be computed anew at each reading.
    TRUSTED.call_once(|| git2::opts::strict_hash_verification(false));
    Repository::open_bare(path)
}

struct Walk<'a> {
    repository: &'a Repository,
    blobs: &'a Blobs,
    sparse: Vec<String>,
    rules: IgnoreRules,
    tree: Tree,
}

const LINK: i32 = 0o120_000;

impl Walk<'_> {
    /// Rules of deeper folders come later, and win.
    fn rules_of(&mut self, folder: &git2::Tree<'_>, path: &str) -> Result<(), FetchError> {
        if let Some(entry) =
            folder.get_name(IGNORE_FILE).filter(|entry| entry.kind() == Some(ObjectType::Blob))
        {
            let blob = self.repository.find_blob(entry.id())?;
            self.rules.add(path, &String::from_utf8_lossy(blob.content()));
        }
        let mut folders: BTreeMap<String, Oid> = BTreeMap::new();
        for entry in folder.iter().filter(|entry| entry.kind() == Some(ObjectType::Tree)) {
            folders.insert(join(path, &String::from_utf8_lossy(entry.name_bytes())), entry.id());
        }
        for (path, id) in folders {
            self.rules_of(&self.repository.find_tree(id)?, &path)?;
        }
        Ok(())
    }

    fn folder(&mut self, folder: &git2::Tree<'_>, path: &str) -> Result<(), FetchError> {
        for entry in folder.iter() {
            let path = join(path, &String::from_utf8_lossy(entry.name_bytes()));
            match entry.kind() {
                Some(ObjectType::Tree) if self.is_wanted(&path, true) => {
                    self.folder(&self.repository.find_tree(entry.id())?, &path)?;
                }
                Some(ObjectType::Blob) if self.is_wanted(&path, false) => {
                    let content = self.blobs.content(self.repository, entry.id())?;
                    let entry = if entry.filemode() == LINK {
                        Entry::Link(String::from_utf8_lossy(&content).into_owned())
                    } else {
                        Entry::File(content)
                    };
                    self.tree.insert(&path, entry);
                }
                // A submodule is an empty folder until somebody checks it out.
                _ => {}
            }
        }
        Ok(())
    }

    fn is_wanted(&self, path: &str, is_folder: bool) -> bool {
        let within = |folder: &str, path: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let checked_out = self.sparse.is_empty()
            || (!is_folder && !path.contains('/'))
            || self.sparse.iter().any(|folder| within(folder, path) || (is_folder && within(path, folder)));
        checked_out && !self.rules.excludes(path, is_folder)
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
