//! The forge as the engine sees it.

use super::{Forge, ForgeError};
use seatrial_engine::{GitAuth, GitError, GitHosts, GitRemote};
use seatrial_time::Signal;

impl GitHosts for Forge {
    /// Finds the repository that is mapped to `url`. Every repository may be read by everybody, as a public one: the
    /// credentials are not looked at.
    fn open(&self, url: &str, _auth: &GitAuth) -> Result<GitRemote, GitError> {
        match self.by_url(url) {
            Ok(repo) => Ok(GitRemote { path: repo.path().to_owned(), changes: repo.signal().clone() }),
            Err(ForgeError::BadUrl { problem, .. }) => {
                Err(GitError::NotServed { url: url.to_owned(), hint: Some(problem.to_owned()) })
            }
            Err(ForgeError::Unserved { known, .. }) => Err(GitError::NotServed {
                url: url.to_owned(),
                hint: Some(match known.as_slice() {
                    [] => "the run serves no repository".to_owned(),
                    known => format!("the run serves {}", known.join(", ")),
                }),
            }),
            Err(error) => Err(GitError::Unavailable { url: url.to_owned(), message: error.to_string() }),
        }
    }

    /// Moves when a repository is added or mapped to one more URL.
    fn changes(&self) -> Option<Signal> {
        Some(self.signal().clone())
    }
}
