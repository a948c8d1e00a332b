//! Which two revisions are compared.

use super::PreviewError;
use super::model::Revision;
use crate::forge::{merge_base, uncommitted};
use crate::trial::committed::{default_branch, read_declared};
use crate::trial::repository::Source;
use git2::{Commit, ErrorCode, Oid, Repository};
use std::path::Path;

/// The two sides, and the branch that moves.
pub(super) struct Compared {
    pub(super) base: Side,
    pub(super) head: Side,
    pub(super) notes: Vec<String>,
}

/// One side.
pub(super) struct Side {
    pub(super) commit: Oid,
    pub(super) shown: Revision,
}

impl Side {
    /// Whether it is the working tree.
    pub(super) fn is_working_tree(&self) -> bool {
        self.shown.uncommitted > 0
    }
}

/// Chooses what is compared, and finds out which branch the clusters follow: `source` is told of it.
///
/// - The head is what was asked for; else the working tree, if something in it is not committed; else `HEAD`.
/// - The base is what was asked for; else the commit at which the head left the branch that the clusters follow; where
///   that is the head itself, its parent.
///
/// # Errors
/// [`PreviewError`].
pub(super) fn choose(
    path: &Path,
    (base, head): (Option<&str>, Option<&str>),
    source: &mut Source,
) -> Result<Compared, PreviewError> {
    let wrap = |source| PreviewError::Git { path: path.to_owned(), source };
    let git = Repository::open(path).map_err(wrap)?;
    let mut notes = Vec::new();
    let changed = uncommitted(&git).map_err(wrap)?;
    let files = if changed == 1 { "file" } else { "files" };
    let head = match head {
        Some(revision) => {
            if changed > 0 {
                notes
                    .push(format!("{changed} {files} of the working tree not committed, and not part of it"));
            }
            side(&find(&git, path, revision)?, 0, revision.to_owned())
        }
        None => {
            let commit = git.head().and_then(|head| head.peel_to_commit()).map_err(wrap)?;
            let chosen = if changed > 0 { "the working tree, on HEAD" } else { "HEAD" };
            side(&commit, changed, chosen.to_owned())
        }
    };
    read_declared(&git, head.commit, source).map_err(wrap)?;
    let base = match base {
        Some(revision) => side(&find(&git, path, revision)?, 0, revision.to_owned()),
        None => before(&git, path, &head, &source.branch)?,
    };
    let shared = merge_base(&git, base.commit, head.commit).map_err(wrap)?;
    if shared.is_some_and(|shared| shared != base.commit) {
        notes.push(
            "the base has commits that the head does not have: they count as taken back; without --base, the head is \
             compared with where it branched off"
                .to_owned(),
        );
    }
    Ok(Compared { base, head, notes })
}

fn side(commit: &Commit<'_>, uncommitted: usize, chosen: String) -> Side {
    let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
    let shown = Revision { commit: commit.id().to_string(), subject, uncommitted, chosen };
    Side { commit: commit.id(), shown }
}

fn find<'git>(git: &'git Repository, path: &Path, revision: &str) -> Result<Commit<'git>, PreviewError> {
    git.revparse_single(revision).and_then(|object| object.peel_to_commit()).map_err(|_| {
        PreviewError::NoRevision {
            revision: revision.to_owned(),
            path: path.to_owned(),
            hint: match git.is_shallow() {
                true => " (the clone is shallow: git fetch --unshallow brings the rest)",
                false => "",
            },
        }
    })
}

/// The base that nobody named.
fn before(git: &Repository, path: &Path, head: &Side, branch: &str) -> Result<Side, PreviewError> {
    let wrap = |source| PreviewError::Git { path: path.to_owned(), source };
    let default = default_branch(git);
    for branch in [branch, &default] {
        for name in [format!("origin/{branch}"), branch.to_owned()] {
            let full = if name.starts_with("origin/") { "refs/remotes" } else { "refs/heads" };
            let Ok(tip) = git.refname_to_id(&format!("{full}/{name}")) else { continue };
            let Some(shared) = merge_base(git, tip, head.commit).map_err(wrap)? else { continue };
            if shared != head.commit {
                let commit = git.find_commit(shared).map_err(wrap)?;
                return Ok(side(&commit, 0, format!("where it left {name}")));
            }
            if head.is_working_tree() {
                let commit = git.find_commit(shared).map_err(wrap)?;
                return Ok(side(&commit, 0, "HEAD".to_owned()));
            }
        }
    }
    let commit = git.find_commit(head.commit).map_err(wrap)?;
    if head.is_working_tree() {
        return Ok(side(&commit, 0, "HEAD".to_owned()));
    }
    match commit.parent(0) {
        Ok(parent) => Ok(side(&parent, 0, "the commit before it".to_owned())),
        Err(error) if error.code() == ErrorCode::NotFound => Err(PreviewError::NoBase {
            path: path.to_owned(),
            hint: match git.is_shallow() {
                true => "the clone is shallow: git fetch --deepen=1 brings one commit more".to_owned(),
                false => "it is the first commit; `seatrial try` plays it as it is".to_owned(),
            },
        }),
        Err(error) => Err(wrap(error)),
    }
}
