//! URLs that the user serves from this machine.

use super::failed;
use super::folder::Folder;
use crate::forge::{ForgeError, GitUrl, Seed};
use bytes::Bytes;
use git2::Repository;
use seatrial_render::{RemoteDir, RemoteError, Tree};
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

    /// The file behind a URL, where it is this, or below it.
    pub(super) fn file(&self, url: &str) -> Option<Result<Bytes, RemoteError>> {
        let no_file = || Err(RemoteError::Status { code: 404, reason: "Not Found".to_owned() });
        let rest = url.strip_prefix(&self.url);
        let path = match rest {
            Some("") => self.path.clone(),
            Some(rest) if rest.starts_with('/') && self.path.is_dir() => {
                let below = Path::new(rest.split(['?', '#']).next()?.trim_start_matches('/'));
                if !below.components().all(|part| matches!(part, Component::Normal(_))) {
                    return Some(no_file());
                }
                self.path.join(below)
            }
            _ => {
                // A server of Git repositories has no files at their URLs.
                let remote = RemoteDir::parse(url)?;
                let same = self.git.is_some() && self.git == GitUrl::parse(&remote.url).ok();
                return same.then(no_file);
            }
        };
        if !path.is_file() {
            return Some(no_file());
        }
        let read = std::fs::read(&path).map(Bytes::from);
        Some(read.map_err(|error| failed(format!("failed to read {}: {error}", path.display()))))
    }
}
