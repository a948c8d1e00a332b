//! From a reference of a Git repository to the tree of its artifact.

use super::host::{GitAccess, GitHosts, GitRemote};
use super::ignore::{IGNORE_FILE, IgnoreRules};
use super::join;
use super::submodules;
use bytes::Bytes;
use git2::{ObjectType, Oid, Repository};
use seatrial_api::source::GitRepositoryRef;
use seatrial_render::{Entry, Tree};
use seatrial_semver::{Constraint, Version};
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
    /// A submodule that cannot be had.
    #[error("unable to clone '{url}': submodule '{path}': {problem}")]
    Submodule {
        /// The repository.
        url: String,
        /// Where the submodule is.
        path: String,
        /// What is wrong.
        problem: String,
    },
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
    /// The tag that was asked for, if one was.
    pub(crate) tag: Option<String>,
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
    let mut tagged = None;
    let (label, commit) = if let Some(commit) = given(&reference.commit) {
        let missing = || FetchError::NoCommit { commit: commit.clone() };
        let found =
            Oid::from_str(&commit).and_then(|oid| repository.find_commit(oid)).map_err(|_| missing())?;
        (given(&reference.branch), found.id())
    } else if let Some(name) = given(&reference.name) {
        let label = name.strip_prefix("refs/heads/").or(name.strip_prefix("refs/tags/")).unwrap_or(&name);
        tagged = name.strip_prefix("refs/tags/").map(str::to_owned);
        (Some(label.to_owned()), named(&name)?)
    } else if let Some(range) = given(&reference.semver) {
        let tag = best_tag(&repository, &range)?;
        let commit = named(&format!("refs/tags/{tag}"))?;
        tagged = Some(tag.clone());
        (Some(tag), commit)
    } else if let Some(tag) = given(&reference.tag) {
        let commit = named(&format!("refs/tags/{tag}"))?;
        tagged = Some(tag.clone());
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
    Ok(Revision { text, commit: commit.to_string(), subject, tag: tagged })
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

/// An object that may be signed.
pub(crate) struct SignedObject {
    /// Its hash.
    pub(crate) id: String,
    /// The signature, or nothing.
    pub(crate) signature: String,
    /// What is signed.
    pub(crate) payload: Vec<u8>,
}

/// A commit, and its signature.
pub(crate) fn commit(remote: &GitRemote, commit: &str) -> Result<SignedObject, FetchError> {
    let repository = open(&remote.path)?;
    let id = Oid::from_str(commit)?;
    let (signature, payload) = match repository.extract_signature(&id, None) {
        Ok((signature, payload)) => (String::from_utf8_lossy(&signature).into_owned(), payload.to_vec()),
        Err(error) if error.code() == git2::ErrorCode::NotFound => (String::new(), Vec::new()),
        Err(error) => return Err(error.into()),
    };
    Ok(SignedObject { id: id.to_string(), signature, payload })
}

/// An annotated tag that leads to `commit`, and its signature; none where the tag is a name alone.
///
/// # Errors
/// Also where the tag has been moved meanwhile.
pub(crate) fn tag(remote: &GitRemote, name: &str, commit: &str) -> Result<Option<SignedObject>, FetchError> {
    let repository = open(&remote.path)?;
    let Some(id) = repository.find_reference(&format!("refs/tags/{name}"))?.target() else { return Ok(None) };
    let database = repository.odb()?;
    let object = database.read(id)?;
    if object.kind() != ObjectType::Tag {
        return Ok(None);
    }
    if repository.find_object(id, None)?.peel_to_commit()?.id().to_string() != commit {
        return Err(git2::Error::from_str(&format!("tag '{name}' has been moved meanwhile")).into());
    }
    let text = object.data();
    // As git does: the last line that begins a signature.
    let begins = |at: &usize| {
        let starts = |head: &&[u8]| text[*at..].starts_with(head);
        (*at == 0 || text[*at - 1] == b'\n') && SIGNATURE_HEADS.iter().any(starts)
    };
    let (payload, signature) = text.split_at((0..text.len()).rev().find(begins).unwrap_or(text.len()));
    let signature = String::from_utf8_lossy(signature).into_owned();
    Ok(Some(SignedObject { id: id.to_string(), signature, payload: payload.to_vec() }))
}

/// How signatures of tags begin.
const SIGNATURE_HEADS: [&[u8]; 4] = [
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

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
        modules_file: Vec::new(),
        modules: None,
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
    let parsed = Constraint::parse(range).map_err(|error| FetchError::Range(error.to_string()))?;
    let mut best: Option<(Version, i64, String)> = None;
    for tag in repository.tag_names(None)?.iter().filter_map(|tag| tag.ok().flatten()) {
        let Some(version) = Version::of_tag(tag).filter(|version| parsed.contains(version)) else { continue };
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
#[derive(Clone, Default)]
pub(crate) struct Content<'a> {
    /// `spec.ignore`.
    pub(crate) ignore: Option<&'a str>,
    /// Folders to check out; all if empty.
    pub(crate) sparse: &'a [String],
    /// Where submodules come from; none where they stay empty.
    pub(crate) submodules: Option<Submodules<'a>>,
}

/// Where the submodules of a repository come from.
#[derive(Clone, Copy)]
pub(crate) struct Submodules<'a> {
    /// Finds them.
    pub(crate) hosts: &'a dyn GitHosts,
    /// The URL of the repository that has them: theirs may be relative to it.
    pub(crate) url: &'a str,
    /// How to get at them: as at the repository.
    pub(crate) access: &'a GitAccess,
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
        modules_file: match content.submodules {
            Some(_) => submodules::listed(&repository, &root)?,
            None => Vec::new(),
        },
        modules: content.submodules.map(|from| Modules { from, depth: 0, at: String::new() }),
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
    /// Path and URL of the submodules.
    modules_file: Vec<(String, String)>,
    modules: Option<Modules<'a>>,
}

/// The submodules of the repository that is walked.
struct Modules<'a> {
    from: Submodules<'a>,
    /// How many repositories are around this one.
    depth: usize,
    /// Where this one is in them.
    at: String,
}

/// Submodules in submodules.
const MAX_DEPTH: usize = 16;
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
                Some(ObjectType::Commit) if self.is_wanted(&path, true) => {
                    self.submodule(&path, entry.id())?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks out a submodule at `path`, of this commit.
    fn submodule(&mut self, path: &str, commit: Oid) -> Result<(), FetchError> {
        let Some(modules) = &self.modules else { return Ok(()) };
        let Modules { from, depth, at } = modules;
        let wrong = |problem: String| FetchError::Submodule {
            url: from.url.to_owned(),
            path: path.to_owned(),
            problem,
        };
        if *depth >= MAX_DEPTH {
            return Err(wrong("submodules are nested too deep".to_owned()));
        }
        let inside = path.strip_prefix(at.as_str()).unwrap_or(path).trim_start_matches('/');
        let url = self.modules_file.iter().find(|(path, _)| path == inside).map(|(_, url)| url.clone());
        let url = url.ok_or_else(|| wrong("no url found in .gitmodules".to_owned()))?;
        let url =
            submodules::absolute(from.url, &url).ok_or_else(|| wrong(format!("'{url}' leads nowhere")))?;
        let remote = from.hosts.open(&url, &from.access.auth).map_err(|error| wrong(error.to_string()))?;
        let repository = open(&remote.path)?;
        let found = repository.find_commit(commit).and_then(|commit| commit.tree());
        let root = found.map_err(|_| wrong(format!("'{url}' has no commit {commit}")))?;
        let inner = Submodules { url: &url, ..*from };
        let mut walk = Walk {
            repository: &repository,
            blobs: self.blobs,
            sparse: self.sparse.clone(),
            rules: std::mem::take(&mut self.rules),
            tree: std::mem::take(&mut self.tree),
            modules_file: submodules::listed(&repository, &root)?,
            modules: Some(Modules { from: inner, depth: depth + 1, at: path.to_owned() }),
        };
        walk.rules_of(&root, path)?;
        walk.folder(&root, path)?;
        (self.rules, self.tree) = (walk.rules, walk.tree);
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
