//! Reading: files, folders, the log.

use super::{CommitId, CommitInfo, ForgeError, Repo, ancestry, lock, tree};
use git2::{Delta, ErrorCode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeSet;
use std::path::Path;

/// The most commits that are told of one push.
const PUSHED: usize = 2048;

/// What a commit did to files.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) modified: Vec<String>,
}

impl Repo {
    /// The names of all branches, sorted.
    ///
    /// # Errors
    /// [`ForgeError::Git`].
    pub fn branches(&self) -> Result<Vec<String>, ForgeError> {
        self.branch_names(&lock(&self.0.git))
    }

    /// The commit that a branch, a tag or a (possibly abbreviated) commit id stands for.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`].
    pub fn commit_of(&self, revision: &str) -> Result<CommitId, ForgeError> {
        self.resolve(&lock(&self.0.git), revision).map(CommitId)
    }

    /// Who made a commit, when, and why.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`].
    pub fn info(&self, revision: &str) -> Result<CommitInfo, ForgeError> {
        let git = lock(&self.0.git);
        let id = self.resolve(&git, revision)?;
        git.find_commit(id).map(|commit| CommitInfo::of(&commit)).map_err(self.wrap("read a commit"))
    }

    /// The newest commits of a revision, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`].
    pub fn log(&self, revision: &str, limit: usize) -> Result<Vec<CommitInfo>, ForgeError> {
        let git = lock(&self.0.git);
        let id = self.resolve(&git, revision)?;
        log(&git, id, limit).map_err(self.wrap("read the log"))
    }

    /// As [`Repo::log`], of those commits that changed the file or folder at `path` against their first parents. History is read
    /// only as far as it takes.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`], [`ForgeError::BadPath`].
    pub fn log_of(&self, revision: &str, path: &str, limit: usize) -> Result<Vec<CommitInfo>, ForgeError> {
        tree::split(path)?;
        let git = lock(&self.0.git);
        let id = self.resolve(&git, revision)?;
        log_of(&git, id, Path::new(path), limit).map_err(self.wrap("read the log"))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// [`ForgeError::NoFile`], also for a folder and a submodule; [`ForgeError::NoRevision`].
    pub fn read(&self, revision: &str, path: &str) -> Result<Vec<u8>, ForgeError> {
        tree::split(path)?;
        let git = lock(&self.0.git);
        let root = self.root(&git, revision)?;
        let entry = match root.get_path(Path::new(path.strip_prefix("./").unwrap_or(path))) {
            Ok(entry) => Some(entry).filter(|entry| entry.kind() == Some(ObjectType::Blob)),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(self.wrap("read a file")(error)),
        };
        let entry = entry.ok_or_else(|| ForgeError::NoFile {
            repo: self.0.name.clone(),
            path: path.to_owned(),
            revision: revision.to_owned(),
        })?;
        git.find_blob(entry.id()).map(|blob| blob.content().to_vec()).map_err(self.wrap("read a file"))
    }

    /// The paths of all files, sorted as Git sorts them. Names that are not UTF-8 are shown with replacement characters.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`].
    pub fn paths(&self, revision: &str) -> Result<Vec<String>, ForgeError> {
        let git = lock(&self.0.git);
        let mut paths = Vec::new();
        self.root(&git, revision)?
            .walk(TreeWalkMode::PreOrder, |folder, entry| {
                if entry.kind() == Some(ObjectType::Blob) {
                    paths.push(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())));
                }
                TreeWalkResult::Ok
            })
            .map_err(self.wrap("list the files"))?;
        Ok(paths)
    }

    /// The files that a commit changed against its first parent, sorted; all of them for a first commit.
    ///
    /// # Errors
    /// [`ForgeError::NoRevision`].
    pub fn changed_files(&self, revision: &str) -> Result<Vec<String>, ForgeError> {
        let git = lock(&self.0.git);
        let id = self.resolve(&git, revision)?;
        changed(&git, id).map_err(self.wrap("compare a commit with its parent"))
    }

    /// The commits from which `after` has come that `before` has not, newest first, at most [`PUSHED`] of them.
    pub(super) fn since(&self, after: Oid, before: Option<Oid>) -> Vec<CommitInfo> {
        let git = lock(&self.0.git);
        let old: BTreeSet<Oid> = before
            .and_then(|before| ancestry::newest(&git, before, usize::MAX).ok())
            .into_iter()
            .flatten()
            .collect();
        // A tag may be an object of its own; it brings no commits.
        let new = ancestry::newest(&git, after, old.len() + PUSHED).unwrap_or_default();
        let new = new.into_iter().filter(|id| !old.contains(id)).take(PUSHED);
        new.filter_map(|id| git.find_commit(id).ok().map(|commit| CommitInfo::of(&commit))).collect()
    }

    /// Whether `tip` is the commit `id`, or has come from it.
    pub(super) fn contains(&self, tip: Oid, id: Oid) -> bool {
        ancestry::contains(&lock(&self.0.git), tip, id).unwrap_or_default()
    }

    /// What a commit did to files, against its first parent.
    pub(super) fn changes_of(&self, id: CommitId) -> Result<Changes, ForgeError> {
        let wrap = self.wrap("compare a commit with its parent");
        let git = lock(&self.0.git);
        let mut changes = Changes::default();
        for (path, status) in deltas(&git, id.0).map_err(wrap)? {
            match status {
                Delta::Added => changes.added.push(path),
                Delta::Deleted => changes.removed.push(path),
                _ => changes.modified.push(path),
            }
        }
        Ok(changes)
    }

    fn root<'git>(&self, git: &'git Repository, revision: &str) -> Result<git2::Tree<'git>, ForgeError> {
        let id = self.resolve(git, revision)?;
        git.find_commit(id).and_then(|commit| commit.tree()).map_err(self.wrap("read a commit"))
    }
}

fn log(git: &Repository, id: git2::Oid, limit: usize) -> Result<Vec<CommitInfo>, git2::Error> {
    let ids = ancestry::newest(git, id, limit)?;
    ids.into_iter().map(|id| git.find_commit(id).map(|commit| CommitInfo::of(&commit))).collect()
}

fn log_of(git: &Repository, tip: Oid, path: &Path, limit: usize) -> Result<Vec<CommitInfo>, git2::Error> {
    let at = |commit: &git2::Commit<'_>| match commit.tree()?.get_path(path) {
        Ok(entry) => Ok(Some((entry.id(), entry.filemode()))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let mut found = Vec::new();
    for id in ancestry::Newest::of(git, tip)? {
        if found.len() == limit {
            break;
        }
        let commit = git.find_commit(id?)?;
        let before = match commit.parent_ids().next() {
            Some(parent) => at(&git.find_commit(parent)?)?,
            None => None,
        };
        if at(&commit)? != before {
            found.push(CommitInfo::of(&commit));
        }
    }
    Ok(found)
}

fn changed(git: &Repository, id: Oid) -> Result<Vec<String>, git2::Error> {
    Ok(deltas(git, id)?.into_iter().map(|(path, _)| path).collect())
}

/// Paths that a commit changed, sorted, and how.
fn deltas(git: &Repository, id: Oid) -> Result<Vec<(String, Delta)>, git2::Error> {
    let commit = git.find_commit(id)?;
    let before = match commit.parent_ids().next() {
        Some(parent) => Some(git.find_commit(parent)?.tree()?),
        None => None,
    };
    let diff = git.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
    let mut files: Vec<(String, Delta)> = diff
        .deltas()
        .filter_map(|delta| {
            let path = delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes())?;
            Some((String::from_utf8_lossy(path).into_owned(), delta.status()))
        })
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files)
}
