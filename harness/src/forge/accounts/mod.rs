//! Who there is on the forge, what belongs to whom, and who may do what.
//!
//! # Flow
//! [`Forge`](super::Forge) keeps users, organizations, teams, tokens and deploy keys beside the repositories. Whoever asks for a
//! repository, over HTTP, over SSH or in process, comes with [`Credentials`]; `Forge::authorize` says who that is and
//! whether they may, and a [`Refusal`] has the words of the forge for each protocol.
//!
//! # Open and checked repositories
//! A repository is *open* until it is asked to check: a scenario that is about something else need not give its sources
//! credentials. An open repository takes anybody, but holds credentials that it knows to what they may write: a read-only deploy
//! key does not push. A *checked* one works as on GitHub: public ones may be read by anybody, private ones by those who have a
//! right to, and pushes need one everywhere. Whoever makes a repository private, by a scenario or the API, has it checked.
//!
//! # Guarantees
//! - Tokens are kept as digests: there is nothing to leak.
//! - Names are compared without regard to case, as GitHub does.

mod access;
mod directory;
mod error;
mod model;
mod repositories;

pub use access::{Actor, Credentials, Refusal, Wants};
pub(crate) use directory::is_login;
pub use error::AccountError;
pub(super) use model::Accounts;
pub use model::{
    DEFAULT_USER, DeployKey, Hosted, NewRepository, Organization, Permission, Site, Team, Template, Token,
    User,
};

#[cfg(test)]
mod tests;
