//! Where Git repositories come from.

use super::push::{GitPush, GitPushError};
use futures::future::BoxFuture;
use seatrial_time::Signal;
use std::fmt;
use std::path::PathBuf;

/// Finds the repository behind a URL. The run's own repositories are found in process; nothing is downloaded here.
pub trait GitHosts: Send + Sync {
    /// Opens the repository behind `url`.
    ///
    /// # Errors
    /// See [`GitError`].
    fn open(&self, url: &str, auth: &GitAuth) -> Result<GitRemote, GitError>;

    /// As [`GitHosts::open`], where the repository may have to be brought from elsewhere first: with everything that is known
    /// about how to get at it. Whoever brings nothing need not have it.
    fn reach<'a>(
        &'a self,
        url: &'a str,
        access: &'a GitAccess,
    ) -> BoxFuture<'a, Result<GitRemote, GitError>> {
        Box::pin(std::future::ready(self.open(url, &access.auth)))
    }

    /// Whether a push to `url` with these credentials would be let in: asked before a commit is written, so that pushes that
    /// are refused again and again leave nothing behind. Nothing is sent over a network.
    ///
    /// # Errors
    /// What [`GitHosts::push`] would be refused with. Hosts that take no pushes refuse every one.
    fn may_push(&self, url: &str, access: &GitAccess) -> Result<(), GitPushError> {
        let _ = access;
        Err(not_pushed_to(url))
    }

    /// Moves references of the repository behind `url` to a commit that is already in the repository that [`GitHosts::reach`]
    /// gave. Who may not write is refused with the words of the server ([`GitPushError::Refused`]); a branch that has moved
    /// meanwhile is [`GitPushError::Moved`], and nothing has changed then. [`push_to`](super::push_to) does the work on a
    /// repository that is there.
    ///
    /// # Errors
    /// See [`GitPushError`]. Hosts that take no pushes refuse every one.
    fn push<'a>(
        &'a self,
        url: &'a str,
        access: &'a GitAccess,
        push: &'a GitPush,
    ) -> BoxFuture<'a, Result<(), GitPushError>> {
        let _ = (access, push);
        Box::pin(std::future::ready(Err(not_pushed_to(url))))
    }

    /// Moves when other URLs are served, or credentials change; none where they never do.
    fn changes(&self) -> Option<Signal> {
        None
    }
}

fn not_pushed_to(url: &str) -> GitPushError {
    let message = format!("pushing to '{url}' is not supported: the run does not serve it");
    GitPushError::Refused { message }
}

/// A repository to read.
#[derive(Clone, Debug)]
pub struct GitRemote {
    /// Path of a bare repository.
    pub path: PathBuf,
    /// Moves when a reference of the repository changes.
    pub changes: Signal,
}

/// A value that must not appear in logs: its debug form is hidden.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How to authenticate, from the source's `secretRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GitAuth {
    /// Not at all.
    #[default]
    None,
    /// User name and password, or a token as password.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// An SSH key.
    Ssh {
        /// Private key, in PEM.
        identity: Secret,
        /// Known host keys, as in `known_hosts`.
        known_hosts: String,
    },
}

/// How to get at a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitAccess {
    /// Who asks.
    pub auth: GitAuth,
    /// The passphrase of an SSH key.
    pub passphrase: Option<Secret>,
    /// Certificates of authorities that are trusted beside the system's, in PEM.
    pub authority: Option<String>,
    /// A client certificate and its key, in PEM.
    pub certificate: Option<(String, Secret)>,
    /// The proxy's address, with user and password in it where it wants them.
    pub proxy: Option<Secret>,
}

/// Why a repository could not be opened. Messages fit after "failed to checkout and determine revision: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// Nothing is served at this URL.
    #[error("unable to clone '{url}': the URL is not served{}", .hint.as_deref().map(|h| format!(" ({h})")).unwrap_or_default())]
    NotServed {
        /// The URL.
        url: String,
        /// How it could be served.
        hint: Option<String>,
    },
    /// The credentials are missing, or not accepted.
    #[error("unable to clone '{url}': {message}")]
    AuthenticationFailed {
        /// The URL.
        url: String,
        /// What the server says.
        message: String,
    },
    /// The repository does not exist, or does not answer.
    #[error("unable to clone '{url}': {message}")]
    Unavailable {
        /// The URL.
        url: String,
        /// What is wrong.
        message: String,
    },
}
