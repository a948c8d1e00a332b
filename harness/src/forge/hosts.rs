//! The forge as the engine sees it.

use super::{Forge, ForgeError};
use futures::future::BoxFuture;
use seatrial_engine::{GitAccess, GitAuth, GitError, GitHosts, GitPush, GitPushError, GitRemote, push_to};
use seatrial_time::Signal;
use std::future::ready;

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

    /// Everybody may push, as to a repository without protection: the credentials are not looked at. Push options have no effect.
    fn push<'a>(
        &'a self,
        url: &'a str,
        _access: &'a GitAccess,
        push: &'a GitPush,
    ) -> BoxFuture<'a, Result<(), GitPushError>> {
        let pushed = match self.by_url(url) {
            Ok(repo) => push_to(repo.path(), push).map(|()| repo.refs_moved()),
            Err(error) => Err(GitPushError::Unavailable { message: error.to_string() }),
        };
        Box::pin(ready(pushed))
    }

    /// Moves when a repository is added or mapped to one more URL.
    fn changes(&self) -> Option<Signal> {
        Some(self.signal().clone())
    }
}
