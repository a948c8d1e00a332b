//! Where files come from, and which may be read.

use std::sync::Arc;

use bytes::Bytes;

use crate::directories::Trace;
use crate::error::{RenderError, Result, fail};
use crate::path;
use crate::remote::{RemoteDir, RemoteError, is_url};
use crate::tree::{Found, ResolveError, Tree};
use crate::{LoadRestrictor, Options};

/// How messages about the answers of servers start: kustomize looks no further then.
pub(crate) const HTTP_ERROR: &str = "HTTP Error: ";

/// Reads the files of one kustomization.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    tree: Tree,
    options: &'a Options,
    /// The directory of the kustomization, without links.
    pub(crate) root: String,
    /// The directories of the kustomizations that led here, the outermost first; without those of other trees.
    parents: Vec<String>,
    /// The same of the trees around a remote one, for messages.
    outer: Vec<String>,
    /// What names the repository that the tree is of, where it is not the build's own.
    pub(crate) repository: Option<Arc<RemoteDir>>,
    /// The entries that named remote repositories on the way here.
    repositories: Vec<String>,
    /// Notes what is looked at, where somebody wants to know.
    pub(crate) trace: Option<Arc<Trace>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tree: &Tree, dir: &str, options: &'a Options) -> Result<Loader<'a>> {
        let mut loader = Loader {
            tree: tree.clone(),
            options,
            root: String::new(),
            parents: Vec::new(),
            outer: Vec::new(),
            repository: None,
            repositories: Vec::new(),
            trace: None,
        };
        if let Some(remote) = RemoteDir::parse(dir) {
            return loader.enter_repository(remote);
        }
        loader.root = match tree.resolve(dir) {
            Ok(Found::Dir(root)) => root,
            Ok(Found::File(file, _)) => {
                return fail(format!(
                    "must build at directory: '{}': file is not directory",
                    tree.shown(&file)
                ));
            }
            Err(error) => {
                let missing = tree.missing(dir, error);
                return fail(format!("must build at directory: not a valid directory: {missing}"));
            }
        };
        Ok(loader)
    }

    /// A path for messages.
    pub(crate) fn shown(&self, path: &str) -> String {
        match &self.repository {
            Some(remote) => format!("{}//{path}", remote.url),
            None => self.tree.shown(path),
        }
    }

    /// The kustomizations that led here, this one last, for messages.
    pub(crate) fn chain(&self) -> Vec<String> {
        let own = self.parents.iter().chain([&self.root]);
        self.outer.iter().cloned().chain(own.map(|dir| self.shown(dir))).collect()
    }

    /// How many kustomizations led here, this one included.
    pub(crate) fn depth(&self) -> usize {
        self.outer.len() + self.parents.len() + 1
    }

    /// Notes something for who remembers what is gathered here.
    pub(crate) fn note(&self, note: impl FnOnce(&Trace)) {
        if let Some(trace) = &self.trace {
            note(trace);
        }
    }

    /// The directories of the kustomizations that led here.
    pub(crate) fn visited(&self) -> Vec<&String> {
        self.parents.iter().collect()
    }

    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        let path = self.absolute(path)?;
        let found = self.tree.resolve(&path);
        self.note(|trace| match &found {
            Ok(Found::File(path, _) | Found::Dir(path)) => trace.file_or_dir(path),
            Err(_) => trace.nothing(&path),
        });
        found
    }

    fn absolute(&self, path: &str) -> Result<String, ResolveError> {
        match path.strip_prefix('/') {
            Some(absolute) => self.tree.under_shown_root(absolute).ok_or(ResolveError::Escape),
            None => Ok(path::join(&self.root, path)),
        }
    }

    /// The file with this name in the directory, if there is one: its path and content.
    pub(crate) fn own_file(&self, name: &str) -> Option<(String, Bytes)> {
        match self.resolve(name) {
            Ok(Found::File(path, content)) => Some((path, content)),
            _ => None,
        }
    }

    /// A file that the kustomization names: its path (for messages) and its content.
    pub(crate) fn load(&self, path: &str) -> Result<(String, Bytes)> {
        if is_url(path) {
            return Ok((path.to_owned(), self.download(path)?));
        }
        match self.resolve(path) {
            Ok(Found::File(found, content)) => {
                if self.options.load_restrictor == LoadRestrictor::RootOnly
                    && !path::is_within(&found, &self.root)
                {
                    let root = self.shown(&self.root);
                    return fail(format!(
                        "security; file '{}' is not in or below '{root}'",
                        self.shown(&found)
                    ));
                }
                Ok((found, content))
            }
            // Without a restriction kustomize just opens the file; with one it looks at the path first.
            Ok(Found::Dir(found)) => fail(match self.options.load_restrictor {
                LoadRestrictor::RootOnly => format!("'{}' must resolve to a file", self.shown(&found)),
                LoadRestrictor::None => format!("read {}: is a directory", self.shown(&found)),
            }),
            Err(error) => fail(match (self.options.load_restrictor, self.absolute(path)) {
                (LoadRestrictor::None, Ok(path)) => format!("open {}: {error}", self.shown(&path)),
                _ => self.missing(path, error),
            }),
        }
    }

    /// The file behind a URL.
    fn download(&self, url: &str) -> Result<Bytes> {
        self.note(Trace::more);
        let Some(remotes) = &self.options.remotes else {
            return fail(format!("no source for remote file '{url}'"));
        };
        match remotes.file(url) {
            Ok(content) => Ok(content),
            Err(RemoteError::Status { .. }) if RemoteDir::parse(url).is_some() => {
                fail("URL is a git repository")
            }
            Err(error @ RemoteError::Status { .. }) => fail(format!("{HTTP_ERROR}{error}")),
            Err(error) => fail(error.to_string()),
        }
    }

    /// What is said about a path that leads nowhere.
    fn missing(&self, path: &str, error: ResolveError) -> String {
        match self.absolute(path) {
            Ok(path) if self.repository.is_none() => self.tree.missing(&path, error),
            Ok(path) => format!("evalsymlink failure on '{}' : {error}", self.shown(&path)),
            Err(error) => format!("evalsymlink failure on '{path}' : {error}"),
        }
    }

    /// The loader of another kustomization: a directory, or a remote repository.
    pub(crate) fn enter(&self, path: &str) -> Result<Loader<'a>> {
        if path.is_empty() {
            return fail("new root cannot be empty");
        }
        if let Some(remote) = RemoteDir::parse(path) {
            return self.enter_repository(remote);
        }
        if path.starts_with('/') {
            return fail(format!("new root '{path}' cannot be absolute"));
        }
        match self.resolve(path) {
            Ok(Found::Dir(root)) => {
                let visited = self.parents.iter().chain([&self.root]).find(|dir| path::is_within(dir, &root));
                if let Some(visited) = visited {
                    return fail(format!(
                        "cycle detected: candidate root '{}' contains visited root '{}'",
                        self.shown(&root),
                        self.shown(visited)
                    ));
                }
                self.note(|trace| trace.entered(&root));
                let parents = self.parents.iter().chain([&self.root]).cloned().collect();
                Ok(Loader { root, parents, ..self.clone() })
            }
            Ok(Found::File(found, _)) => {
                fail(format!("must build at directory: '{}': file is not directory", self.shown(&found)))
            }
            Err(error) => {
                fail(format!("must build at directory: not a valid directory: {}", self.missing(path, error)))
            }
        }
    }

    /// The loader of a remote repository.
    fn enter_repository(&self, remote: RemoteDir) -> Result<Loader<'a>> {
        self.note(Trace::more);
        let visited = self.repositories.iter().find(|entry| entry.starts_with(&remote.entry));
        if let Some(visited) = visited {
            return fail(format!(
                "cycle detected: URI '{}' referenced by previous URI '{visited}'",
                remote.entry
            ));
        }
        let tree = match &self.options.remotes {
            Some(remotes) => remotes.repository(&remote).or_else(|e| fail(e.to_string()))?,
            None => return fail(format!("no source for remote resource '{}'", remote.entry)),
        };
        let repositories = self.repositories.iter().chain([&remote.entry]).cloned().collect();
        let outer = self.chain();
        let mut loader = Loader {
            tree,
            options: self.options,
            root: String::new(),
            parents: Vec::new(),
            outer,
            repository: Some(Arc::new(remote)),
            repositories,
            trace: None,
        };
        let dir = loader.repository.as_ref().map(|remote| remote.dir.clone()).unwrap_or_default();
        loader.root = match loader.resolve(&dir) {
            Ok(Found::Dir(root)) => root,
            Ok(Found::File(file, _)) => {
                return fail(format!("'{}' is not a directory", loader.shown(&file)));
            }
            Err(error) => return fail(loader.missing(&dir, error)),
        };
        Ok(loader)
    }
}

/// A problem in a file: says where.
pub(crate) fn in_file(file: &str) -> impl Fn(RenderError) -> RenderError + '_ {
    move |error| error.in_file(file)
}
