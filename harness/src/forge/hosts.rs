//! The forge as the engine sees it.

use super::{Credentials, Forge, ForgeError, Wants};
use seatrial_engine::{GitAuth, GitError, GitHosts, GitRemote};
use seatrial_time::Signal;

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

    /// Moves when a repository is added or mapped to one more URL, and when somebody's rights change.
    fn changes(&self) -> Option<Signal> {
        Some(self.signal().clone())
    }
}
