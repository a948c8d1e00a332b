//! The forge as the engine sees it.

use super::{Credentials, Forge, ForgeError, Repo, Wants};
use futures::future::BoxFuture;
use seatrial_engine::{GitAccess, GitAuth, GitError, GitHosts, GitPush, GitPushError, GitRemote, push_to};
use seatrial_time::Signal;
use std::future::ready;

impl Forge {
    /// The repository that is mapped to `url`, if whoever has these credentials may write to it.
    fn pushed_to(&self, url: &str, access: &GitAccess) -> Result<Repo, GitPushError> {
        let repo =
            self.by_url(url).map_err(|error| GitPushError::Unavailable { message: error.to_string() })?;
        match self.authorize(&repo, &Credentials::from(&access.auth), Wants::Write) {
            Ok(_) => Ok(repo),
            Err(refusal) => {
                let message = refusal.to_flux(matches!(access.auth, GitAuth::Ssh { .. }));
                Err(GitPushError::Refused { message })
            }
        }
    }
}

impl GitHosts for Forge {
    /// Finds the repository that is mapped to `url`, if whoever has these credentials may read it. What is refused has the words
    /// of Flux's Git client.
    fn open(&self, url: &str, auth: &GitAuth) -> Result<GitRemote, GitError> {
        match self.by_url(url) {
            Ok(repo) => match self.authorize(&repo, &Credentials::from(auth), Wants::Read) {
                Ok(_) => Ok(GitRemote { path: repo.path().to_owned(), changes: repo.signal().clone() }),
                Err(refusal) => {
                    let message = refusal.to_flux(matches!(auth, GitAuth::Ssh { .. }));
                    Err(GitError::AuthenticationFailed { url: url.to_owned(), message })
                }
            },
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

    fn may_push(&self, url: &str, access: &GitAccess) -> Result<(), GitPushError> {
        self.pushed_to(url, access).map(drop)
    }

    /// Pushes, if whoever has these credentials may write. Push options have no effect.
    fn push<'a>(
        &'a self,
        url: &'a str,
        access: &'a GitAccess,
        push: &'a GitPush,
    ) -> BoxFuture<'a, Result<(), GitPushError>> {
        let pushed = self
            .pushed_to(url, access)
            .and_then(|repo| push_to(repo.path(), push).map(|()| repo.refs_moved()));
        Box::pin(ready(pushed))
    }

    /// Moves when a repository is added or mapped to one more URL, and when somebody's rights change.
    fn changes(&self) -> Option<Signal> {
        Some(self.signal().clone())
    }
}
