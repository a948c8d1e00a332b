//! Which two revisions are compared.

use super::PreviewError;
use super::model::Revision;
use crate::forge::{merge_base, uncommitted};
use crate::trial::repository::Source;
use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;
use std::path::Path;

/// The names of default branches, where nothing says which it is.
const USUAL: [&str; 2] = ["main", "master"];

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
    if source.branch.is_empty() {
        source.branch = default_branch(&git);
    }
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

/// The branch that a repository says is its default; else one of the usual names; else what is checked out.
fn default_branch(git: &Repository) -> String {
    let remote = git.find_reference("refs/remotes/origin/HEAD").ok();
    let remote = remote.as_ref().and_then(|head| head.symbolic_target().ok().flatten());
    if let Some(branch) = remote.and_then(|target| target.strip_prefix("refs/remotes/origin/")) {
        return branch.to_owned();
    }
    let exists = |branch: &&str| {
        ["refs/heads", "refs/remotes/origin"]
            .iter()
            .any(|folder| git.refname_to_id(&format!("{folder}/{branch}")).is_ok())
    };
    if let Some(branch) = USUAL.into_iter().find(|branch| exists(branch)) {
        return branch.to_owned();
    }
    let head = git.head().ok().filter(git2::Reference::is_branch);
    let head = head.as_ref().and_then(|head| head.shorthand().ok());
    head.unwrap_or(USUAL[0]).to_owned()
}

/// Reads from the files under `clusters/` which URLs lead to the repository, and which branch is followed.
fn read_declared(git: &Repository, commit: Oid, source: &mut Source) -> Result<(), git2::Error> {
    let tree = git.find_commit(commit)?.tree()?;
    let mut clusters: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    let mut found = Vec::new();
    if let Ok(entry) = tree.get_path(Path::new("clusters"))
        && entry.kind() == Some(ObjectType::Tree)
    {
        git.find_tree(entry.id())?.walk(TreeWalkMode::PreOrder, |folder, entry| {
            let name = entry.name_bytes();
            let yaml = name.ends_with(b".yaml") || name.ends_with(b".yml");
            if yaml && entry.kind() == Some(ObjectType::Blob) {
                let cluster = folder.split('/').next().unwrap_or_default().to_owned();
                // Definitions of kinds are long, and declare no sources.
                if name != b"gotk-components.yaml" {
                    found.push((cluster, entry.id()));
                }
            }
            TreeWalkResult::Ok
        })?;
    }
    for (cluster, id) in found {
        clusters.entry(cluster).or_default().push(git.find_blob(id)?.content().to_vec());
    }
    let is_dir =
        |path: &str| tree.get_path(Path::new(path)).is_ok_and(|entry| entry.kind() == Some(ObjectType::Tree));
    let clusters: Vec<Vec<Vec<u8>>> = clusters.into_values().collect();
    source.branch.clear();
    source.read_declared_in(&clusters, is_dir);
    Ok(())
}
