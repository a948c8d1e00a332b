//! What bootstrap reaches beside the cluster: repositories, and the forge that keeps them.

use super::keys::KeyError;
use bytes::Bytes;
use seatrial_engine::CommitKey;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// Work under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A repository, and what opens it.
#[derive(Clone)]
pub struct Remote {
    /// The URL, without credentials.
    pub url: String,
    /// Who asks.
    pub access: Access,
    /// A file with the certificate authority of the server, where no public one has signed its certificate.
    pub ca_file: Option<PathBuf>,
}

/// Who asks for a repository.
#[derive(Clone, Default)]
pub enum Access {
    /// Whoever the user is: for SSH, the agent and the user's own keys.
    #[default]
    User,
    /// A user name and a password, or a token in its place.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token in the header `Authorization`.
    Bearer(String),
    /// A private key.
    Key {
        /// The key, in a form that OpenSSH reads.
        key: String,
        /// Its passphrase; empty where it has none.
        passphrase: String,
        /// The server's keys, as lines of `known_hosts`.
        known_hosts: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::User => "User",
            Access::Password { .. } => "Password",
            Access::Bearer(_) => "Bearer",
            Access::Key { .. } => "Key",
        })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).field("access", &self.access).finish_non_exhaustive()
    }
}

/// A commit to make.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The message.
    pub message: String,
    /// Name of the author.
    pub name: String,
    /// Mail address of the author; may be empty.
    pub email: String,
    /// Paths and contents of files to write.
    pub files: Vec<(String, String)>,
    /// What it is signed with.
    pub signer: Option<Arc<CommitKey>>,
}

/// A branch of a repository that was cloned.
pub trait Checkout: Send {
    /// The file at `path` of the branch as it stands here, with the commits that were made; none where there is no such file.
    ///
    /// # Errors
    /// It cannot be read; the text fits behind a colon.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String>;

    /// Commits, here; the result is the commit's id, or none where nothing differs.
    ///
    /// # Errors
    /// The text fits behind a colon.
    fn commit<'a>(&'a mut self, commit: &'a Commit) -> Pending<'a, Result<Option<String>, String>>;

    /// The id of the newest commit here; empty where there is none.
    fn tip(&self) -> String;

    /// Sends the commits to the repository.
    ///
    /// # Errors
    /// The server does not take them.
    fn push(&mut self) -> Pending<'_, Result<(), PushError>>;
}

/// Commits were not taken. The text fits behind a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The branch has moved on since it was checked out.
    #[error("{0}")]
    Conflict(String),
    /// Anything else.
    #[error("{0}")]
    Refused(String),
}

/// How forges and repositories are reached. Errors are texts that fit behind a colon, and have no secret in them.
pub trait Hosts: Send + Sync {
    /// Clones a branch; in a repository without commits the branch begins with the first one.
    ///
    /// # Errors
    /// Also where there is no such branch.
    fn check_out<'a>(
        &'a self,
        remote: &'a Remote,
        branch: &'a str,
    ) -> Pending<'a, Result<Box<dyn Checkout>, String>>;

    /// Sends a request to a forge. Its URI is absolute; `ca_file` as in [`Remote`].
    ///
    /// # Errors
    /// Nobody answered.
    fn ask<'a>(
        &'a self,
        request: http::Request<Bytes>,
        ca_file: Option<&'a std::path::Path>,
    ) -> Pending<'a, Result<http::Response<Bytes>, String>>;

    /// The keys of an SSH server, as lines of `known_hosts`.
    ///
    /// # Errors
    /// Nobody answered.
    fn known_hosts<'a>(&'a self, host: &'a str, port: Option<u16>) -> Pending<'a, Result<String, String>>;

    /// Fills `bytes` with random ones, of which keys are made.
    ///
    /// # Errors
    /// There are none.
    fn random(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        Ok(aws_lc_rs::rand::fill(bytes)?)
    }
}
