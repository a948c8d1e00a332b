//! Commits made from here, and references moved to them.

use super::git::FetchError;
use super::verify::SigningKey;
use crate::source::GitRemote;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, ObjectType, Oid, Repository, Signature, Time, TreeWalkMode};
use std::collections::BTreeMap;
use std::path::Path;

/// References to move to a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitPush {
    /// The commit, as 40 hex digits; it is in the repository already.
    pub commit: String,
    /// What is to be moved; all or nothing.
    pub updates: Vec<RefUpdate>,
    /// Push options, by key.
    pub options: BTreeMap<String, String>,
}

/// A reference to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name: `refs/heads/main`.
    pub reference: String,
    /// Where it has to be now (none: it does not exist), else the push is [`GitPushError::Moved`].
    pub expected: Option<String>,
    /// Whether commits of it may be lost.
    pub force: bool,
}

/// Why references were not moved. Messages fit after "failed to push to remote: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitPushError {
    /// The server does not let these credentials write, or refuses the push for another reason.
    #[error("{message}")]
    Refused {
        /// In the words that Flux's Git client has for it, such as `unknown error: ERROR: The key you are authenticating with
        /// has been marked as read only.`
        message: String,
    },
    /// A reference is not where it was expected to be, or commits would be lost.
    #[error("non-fast-forward update: {reference}")]
    Moved {
        /// The reference.
        reference: String,
    },
    /// The server does not answer, or the repository cannot be written.
    #[error("{message}")]
    Unavailable {
        /// What is wrong.
        message: String,
    },
}

impl From<git2::Error> for GitPushError {
    fn from(error: git2::Error) -> GitPushError {
        GitPushError::Unavailable { message: error.message().to_owned() }
    }
}

/// Moves references of the repository in the folder `path`. What [`GitHosts::push`](super::GitHosts::push) does once the
/// credentials are accepted; whoever owns the repository tells of the change.
///
/// # Errors
/// [`GitPushError::Moved`], then nothing has changed; [`GitPushError::Unavailable`].
pub fn push_to(path: &Path, push: &GitPush) -> Result<(), GitPushError> {
    let repository = Repository::open(path)?;
    let commit = Oid::from_str(&push.commit)?;
    repository.find_commit(commit)?;
    let mut transaction = repository.transaction()?;
    for update in &push.updates {
        let moved = || GitPushError::Moved { reference: update.reference.clone() };
        transaction.lock_ref(&update.reference).map_err(|error| match error.code() {
            ErrorCode::Locked => moved(),
            _ => error.into(),
        })?;
        let now = match repository.refname_to_id(&update.reference) {
            Ok(id) => Some(id),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        if now.map(|id| id.to_string()) != update.expected {
            return Err(moved());
        }
        if let Some(now) = now
            && !update.force
            && now != commit
            && !repository.graph_descendant_of(commit, now)?
        {
            return Err(moved());
        }
        transaction.set_target(&update.reference, commit, None, "")?;
    }
    transaction.commit()?;
    Ok(())
}

/// A commit to be made.
pub(crate) struct Draft<'a> {
    /// The commit that it changes.
    pub(crate) parent: &'a str,
    /// The new contents of files that the parent has.
    pub(crate) files: &'a BTreeMap<String, Vec<u8>>,
    /// The whole message.
    pub(crate) message: &'a str,
    /// Name and mail address of the author.
    pub(crate) author: (&'a str, &'a str),
    /// Seconds since 1970.
    pub(crate) time: i64,
    /// Signs the commit.
    pub(crate) sign: Option<&'a SigningKey>,
}

/// Writes the commit into the repository, where no reference leads to it yet; gives its id.
pub(crate) fn write(remote: &GitRemote, draft: &Draft<'_>) -> Result<String, FetchError> {
    let repository = Repository::open(&remote.path)?;
    let parent = repository.find_commit(Oid::from_str(draft.parent)?)?;
    let old = parent.tree()?;
    let mut builder = TreeUpdateBuilder::new();
    for (path, content) in draft.files {
        let executable = old.get_path(Path::new(path)).is_ok_and(|entry| entry.filemode() & 0o111 != 0);
        let mode = if executable { FileMode::BlobExecutable } else { FileMode::Blob };
        builder.upsert(path, repository.blob(content)?, mode);
    }
    let tree = repository.find_tree(builder.create_updated(&repository, &old)?)?;
    let (name, email) = draft.author;
    // Git knows no author without a name.
    let name = if name.trim().is_empty() { email } else { name };
    let by = Signature::new(name, email, &Time::new(draft.time, 0))?;
    let id = match draft.sign {
        None => repository.commit(None, &by, &by, draft.message, &tree, &[&parent])?,
        Some(key) => {
            let buffer = repository.commit_create_buffer(&by, &by, draft.message, &tree, &[&parent])?;
            let text = String::from_utf8_lossy(&buffer).into_owned();
            let signature =
                key.sign(text.as_bytes(), draft.time).map_err(|problem| git2::Error::from_str(&problem))?;
            repository.commit_signed(&text, signature.trim_end(), Some("gpgsig"))?
        }
    };
    Ok(id.to_string())
}

/// Where a branch is; none where it does not exist.
pub(crate) fn tip(remote: &GitRemote, branch: &str) -> Result<Option<String>, FetchError> {
    reference(remote, &format!("refs/heads/{branch}"))
}

/// Where a reference is; none where it does not exist.
pub(crate) fn reference(remote: &GitRemote, name: &str) -> Result<Option<String>, FetchError> {
    let repository = Repository::open(&remote.path)?;
    match repository.refname_to_id(name) {
        Ok(id) => Ok(Some(id.to_string())),
        Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether `commit` has the one parent `parent`, and the files that `draft` would have.
pub(crate) fn is_made(remote: &GitRemote, commit: &str, draft: &Draft<'_>) -> Result<bool, FetchError> {
    let repository = Repository::open(&remote.path)?;
    let commit = repository.find_commit(Oid::from_str(commit)?)?;
    if commit.parent_count() != 1 || commit.parent_id(0)?.to_string() != draft.parent {
        return Ok(false);
    }
    let old = repository.find_commit(Oid::from_str(draft.parent)?)?.tree()?;
    let mut builder = TreeUpdateBuilder::new();
    for (path, content) in draft.files {
        let mode = old.get_path(Path::new(path)).map_or(0, |entry| entry.filemode());
        let mode = if mode & 0o111 == 0 { FileMode::Blob } else { FileMode::BlobExecutable };
        builder.upsert(path, repository.blob(content)?, mode);
    }
    Ok(commit.tree_id() == builder.create_updated(&repository, &old)?)
}

/// The YAML files under a folder of a commit, by path. None where the folder does not exist.
pub(crate) fn yaml_files(
    remote: &GitRemote,
    commit: &str,
    folder: &str,
) -> Result<Option<BTreeMap<String, Vec<u8>>>, FetchError> {
    let repository = Repository::open(&remote.path)?;
    let root = repository.find_commit(Oid::from_str(commit)?)?.tree()?;
    let parts: Vec<&str> = folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let folder = parts.join("/");
    let tree = if folder.is_empty() {
        root
    } else {
        match root.get_path(Path::new(&folder)).and_then(|entry| entry.to_object(&repository)) {
            Ok(object) => match object.into_tree() {
                Ok(tree) => tree,
                Err(_) => return Ok(None),
            },
            Err(_) => return Ok(None),
        }
    };
    let mut files = BTreeMap::new();
    let mut wrong = None;
    tree.walk(TreeWalkMode::PreOrder, |above, entry| {
        let name = String::from_utf8_lossy(entry.name_bytes());
        let is_file = entry.kind() == Some(ObjectType::Blob) && entry.filemode() != i32::from(FileMode::Link);
        if is_file && (name.ends_with(".yaml") || name.ends_with(".yml")) {
            match repository.find_blob(entry.id()) {
                Ok(blob) => {
                    let path = super::join(folder.trim_end_matches('/'), &format!("{above}{name}"));
                    files.insert(path, blob.content().to_vec());
                }
                Err(error) => wrong = Some(error),
            }
        }
        git2::TreeWalkResult::Ok
    })?;
    wrong.map_or(Ok(Some(files)), |error| Err(error.into()))
}
