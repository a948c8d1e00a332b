//! A folder as a tree: files are read when they are needed; nothing outside of it is, and nothing named `.git`, in which
//! passwords may stand.

use seatrial_render::{FileSource, Found, ResolveError, Tree};
use std::ffi::OsStr;
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
    /// The folder at a path.
    pub(super) fn open(path: &Path, temporary: Option<TempDir>) -> io::Result<Folder> {
        Ok(Folder { root: path.canonicalize()?, _temporary: temporary })
    }

    /// The tree of a folder.
    pub(super) fn tree(path: &Path, temporary: Option<TempDir>) -> io::Result<Tree> {
        Ok(Tree::from_source(Arc::new(Folder::open(path, temporary)?)))
    }

    /// Where a path leads, links followed.
    pub(super) fn real(&self, path: &str) -> Result<PathBuf, ResolveError> {
        if in_git(Path::new(path)) {
            return Err(ResolveError::Missing);
        }
        let real = self.root.join(path).canonicalize().map_err(|_| ResolveError::Missing)?;
        let hidden = in_git(real.strip_prefix(&self.root).map_err(|_| ResolveError::Escape)?);
        if hidden { Err(ResolveError::Missing) } else { Ok(real) }
    }
}

/// Whether git's own files lie there.
fn in_git(path: &Path) -> bool {
    path.components().any(|part| is_git(part.as_os_str()))
}

/// Some file systems do not tell upper from lower case.
fn is_git(name: &OsStr) -> bool {
    name.eq_ignore_ascii_case(".git")
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
        let entries = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
        let shown = entries.filter(|name| !is_git(name));
        let mut names: Vec<String> = shown.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}
