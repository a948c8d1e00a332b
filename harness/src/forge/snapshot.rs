//! States of a repository's files that are no commit of the run yet: those of another commit, those of a working tree.

use super::tree::{Dir, EXECUTABLE, FILE, LINK};
use super::{Author, CommitId, Edit, ForgeError, Repo, lock};
use git2::{DiffOptions, ErrorCode, Index, IndexEntry, IndexTime, ObjectType, Oid, Repository};
use git2::{TreeWalkMode, TreeWalkResult};
use std::fs;
use std::path::Path;

/// Where files come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Files<'a> {
    /// A commit that the repository has.
    Commit(Oid),
    /// The working tree of a repository: what is checked out, with everything in it that is not committed and not
    /// ignored.
    WorkingTree(&'a Path),
}

/// The files of a repository at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(Oid);

impl Repo {
    /// Takes a snapshot. The repository that a working tree belongs to is only read.
    ///
    /// # Errors
    /// [`ForgeError::Git`], [`ForgeError::Io`].
    pub(crate) fn snapshot(&self, files: Files<'_>) -> Result<Snapshot, ForgeError> {
        let git = lock(&self.0.git);
        let wrap = self.wrap("read the files of a revision");
        let tree = match files {
            Files::Commit(id) => git.find_commit(id).map_err(&wrap)?.tree_id(),
            Files::WorkingTree(path) => working_tree(&git, path, &wrap)?,
        };
        Ok(Snapshot(tree))
    }

    /// The paths of all files of a snapshot, sorted as Git sorts them.
    ///
    /// # Errors
    /// [`ForgeError::Git`].
    pub(crate) fn snapshot_paths(&self, snapshot: Snapshot) -> Result<Vec<String>, ForgeError> {
        let git = lock(&self.0.git);
        let mut paths = Vec::new();
        let walk = |tree: git2::Tree<'_>| {
            tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
                if entry.kind() == Some(ObjectType::Blob) {
                    paths.push(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())));
                }
                TreeWalkResult::Ok
            })
        };
        git.find_tree(snapshot.0).and_then(walk).map_err(self.wrap("list the files"))?;
        Ok(paths)
    }

    /// The content of a file of a snapshot; `None` where there is no such file.
    ///
    /// # Errors
    /// [`ForgeError::Git`].
    pub(crate) fn snapshot_file(&self, at: Snapshot, path: &str) -> Result<Option<Vec<u8>>, ForgeError> {
        let git = lock(&self.0.git);
        file(&git, at.0, path).map_err(self.wrap("read a file"))
    }

    /// Makes a commit with the files of a snapshot; those of `keep` stay as the branch has them.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`], [`ForgeError::Git`], and [`ForgeError::InTheWay`] where the snapshot has a folder in
    /// the place of a file of `keep`.
    pub(crate) fn commit_snapshot(
        &self,
        branch: &str,
        snapshot: Snapshot,
        keep: &[String],
        message: &str,
    ) -> Result<CommitId, ForgeError> {
        self.on_tip(|git| {
            let wrap = self.wrap("write the files of a commit");
            let tip = self.tip(git, branch)?;
            let before = git.find_commit(tip).map_err(&wrap)?.tree_id();
            let mut root = Dir::load(git, snapshot.0).map_err(&wrap)?;
            for path in keep {
                if let Some(data) = file(git, before, path).map_err(&wrap)? {
                    root.apply(git, &Edit::Write { path: path.clone(), data }, &wrap)?;
                }
            }
            let tree = root.store_root(git).map_err(&wrap)?;
            let id = self.write_commit(git, tree, &[tip], message, &Author::default())?;
            self.advance(git, branch, Some(tip), id)?;
            Ok(CommitId(id))
        })
    }
}

/// How many files of a repository's working tree are not as they are committed; none where it has no working tree.
///
/// # Errors
/// What Git says.
pub(crate) fn uncommitted(git: &Repository) -> Result<usize, git2::Error> {
    if git.is_bare() {
        return Ok(0);
    }
    let head = git.head()?.peel_to_tree()?;
    Ok(git.diff_tree_to_workdir_with_index(Some(&head), Some(&mut all_changes()))?.deltas().len())
}

fn all_changes() -> DiffOptions {
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true);
    options.ignore_submodules(true);
    options
}

fn file(git: &Repository, tree: Oid, path: &str) -> Result<Option<Vec<u8>>, git2::Error> {
    let entry = match git.find_tree(tree)?.get_path(Path::new(path)) {
        Ok(entry) if entry.kind() == Some(ObjectType::Blob) => entry,
        Ok(_) => return Ok(None),
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(git.find_blob(entry.id())?.content().to_vec()))
}

/// Stores the working tree of the repository at `path` in `target`, which sees the objects of that repository.
fn working_tree(
    target: &Repository,
    path: &Path,
    wrap: &dyn Fn(git2::Error) -> ForgeError,
) -> Result<Oid, ForgeError> {
    let git = Repository::open(path).map_err(wrap)?;
    let head = git.head().and_then(|head| head.peel_to_tree()).map_err(wrap)?;
    let folder = git.workdir().unwrap_or(path);
    let mut index = Index::new().map_err(wrap)?;
    target.find_tree(head.id()).and_then(|tree| index.read_tree(&tree)).map_err(wrap)?;
    let diff = git.diff_tree_to_workdir_with_index(Some(&head), Some(&mut all_changes())).map_err(wrap)?;
    let mut found = Vec::new();
    for delta in diff.deltas() {
        let Some(path) = delta.new_file().path().or_else(|| delta.old_file().path()) else { continue };
        let whole = folder.join(path);
        let read = |source| ForgeError::Io { action: "read", path: whole.clone(), source };
        let Ok(kind) = fs::symlink_metadata(&whole) else {
            index.remove_path(path).map_err(wrap)?;
            continue;
        };
        let (data, mode) = if kind.is_symlink() {
            let link = fs::read_link(&whole).map_err(read)?;
            (link.into_os_string().into_encoded_bytes(), LINK)
        } else if kind.is_file() {
            let mode = if executable(&kind) { EXECUTABLE } else { FILE };
            (fs::read(&whole).map_err(read)?, mode)
        } else {
            // A repository inside this one.
            continue;
        };
        let id = target.blob(&data).map_err(wrap)?;
        found.push(entry(path.as_os_str().as_encoded_bytes(), id, mode));
    }
    // Last: where a file has become a folder, the file must be gone.
    for entry in &found {
        index.add(entry).map_err(wrap)?;
    }
    index.write_tree_to(target).map_err(wrap)
}

fn entry(path: &[u8], id: Oid, mode: i32) -> IndexEntry {
    let time = IndexTime::new(0, 0);
    IndexEntry {
        ctime: time,
        mtime: time,
        dev: 0,
        ino: 0,
        mode: mode.unsigned_abs(),
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}

#[cfg(unix)]
fn executable(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_file: &fs::Metadata) -> bool {
    false
}
