//! What directories amounted to in earlier builds.
//!
//! A renderer remembers, for the trees that it has built last, the objects of each directory that a kustomization named, and
//! what was looked at on the way. In a tree that differs in a few files, the directories that have not looked at these are what
//! they were.
//!
//! Trees with links or with a [`crate::FileSource`] are not remembered: what they say about a path can change elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::accumulate::{Accumulator, MAX_DEPTH};
use crate::cache::lock;
use crate::{LoadRestrictor, Tree, path};

/// Trees that are remembered.
const MAX_TREES: usize = 4;
/// A tree with more changes than this is another one.
const MAX_CHANGES: usize = 1024;

/// What was looked at for a directory.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Paths, and whether nothing was there.
    paths: Vec<(String, bool)>,
    /// The directories of kustomizations that were entered.
    entered: Vec<String>,
    /// The same of directories that were gathered on the way.
    inner: Vec<Arc<Reads>>,
    /// Something else was looked at, too: the network, for one.
    more: bool,
    /// At most this many kustomizations lead from one to the next here.
    height: usize,
}

impl Reads {
    /// Whether no change concerns what was looked at.
    fn are_untouched(&self, changed: &BTreeSet<String>) -> bool {
        let untouched = |(path, nothing): &(String, bool)| {
            !(changed.contains(path) || *nothing && has_below(changed, path))
        };
        self.paths.iter().all(untouched) && self.inner.iter().all(|inner| inner.are_untouched(changed))
    }

    /// Whether a directory was entered that contains one of these: reached from there, it would be a cycle.
    fn lead_around(&self, visited: &[&String]) -> bool {
        self.entered.iter().any(|dir| visited.iter().any(|visited| path::is_within(visited, dir)))
            || self.inner.iter().any(|inner| inner.lead_around(visited))
    }
}

fn has_below(changed: &BTreeSet<String>, dir: &str) -> bool {
    let prefix = [dir, "/"].concat();
    let mut rest = changed.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
    rest.next().is_some_and(|first| first.starts_with(&prefix))
}

/// Notes what is looked at.
#[derive(Debug, Default)]
pub(crate) struct Trace(Mutex<Reads>);

impl Trace {
    fn reads(&self) -> MutexGuard<'_, Reads> {
        lock(&self.0)
    }

    pub(crate) fn file_or_dir(&self, path: &str) {
        self.reads().paths.push((path.to_owned(), false));
    }

    pub(crate) fn nothing(&self, path: &str) {
        match path::clean(path) {
            Some(path) => self.reads().paths.push((path, true)),
            None => self.more(),
        }
    }

    pub(crate) fn entered(&self, dir: &str) {
        self.reads().entered.push(dir.to_owned());
    }

    pub(crate) fn inner(&self, reads: Arc<Reads>) {
        self.reads().inner.push(reads);
    }

    /// What is gathered here must not be remembered.
    pub(crate) fn more(&self) {
        self.reads().more = true;
    }

    /// All that was looked at; `None` where that is not all.
    pub(crate) fn take(&self) -> Option<Arc<Reads>> {
        let mut reads = std::mem::take(&mut *self.reads());
        reads.height = reads.entered.len() + reads.inner.iter().map(|inner| inner.height).max().unwrap_or(0);
        (!reads.more).then(|| Arc::new(reads))
    }
}

/// What a directory amounts to.
pub(crate) struct Directory {
    pub(crate) content: Accumulator,
    pub(crate) warnings: Vec<String>,
    pub(crate) reads: Arc<Reads>,
}

/// Directories by path, and by which files they may read.
type Known = BTreeMap<(String, bool), Arc<Directory>>;

/// The directories of one tree.
pub(crate) struct OfTree {
    tree: Tree,
    known: Mutex<Known>,
}

impl OfTree {
    /// What a directory amounts to, if it is known and may be reached from these kustomizations.
    pub(crate) fn get(
        &self,
        dir: &str,
        options: LoadRestrictor,
        visited: &[&String],
    ) -> Option<Arc<Directory>> {
        let key = (dir.to_owned(), options == LoadRestrictor::None);
        let found = lock(&self.known).get(&key)?.clone();
        let fits = visited.len() + found.reads.height <= MAX_DEPTH;
        (fits && !found.reads.lead_around(visited)).then_some(found)
    }

    pub(crate) fn put(&self, dir: &str, options: LoadRestrictor, directory: Directory) {
        lock(&self.known).insert((dir.to_owned(), options == LoadRestrictor::None), Arc::new(directory));
    }
}

/// The trees that were built last, the latest last.
#[derive(Default)]
pub(crate) struct Directories(Mutex<Vec<Arc<OfTree>>>);

impl std::fmt::Debug for Directories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directories").field("trees", &lock(&self.0).len()).finish()
    }
}

impl Directories {
    /// What is known about a tree, also from the trees that it resembles. `None` for trees that are not remembered.
    pub(crate) fn of(&self, tree: &Tree) -> Option<Arc<OfTree>> {
        // Others of a run render too: they wait for no comparison.
        let trees = lock(&self.0).clone();
        let near = trees.iter().enumerate().rev().find_map(|(at, old)| {
            let changed = tree.changes_since(&old.tree, MAX_CHANGES)?;
            Some((at, changed))
        });
        let found = match near {
            Some((at, changed)) if changed.is_empty() => trees[at].clone(),
            Some((at, changed)) => {
                let known = lock(&trees[at].known).clone();
                let known = known.into_iter().filter(|(_, dir)| dir.reads.are_untouched(&changed)).collect();
                Arc::new(OfTree { tree: tree.clone(), known: Mutex::new(known) })
            }
            None if tree.has_only_files() => Arc::new(OfTree { tree: tree.clone(), known: Mutex::default() }),
            None => return None,
        };
        let mut trees = lock(&self.0);
        trees.retain(|tree| !Arc::ptr_eq(tree, &found));
        if trees.len() >= MAX_TREES {
            trees.remove(0);
        }
        trees.push(found.clone());
        Some(found)
    }
}
