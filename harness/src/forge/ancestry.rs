//! Who descends from whom. In a shallow repository libgit2's own answers run into the commits that are missing, so that
//! short history is walked here; [`git2::Commit::parent_ids`] ends where it ends.

use git2::{ErrorCode, Oid, Repository};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// The newest commits that `tip` descends from, itself included, newest first.
pub(super) fn newest(git: &Repository, tip: Oid, limit: usize) -> Result<Vec<Oid>, git2::Error> {
    Newest::of(git, tip)?.take(limit).collect()
}

/// Goes through the commits that one descends from, itself included, newest first. No more is read than is asked for.
pub(super) struct Newest<'git> {
    git: &'git Repository,
    known: BTreeSet<Oid>,
    /// Of commits of the same second, which is common in a run, those found first come first.
    waiting: BinaryHeap<(i64, usize, Oid)>,
    rank: usize,
}

impl Newest<'_> {
    pub(super) fn of(git: &Repository, tip: Oid) -> Result<Newest<'_>, git2::Error> {
        let rank = usize::MAX;
        let waiting = BinaryHeap::from([(git.find_commit(tip)?.time().seconds(), rank, tip)]);
        Ok(Newest { git, known: BTreeSet::from([tip]), waiting, rank })
    }

    fn enlist(&mut self, parents: &git2::Commit<'_>) -> Result<(), git2::Error> {
        for parent in parents.parent_ids() {
            if self.known.insert(parent) {
                self.rank -= 1;
                self.waiting.push((self.git.find_commit(parent)?.time().seconds(), self.rank, parent));
            }
        }
        Ok(())
    }
}

impl Iterator for Newest<'_> {
    type Item = Result<Oid, git2::Error>;

    fn next(&mut self) -> Option<Result<Oid, git2::Error>> {
        let (_, _, id) = self.waiting.pop()?;
        let git = self.git;
        Some(git.find_commit(id).and_then(|commit| self.enlist(&commit)).map(|()| id))
    }
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
