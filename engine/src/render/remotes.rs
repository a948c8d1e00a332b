//! Remote bases: repositories that the run serves. Nothing is downloaded.

use crate::source::git::{self, Blobs};
use crate::source::{FetchError, GitAuth, GitError, GitHosts};
use seatrial_render::{RemoteDir, RemoteError, Remotes, Tree};
use seatrial_time::{Signal, Stamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The repositories of a run as remote bases of one build; it notes which of them the build has seen.
pub struct ServedRemotes {
    hosts: Arc<dyn GitHosts>,
    blobs: Arc<Blobs>,
    seen: Mutex<Seen>,
}

/// A URL and a reference.
type Key = (String, Option<String>);

#[derive(Default)]
struct Seen {
    /// Commits, by the URL and the reference under which they were found; empty where there was none.
    commits: BTreeMap<Key, String>,
    /// What the commits hold: answers do not change during a build.
    trees: BTreeMap<Key, Tree>,
    stamps: Vec<Stamp>,
}

impl ServedRemotes {
    pub(crate) fn new(hosts: Arc<dyn GitHosts>, blobs: Arc<Blobs>) -> ServedRemotes {
        ServedRemotes { hosts, blobs, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what the build has read stands: while these are current, it would read the same again.
    pub(crate) fn stamps(&self) -> Vec<Stamp> {
        self.seen().stamps.clone()
    }

    /// What the build has read, as a text; `None` where it has asked for nothing.
    pub(crate) fn read(&self) -> Option<String> {
        let seen = self.seen();
        (!seen.commits.is_empty()).then(|| format!("{:?}", seen.commits))
    }

    /// Finds the repository behind a URL, and notes where it stands.
    fn open(&self, url: &str) -> Result<crate::source::GitRemote, GitError> {
        let map = self.hosts.changes().as_ref().map(Signal::stamp);
        let opened = self.hosts.open(url, &GitAuth::None);
        let mut seen = self.seen();
        seen.stamps.extend(map);
        seen.stamps.extend(opened.iter().map(|remote| remote.changes.stamp()));
        opened
    }
}

impl Remotes for ServedRemotes {
    /// Servers of Git repositories have no files at their URLs; other URLs are not served.
    fn file(&self, url: &str) -> Result<bytes::Bytes, RemoteError> {
        let remote = RemoteDir::parse(url);
        self.seen().commits.entry((url.to_owned(), None)).or_default();
        match remote.map(|remote| self.open(&remote.url)) {
            Some(Ok(_)) => Err(RemoteError::Status { code: 404, reason: "Not Found".to_owned() }),
            Some(Err(error)) => Err(RemoteError::Failed(error.to_string())),
            None => Err(RemoteError::Failed(format!("unable to fetch '{url}': the URL is not served"))),
        }
    }

    fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
        let key = (remote.url.clone(), remote.reference.clone());
        if let Some(tree) = self.seen().trees.get(&key) {
            return Ok(tree.clone());
        }
        let failed = |error: String| {
            self.seen().commits.entry(key.clone()).or_default();
            RemoteError::Failed(error)
        };
        let opened = self.open(&remote.url).map_err(|error| failed(error.to_string()))?;
        let read = || -> Result<(String, Tree), FetchError> {
            let commit = git::named(&opened.path, &remote.url, remote.reference.as_deref())?;
            let tree = git::whole_tree(&opened.path, &commit, &self.blobs)?;
            Ok((commit, tree))
        };
        let (commit, tree) = read().map_err(|error| failed(error.to_string()))?;
        let mut seen = self.seen();
        seen.commits.insert(key.clone(), commit);
        seen.trees.insert(key, tree.clone());
        Ok(tree)
    }
}
