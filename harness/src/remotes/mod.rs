//! Remote bases and files of `seatrial render`: what the user serves, else what the network gives, as kustomize gets it.
//!
//! # Flow
//! URL -> the served repository or folder ([`served`]); else a clone by the `git` program ([`clone`]) or an HTTP request
//! ([`http`]). Each repository and each file is read once. Of the served URLs that a file is below, the longest holds.
//!
//! # Guarantees
//! A clone lies in a temporary folder that goes with its tree. Paths and links that lead out of a clone or a served folder are
//! refused, and so is what is named `.git`.

mod clone;
mod fetch;
mod folder;
mod http;
mod served;

use bytes::Bytes;
use seatrial_render::{RemoteDir, RemoteError, Remotes, Tree};
use seatrial_time::Clock;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::forge::ForgeError;
pub use fetch::NetworkGit;
use served::Served;

/// Brings remote sources to a build of one command.
pub struct RemoteSources {
    served: Vec<Served>,
    repositories: Known<Key, Tree>,
    files: Known<String, Bytes>,
}

/// What was read already, or is being read.
type Known<K, T> = Mutex<BTreeMap<K, Arc<OnceLock<Result<T, RemoteError>>>>>;

/// The URL, the reference, and whether submodules are wanted.
type Key = (String, Option<String>, bool);

impl RemoteSources {
    /// Sources of which these URLs are served: by the Git repository, folder or file under their paths. A URL of a folder holds
    /// for the files below it, too.
    ///
    /// # Errors
    /// A URL is none, or nothing is under a path.
    pub fn new(served: &[(String, PathBuf)]) -> Result<RemoteSources, ForgeError> {
        let served = served.iter().map(|(url, path)| Served::new(url, path)).collect::<Result<_, _>>()?;
        Ok(RemoteSources { served, repositories: Mutex::default(), files: Mutex::default() })
    }
}

impl Remotes for RemoteSources {
    fn file(&self, url: &str) -> Result<Bytes, RemoteError> {
        once(&self.files, url.to_owned(), || match served::file(&self.served, url) {
            Some(found) => found,
            None => block_on(http::get(url)),
        })
    }

    fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
        let key = (remote.url.clone(), remote.reference.clone(), remote.submodules);
        once(&self.repositories, key, || {
            match self.served.iter().find_map(|served| served.repository(remote)) {
                Some(found) => found,
                None => block_on(clone::clone(&Clock::wall(), remote)),
            }
        })
    }
}

/// Reads what is not known yet; who asks meanwhile for the same waits.
fn once<K: Ord, T: Clone>(
    known: &Known<K, T>,
    key: K,
    read: impl FnOnce() -> Result<T, RemoteError>,
) -> Result<T, RemoteError> {
    let cell = known.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
    cell.get_or_init(read).clone()
}

/// Waits for what the network does; the threads of a build have no runtime of their own.
fn block_on<T>(work: impl Future<Output = Result<T, RemoteError>>) -> Result<T, RemoteError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(format!("failed to start a runtime: {error}")))?.block_on(work)
}

fn failed(message: impl Into<String>) -> RemoteError {
    RemoteError::Failed(message.into())
}

#[cfg(test)]
mod tests;
