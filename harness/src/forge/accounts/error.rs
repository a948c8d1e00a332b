//! What can go wrong with accounts.

use super::super::ForgeError;
use super::super::keys::KeyError;

/// An operation on accounts failed. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// There is neither a user nor an organization of that name.
    #[error("find {login:?} on the forge: there is no such user or organization")]
    NoAccount {
        /// The name.
        login: String,
    },
    /// The system has no random bytes.
    #[error("get random bytes of the system for a token")]
    NoRandomness,
    /// The name is taken.
    #[error("create {login:?} on the forge: the name is taken")]
    AccountExists {
        /// The name.
        login: String,
    },
    /// The name of an account cannot be used.
    #[error(
        "create {login:?} on the forge: a name is made of letters, digits and single '-' between them, at most 39"
    )]
    BadAccountName {
        /// The name.
        login: String,
    },
    /// The organization has no such team.
    #[error("find the team {team:?} in {organization:?}: there is none")]
    NoTeam {
        /// The organization.
        organization: String,
        /// The slug.
        team: String,
    },
    /// The repository does not exist.
    #[error("find the repository {full_name}: there is none on the forge")]
    NoRepository {
        /// `owner/name`, or the name in the run.
        full_name: String,
    },
    /// The owner has a repository of that name.
    #[error("create the repository {full_name}: name already exists on this account")]
    RepositoryExists {
        /// `owner/name`.
        full_name: String,
    },
    /// The repository is no template.
    #[error("create a repository from {full_name}: it is not a template repository")]
    NotATemplate {
        /// `owner/name`.
        full_name: String,
    },
    /// The template has no commit.
    #[error("create a repository from {full_name}: it is empty")]
    EmptyTemplate {
        /// `owner/name`.
        full_name: String,
    },
    /// The key is in use, here or elsewhere.
    #[error("add the key: key is already in use")]
    KeyInUse,
    /// There is no such key.
    #[error("find the deploy key {key}: there is none")]
    NoKey {
        /// Number or title.
        key: String,
    },
    /// The key cannot be used.
    #[error("read the key: {0}")]
    Key(
        /// Why not.
        #[source]
        KeyError,
    ),
    /// The secret of a token is too short to be one.
    #[error("add a token: it is empty")]
    EmptyToken,
    /// The repository's files.
    #[error(transparent)]
    Forge(Box<ForgeError>),
}

impl From<ForgeError> for AccountError {
    fn from(error: ForgeError) -> AccountError {
        AccountError::Forge(Box::new(error))
    }
}

impl From<KeyError> for AccountError {
    fn from(error: KeyError) -> AccountError {
        AccountError::Key(error)
    }
}
