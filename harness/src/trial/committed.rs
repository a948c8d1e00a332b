//! What a commit says of the branch that its clusters follow.

use super::repository::Source;
use git2::{ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;
use std::path::Path;

/// The names of default branches, where nothing says which it is.
const USUAL: [&str; 2] = ["main", "master"];

/// The branch that a repository says is its default; else one of the usual names; else what is checked out.
pub(crate) fn default_branch(git: &Repository) -> String {
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

/// Reads from the files under `clusters/` of a commit which URLs lead to the repository, and which branch is followed; where
/// they do not say one, it is the default branch.
///
/// # Errors
/// Where the commit cannot be read.
pub(crate) fn read_declared(git: &Repository, commit: Oid, source: &mut Source) -> Result<(), git2::Error> {
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
    if source.branch.is_empty() {
        source.branch = default_branch(git);
    }
    Ok(())
}
