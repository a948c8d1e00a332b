//! Who descends from whom. In a shallow repository libgit2's own answers run into the commits that are missing, so that
//! short history is walked here; [`git2::Commit::parent_ids`] ends where it ends.

use git2::{ErrorCode, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// The newest commits that `tip` descends from, itself included, newest first.
pub(super) fn newest(git: &Repository, tip: Oid, limit: usize) -> Result<Vec<Oid>, git2::Error> {
    let mut known = BTreeSet::from([tip]);
    let mut rank = usize::MAX;
    // Of commits of the same second, which is common in a run, those found first come first.
    let mut waiting = BinaryHeap::from([(git.find_commit(tip)?.time().seconds(), rank, tip)]);
    let mut found = Vec::new();
    while found.len() < limit
        && let Some((_, _, id)) = waiting.pop()
    {
        found.push(id);
        for parent in git.find_commit(id)?.parent_ids() {
            if known.insert(parent) {
                rank -= 1;
                waiting.push((git.find_commit(parent)?.time().seconds(), rank, parent));
            }
        }
    }
    Ok(found)
}

/// The commit from which both have moved on; `None` where they share no history.
pub(crate) fn merge_base(git: &Repository, a: Oid, b: Oid) -> Result<Option<Oid>, git2::Error> {
    if !git.is_shallow() {
        return match git.merge_base(a, b) {
            Ok(base) => Ok(Some(base)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        };
    }
    let mine: BTreeSet<Oid> = newest(git, a, usize::MAX)?.into_iter().collect();
    let shared: Vec<Oid> = newest(git, b, usize::MAX)?.into_iter().filter(|id| mine.contains(id)).collect();
    let mut children: BTreeMap<Oid, usize> = BTreeMap::new();
    for id in &shared {
        for parent in git.find_commit(*id)?.parent_ids() {
            *children.entry(parent).or_default() += 1;
        }
    }
    Ok(shared.into_iter().find(|id| !children.contains_key(id)))
}

/// Whether `tip` is `id` or descends from it.
pub(super) fn contains(git: &Repository, tip: Oid, id: Oid) -> Result<bool, git2::Error> {
    Ok(merge_base(git, tip, id)? == Some(id))
}
