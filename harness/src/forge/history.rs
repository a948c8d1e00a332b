//! Reading: files, folders, the log.

use super::{CommitId, CommitInfo, ForgeError, Repo, ancestry, lock, tree};
use git2::{ErrorCode, ObjectType, Repository, TreeWalkMode, TreeWalkResult};
use std::path::Path;

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

    fn root<'git>(&self, git: &'git Repository, revision: &str) -> Result<git2::Tree<'git>, ForgeError> {
        let id = self.resolve(git, revision)?;
        git.find_commit(id).and_then(|commit| commit.tree()).map_err(self.wrap("read a commit"))
    }
}

fn log(git: &Repository, id: git2::Oid, limit: usize) -> Result<Vec<CommitInfo>, git2::Error> {
    let ids = ancestry::newest(git, id, limit)?;
    ids.into_iter().map(|id| git.find_commit(id).map(|commit| CommitInfo::of(&commit))).collect()
}

fn changed(git: &Repository, id: git2::Oid) -> Result<Vec<String>, git2::Error> {
    let commit = git.find_commit(id)?;
    let before = match commit.parent_ids().next() {
        Some(parent) => Some(git.find_commit(parent)?.tree()?),
        None => None,
    };
    let diff = git.diff_tree_to_tree(before.as_ref(), Some(&commit.tree()?), None)?;
    let mut files: Vec<String> = diff
        .deltas()
        .filter_map(|delta| delta.new_file().path_bytes().or_else(|| delta.old_file().path_bytes()))
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    files.sort();
    Ok(files)
}
