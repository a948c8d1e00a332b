//! A folder as a tree: files are read when they are needed, and nothing outside of it is.

use seatrial_render::{FileSource, Found, ResolveError, Tree};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder; a temporary one goes with it.
pub(super) struct Folder {
    /// Without links.
    root: PathBuf,
    _temporary: Option<TempDir>,
}

impl Folder {
    /// The tree of a folder.
    pub(super) fn tree(path: &Path, temporary: Option<TempDir>) -> io::Result<Tree> {
        let root = path.canonicalize()?;
        Ok(Tree::from_source(Arc::new(Folder { root, _temporary: temporary })))
    }

    /// Where a path leads, links followed.
    fn real(&self, path: &str) -> Result<PathBuf, ResolveError> {
        let real = self.root.join(path).canonicalize().map_err(|_| ResolveError::Missing)?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(ResolveError::Escape) }
    }
}

impl FileSource for Folder {
    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        let real = self.real(path)?;
        let below = real.strip_prefix(&self.root).map_err(|_| ResolveError::Escape)?;
        let shown = below.to_string_lossy().into_owned();
        if real.is_dir() {
            return Ok(Found::Dir(shown));
        }
        // A pipe would be waited for.
        if !real.is_file() {
            return Err(ResolveError::Missing);
        }
        match std::fs::read(&real) {
            Ok(content) => Ok(Found::File(shown, content.into())),
            Err(_) => Err(ResolveError::Missing),
        }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let entries =
            self.real(dir).and_then(|dir| std::fs::read_dir(dir).map_err(|_| ResolveError::Missing));
        let entries = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}
