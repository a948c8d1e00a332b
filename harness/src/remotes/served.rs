//! URLs that the user serves from this machine.

use super::failed;
use super::folder::Folder;
use crate::forge::{ForgeError, GitUrl, Seed};
use bytes::Bytes;
use git2::Repository;
use seatrial_render::{RemoteDir, RemoteError, Tree};
use std::cmp::Reverse;
use std::path::{Component, Path, PathBuf};

/// One URL, and what is behind it.
pub(super) struct Served {
    url: String,
    /// As a repository's URL, where it is one.
    git: Option<GitUrl>,
    path: PathBuf,
}

impl Served {
    pub(super) fn new(url: &str, path: &Path) -> Result<Served, ForgeError> {
        if !path.exists() {
            return Err(ForgeError::NoSeed { path: path.to_owned() });
        }
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        let git = match GitUrl::parse(url) {
            Ok(git) => Some(git),
            Err(_) if is_web => None,
            Err(error) => return Err(error),
        };
        Ok(Served { url: url.trim_end_matches('/').to_owned(), git, path: path.to_owned() })
    }

    /// The files of a repository, where this is it.
    pub(super) fn repository(&self, remote: &RemoteDir) -> Option<Result<Tree, RemoteError>> {
        let same = self.git.is_some() && self.git == GitUrl::parse(&remote.url).ok();
        (same && self.path.is_dir()).then(|| self.read(remote))
    }

    fn read(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
        let shown = self.path.display();
        match Seed::detect(&self.path) {
            Seed::Repository { path, .. } => {
                let unread =
                    |error: git2::Error| failed(format!("failed to read {shown}: {}", error.message()));
                let repository = Repository::open(&path).map_err(unread)?;
                let reference = remote.reference.as_deref();
                seatrial_engine::source::read_commit(repository.path(), &remote.url, reference)
                    .map_err(|error| failed(format!("failed to read {shown}: {error}")))
            }
            // A plain folder has no revisions.
            _ => Folder::tree(&self.path, None).map_err(|e| failed(format!("failed to read {shown}: {e}"))),
        }
    }

    /// What of a URL stands below this one; empty where it is this one. A query and a fragment count only where the served URL
    /// has the same. `None` for other URLs.
    fn below<'u>(&self, url: &'u str) -> Option<&'u str> {
        if url == self.url {
            return Some("");
        }
        let place = url.split(['?', '#']).next()?;
        let rest = place.strip_prefix(self.url.as_str())?;
        (rest.is_empty() || (rest.starts_with('/') && self.path.is_dir())).then_some(rest)
    }

    /// The file at this path below the URL.
    fn read_file(&self, below: &str) -> Result<Bytes, RemoteError> {
        let below = below.trim_start_matches('/');
        let path = if below.is_empty() { Some(self.path.clone()) } else { self.inside(below) };
        let path = path.filter(|path| path.is_file()).ok_or_else(no_file)?;
        let read = std::fs::read(&path).map(Bytes::from);
        read.map_err(|error| failed(format!("failed to read {}: {error}", path.display())))
    }

    /// Where a path leads, if it stays in the folder.
    fn inside(&self, below: &str) -> Option<PathBuf> {
        let is_plain = Path::new(below).components().all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| Folder::open(&self.path, None).ok()?.real(below).ok()).flatten()
    }
}

/// The file behind a URL that is served, or below one: the longest of them holds.
pub(super) fn file(served: &[Served], url: &str) -> Option<Result<Bytes, RemoteError>> {
    let all = served.iter().filter_map(|served| Some((served, served.below(url)?)));
    if let Some((nearest, below)) = all.min_by_key(|(served, _)| Reverse(served.url.len())) {
        return Some(nearest.read_file(below));
    }
    // A server of Git repositories has no files at their URLs.
    let git = GitUrl::parse(&RemoteDir::parse(url)?.url).ok()?;
    served.iter().any(|served| served.git.as_ref() == Some(&git)).then(|| Err(no_file()))
}

fn no_file() -> RemoteError {
    RemoteError::Status { code: 404, reason: "Not Found".to_owned() }
}
