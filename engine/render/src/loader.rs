//! Where files come from, and which may be read.

use bytes::Bytes;

use crate::error::{RenderError, Result, fail};
use crate::path;
use crate::tree::{Found, ResolveError, Tree};
use crate::{LoadRestrictor, Options};

/// Reads the files of one kustomization.
#[derive(Clone)]
pub(crate) struct Loader<'a> {
    tree: Tree,
    options: &'a Options,
    /// The directory of the kustomization, without links.
    pub(crate) root: String,
    /// The directories of the kustomizations that led here, the outermost first; without those of other trees.
    parents: Vec<String>,
    /// The repository that the tree is of, where it is not the build's own.
    pub(crate) repository: Option<Repository>,
}

/// A remote repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The URL without path and revision.
    pub(crate) repo: String,
    /// `ref`; empty for the default branch.
    pub(crate) reference: String,
    /// The directory in it, as written.
    pub(crate) dir: String,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(tree: &Tree, dir: &str, options: &'a Options) -> Result<Loader<'a>> {
        let root = match tree.resolve(dir) {
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
        Ok(Loader { tree: tree.clone(), options, root, parents: Vec::new(), repository: None })
    }

    /// A path for messages.
    pub(crate) fn shown(&self, path: &str) -> String {
        match &self.repository {
            Some(repository) => format!("{}//{path}", repository.repo),
            None => self.tree.shown(path),
        }
    }

    /// The kustomizations that led here, this one last, for messages.
    pub(crate) fn chain(&self) -> Vec<String> {
        self.parents.iter().chain([&self.root]).map(|dir| self.shown(dir)).collect()
    }

    /// How many kustomizations led here, this one included.
    pub(crate) fn depth(&self) -> usize {
        self.parents.len() + 1
    }

    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        self.tree.resolve(&self.absolute(path)?)
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
            let content = self.options.remotes.as_ref().and_then(|remotes| remotes.file(path));
            return match content {
                Some(content) => Ok((path.to_owned(), content)),
                None => fail(format!("HTTP Error: no source for remote file '{path}'")),
            };
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
            Ok(Found::Dir(found)) => fail(format!("'{}' must resolve to a file", self.shown(&found))),
            Err(error) => fail(self.missing(path, error)),
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
        if is_repository(path) {
            return self.enter_repository(path);
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

    fn enter_repository(&self, url: &str) -> Result<Loader<'a>> {
        let Some((tree, dir)) = self.options.remotes.as_ref().and_then(|remotes| remotes.repository(url))
        else {
            return fail(format!("no source for remote resource '{url}'"));
        };
        let mut loader = Loader::new(&tree, &dir, self.options)?;
        loader.repository = Some(split_url(url));
        Ok(loader)
    }
}

/// Whether kustomize would fetch this path by HTTP.
pub(crate) fn is_url(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

/// Whether kustomize would clone this path.
fn is_repository(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let prefixes = [
        "git::",
        "git@",
        "ssh://",
        "http://",
        "https://",
        "file://",
        "github.com/",
        "github.com:",
        "gh:",
        "org-",
    ];
    prefixes.iter().any(|prefix| lower.starts_with(prefix))
}

/// `https://host/org/repo//dir?ref=v1` in parts.
fn split_url(url: &str) -> Repository {
    let (location, query) = url.split_once('?').unwrap_or((url, ""));
    let reference =
        query.split('&').find_map(|part| part.strip_prefix("ref=").or(part.strip_prefix("version=")));
    let start = location.find("://").map_or(0, |at| at + 3);
    let (repo, dir) = match location[start..].find("//") {
        Some(at) => (&location[..start + at], &location[start + at + 2..]),
        None => match location.find(".git/") {
            Some(at) => (&location[..at + 4], &location[at + 5..]),
            None => {
                let third = location[start..].match_indices('/').nth(2).map(|(at, _)| start + at);
                third.map_or((location, ""), |at| (&location[..at], &location[at + 1..]))
            }
        },
    };
    let [repo, reference, dir] = [repo, reference.unwrap_or_default(), dir].map(str::to_owned);
    Repository { repo, reference, dir }
}

/// A problem in a file: says where.
pub(crate) fn in_file(file: &str) -> impl Fn(RenderError) -> RenderError + '_ {
    move |error| error.in_file(file)
}
