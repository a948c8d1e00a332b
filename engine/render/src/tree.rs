//! Files as a value.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use thiserror::Error;

use crate::path;

/// What stands under a path of a [`Tree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file's content.
    File(Bytes),
    /// A symbolic link: a path relative to the link's directory. Targets outside of the tree are refused.
    Link(String),
}

/// What a path leads to, links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file: its path without links, and its content.
    File(String, Bytes),
    /// A directory: its path without links.
    Dir(String),
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Nothing is there.
    #[error("no such file or directory")]
    Missing,
    /// The path, or a link on it, leads out of the tree.
    #[error("the path leads out of the tree")]
    Escape,
    /// Links lead in a circle.
    #[error("too many levels of symbolic links")]
    Loop,
}

/// Files that are read when they are asked for, for trees that are too large to be read in advance (a file system).
///
/// Answers must not change during a build.
pub trait FileSource: Send + Sync {
    /// What stands under a clean path (`a/b`, the empty path for the root), links followed.
    ///
    /// # Errors
    /// Nothing is there, or the path cannot be followed.
    fn resolve(&self, path: &str) -> Result<Found, ResolveError>;

    /// The names in a directory, sorted; empty for what is no directory.
    fn list(&self, dir: &str) -> Vec<String>;
}

/// A persistent map of paths to files and links. Clones are cheap and share their content.
///
/// Paths are relative, separated by `/`, and are cleaned on the way in (`./a//b` is `a/b`); directories exist as long as
/// something is in them; the root is the empty path.
#[derive(Clone, Default)]
pub struct Tree {
    files: OrdMap<Arc<str>, Entry>,
    source: Option<Arc<dyn FileSource>>,
    root: Arc<str>,
}

const MAX_LINKS: usize = 40;

impl Tree {
    /// An empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// A tree whose files are read from `source` when needed. [`Tree::iter`] does not see them.
    pub fn from_source(source: Arc<dyn FileSource>) -> Tree {
        Tree { source: Some(source), ..Tree::default() }
    }

    /// The same tree, with `root` put before the paths in messages (`/` for a file system's root).
    pub fn shown_at(mut self, root: &str) -> Tree {
        self.root = root.into();
        self
    }

    /// A path as messages show it.
    pub fn shown(&self, path: &str) -> String {
        match (self.root.is_empty() || self.root.ends_with('/'), path.is_empty()) {
            (true, true) if self.root.is_empty() => ".".to_owned(),
            (true, _) => [&*self.root, path].concat(),
            (false, true) => self.root.to_string(),
            (false, false) => [&*self.root, "/", path].concat(),
        }
    }

    /// What kustomize says about a path that leads nowhere: which part of it is missing.
    pub(crate) fn missing(&self, path: &str, error: ResolveError) -> String {
        let Some(path) = path::clean(path) else {
            return format!("evalsymlink failure on '{path}' : {error}");
        };
        let mut part = path.as_str();
        while !part.is_empty() && self.resolve(path::parent(part)).is_err() {
            part = path::parent(part);
        }
        let (whole, part) = (self.shown(&path), self.shown(part));
        format!("evalsymlink failure on '{whole}' : lstat {part}: {error}")
    }

    /// The path in the tree of an absolute path (given without its first `/`), where the tree shows itself at that root.
    pub(crate) fn under_shown_root(&self, absolute: &str) -> Option<String> {
        let root = self.root.strip_prefix('/')?.trim_end_matches('/');
        if root.is_empty() {
            return Some(absolute.to_owned());
        }
        Some(absolute.strip_prefix(root)?.strip_prefix('/')?.to_owned())
    }

    /// Puts an entry under a path; gives back what was there. Paths that lead out of the tree are ignored.
    pub fn insert(&mut self, path: &str, entry: Entry) -> Option<Entry> {
        self.files.insert(path::clean(path)?.into(), entry)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, path: &str) -> Option<Entry> {
        self.files.remove(path::clean(path)?.as_str())
    }

    /// The entry under exactly this path; links are not followed, files of a source are not seen.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.files.get(path::clean(path)?.as_str())
    }

    /// This tree with one more (or another) file.
    pub fn with_file(&self, path: &str, content: impl Into<Bytes>) -> Tree {
        let mut tree = self.clone();
        tree.insert(path, Entry::File(content.into()));
        tree
    }

    /// The content of a file, links followed; `None` for directories and where nothing is.
    pub fn read(&self, path: &str) -> Option<Bytes> {
        match self.resolve(path) {
            Ok(Found::File(_, content)) => Some(content),
            _ => None,
        }
    }

    /// Whether the path leads to a directory, links followed.
    pub fn is_dir(&self, path: &str) -> bool {
        matches!(self.resolve(path), Ok(Found::Dir(_)))
    }

    /// The names in a directory, sorted; links on the way to it are followed, links in it are listed by their name.
    pub fn list(&self, dir: &str) -> Vec<String> {
        let Ok(Found::Dir(dir)) = self.resolve(dir) else { return Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for path in self.below(&dir) {
            let rest = if dir.is_empty() { path } else { &path[dir.len() + 1..] };
            let name = rest.split('/').next().unwrap_or(rest);
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
        if let Some(source) = &self.source {
            names.extend(source.list(&dir));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All entries that were inserted, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.files.iter().map(|(path, entry)| (path.as_ref(), entry))
    }

    /// Whether nothing but files was inserted, and no source is asked.
    pub(crate) fn has_only_files(&self) -> bool {
        self.source.is_none() && self.files.values().all(|entry| matches!(entry, Entry::File(_)))
    }

    /// The paths of files that are not as they are in a tree with nothing but files; `None` where there are more than `most`,
    /// where links or a source come in, or where paths are shown otherwise.
    pub(crate) fn changes_since(&self, old: &Tree, most: usize) -> Option<BTreeSet<String>> {
        if self.source.is_some() || self.root != old.root {
            return None;
        }
        let mut changed = BTreeSet::new();
        for change in old.files.diff(&self.files) {
            let (path, entry) = match change {
                DiffItem::Add(path, entry) => (path, Some(entry)),
                DiffItem::Update { new: (path, entry), .. } => (path, Some(entry)),
                DiffItem::Remove(path, _) => (path, None),
            };
            if matches!(entry, Some(Entry::Link(_))) || changed.len() >= most {
                return None;
            }
            changed.insert(path.to_string());
        }
        Some(changed)
    }

    /// What a path leads to, links and `..` followed as a file system does.
    ///
    /// # Errors
    /// Nothing is there, the path leads out of the tree, or links lead in a circle.
    pub fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        if let Some(source) = &self.source
            && self.files.is_empty()
        {
            // Nothing was inserted: the source follows the links, `..` goes by the text, as it does in kustomize.
            return source.resolve(&path::clean(path).ok_or(ResolveError::Escape)?);
        }
        let mut todo: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut at = String::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    if at.is_empty() {
                        return Err(ResolveError::Escape);
                    }
                    at.truncate(path::parent(&at).len());
                    continue;
                }
                _ => {}
            }
            let next = path::join(&at, &part);
            match self.files.get(next.as_str()) {
                Some(Entry::Link(target)) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(ResolveError::Loop);
                    }
                    if target.starts_with('/') {
                        return Err(ResolveError::Escape);
                    }
                    todo.extend(target.rsplit('/').map(str::to_owned));
                }
                Some(Entry::File(_)) if todo.iter().any(|p| !matches!(p.as_str(), "" | ".")) => {
                    return Err(ResolveError::Missing);
                }
                _ => at = next,
            }
        }
        if let Some(Entry::File(content)) = self.files.get(at.as_str()) {
            return Ok(Found::File(at, content.clone()));
        }
        if at.is_empty() && self.source.is_none() || self.below(&at).next().is_some() {
            return Ok(Found::Dir(at));
        }
        self.source.as_ref().map_or(Err(ResolveError::Missing), |source| source.resolve(&at))
    }

    /// The paths below a directory, sorted.
    fn below(&self, dir: &str) -> impl Iterator<Item = &str> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let start = (Bound::Included(prefix.as_str()), Bound::<&str>::Unbounded);
        let rest = self.files.range::<(Bound<&str>, Bound<&str>), str>(start);
        rest.map(|(path, _)| path.as_ref()).take_while(move |path: &&str| path.starts_with(&prefix))
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        let same_source = match (&self.source, &other.source) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_source && self.files == other.files
    }
}
