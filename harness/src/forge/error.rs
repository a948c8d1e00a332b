//! What can go wrong with the run's repositories.

use super::CommitId;
use std::path::PathBuf;

/// An operation on the forge failed. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeError {
    /// No repository of the run has this name.
    #[error("find the repository {name:?}: the run has {}", names(.known))]
    NoRepository {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A repository of this name was created before.
    #[error("create the repository {name:?}: the run has one of that name")]
    RepositoryExists {
        /// The name.
        name: String,
    },
    /// The name of a repository is not usable as a folder name.
    #[error("create the repository {name:?}: a name is made of letters, digits, '.', '_' and '-'")]
    BadRepositoryName {
        /// The name.
        name: String,
    },
    /// Two repositories claim the same URL.
    #[error("serve {url}: it is already mapped to the repository {by:?}")]
    UrlTaken {
        /// The URL.
        url: String,
        /// The repository that has it.
        by: String,
    },
    /// Not the URL of a Git repository.
    #[error("read the Git URL {url:?}: {problem}")]
    BadUrl {
        /// The text.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No repository of the run is mapped to this URL.
    #[error("serve {url}: no repository of the run is mapped to it; mapped are {}", names(.known))]
    Unserved {
        /// The URL.
        url: String,
        /// The URLs that are mapped.
        known: Vec<String>,
    },
    /// The branch does not exist.
    #[error("find the branch {branch:?} in the repository {repo:?}: it has {}", names(.known))]
    NoBranch {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The branches that exist.
        known: Vec<String>,
    },
    /// The branch exists already.
    #[error("create the branch {branch:?} in the repository {repo:?}: it exists")]
    BranchExists {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
    },
    /// A branch or tag name that Git does not allow.
    #[error("use {name:?} as the name of a branch: Git does not allow it")]
    BadBranchName {
        /// The name.
        name: String,
    },
    /// Neither a branch, a tag nor a commit.
    #[error("find {revision:?} in the repository {repo:?}: it is no branch, tag or commit there")]
    NoRevision {
        /// The repository.
        repo: String,
        /// What was asked for.
        revision: String,
    },
    /// No such file at that revision.
    #[error("read {path} in the repository {repo:?} at {revision}: no such file")]
    NoFile {
        /// The repository.
        repo: String,
        /// The path.
        path: String,
        /// The branch, tag or commit.
        revision: String,
    },
    /// A path that no commit can contain.
    #[error("use the path {path:?} in a repository: {problem}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Removes a path that is not there.
    #[error("remove {path}: no such file or folder")]
    NothingToRemove {
        /// The path.
        path: String,
    },
    /// Writes to a path where something else than a file stands.
    #[error("write {path}: {what} stands in the way")]
    InTheWay {
        /// The path.
        path: String,
        /// What is there.
        what: &'static str,
    },
    /// The key does not sign.
    #[error("sign a commit: {problem}")]
    Signature {
        /// What is wrong.
        problem: String,
    },
    /// The commit would change nothing.
    #[error("commit to {branch:?} in the repository {repo:?}: nothing would change")]
    NothingToCommit {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
    },
    /// A merge that cannot be done by itself.
    #[error("merge {from:?} into {into:?} in the repository {repo:?}: conflicts in {}", names(.files))]
    MergeConflict {
        /// The repository.
        repo: String,
        /// The branch that was to take the changes.
        into: String,
        /// Where they were to come from.
        from: String,
        /// The files that both sides changed, sorted.
        files: Vec<String>,
    },
    /// Pushes from outside moved the branch every time that a commit was ready for it.
    #[error("move {branch:?} in the repository {repo:?}: pushes keep moving it")]
    Overtaken {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
    },
    /// The branches have moved apart and only a fast-forward was allowed.
    #[error("fast-forward {into:?} to {from:?} in the repository {repo:?}: {into:?} has commits of its own")]
    NotFastForward {
        /// The repository.
        repo: String,
        /// The branch that was to take the changes.
        into: String,
        /// Where they were to come from.
        from: String,
    },
    /// The branches share no commit.
    #[error("merge {from:?} into {into:?} in the repository {repo:?}: their histories are unrelated")]
    Unrelated {
        /// The repository.
        repo: String,
        /// The branch that was to take the changes.
        into: String,
        /// Where they were to come from.
        from: String,
    },
    /// Later commits changed what the revert would take back.
    #[error("revert {} on {branch:?} in the repository {repo:?}: conflicts in {}", .commit.short(), names(.files))]
    RevertConflict {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The commit that was to be taken back.
        commit: CommitId,
        /// The files, sorted.
        files: Vec<String>,
    },
    /// The commit to be taken back is not part of the branch.
    #[error("revert {} on {branch:?} in the repository {repo:?}: the branch does not contain it", .commit.short())]
    NotOnBranch {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The commit.
        commit: CommitId,
    },
    /// A folder or repository that was to be the seed does not exist.
    #[error("seed a repository from {}: no such folder", .path.display())]
    NoSeed {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file that Git cannot store.
    #[error("seed a repository from {}: it is neither a file, a folder nor a symbolic link", .path.display())]
    SpecialFile {
        /// The file.
        path: PathBuf,
    },
    /// A repository that was to be the seed cannot be opened.
    #[error("open the Git repository {}", .path.display())]
    Open {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: git2::Error,
    },
    /// Reading or writing a file failed.
    #[error("{action} {}", .path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Git itself failed.
    #[error("{action} in the repository {repo:?}")]
    Git {
        /// What was tried.
        action: &'static str,
        /// The repository.
        repo: String,
        /// Why it failed.
        #[source]
        source: git2::Error,
    },
}

/// A list for a message: `none`, `"a"`, `"a", "b"`.
fn names(list: &[String]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    list.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ")
}
