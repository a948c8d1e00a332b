//! Who may read and write what. The wire servers and the engine's own way in process ask the same function.

use super::super::keys::{PrivateKey, PublicKey};
use super::super::{Forge, Repo, lock};
use super::model::{Accounts, Hosted, Permission, Token};
use seatrial_engine::{GitAuth, Secret};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// What somebody shows to be let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    #[default]
    Nothing,
    /// A token: as bearer, or as the password of any user.
    Token(Secret),
    /// An SSH key. That they have its private half must have been proven.
    Key(PublicKey),
    /// An SSH key that cannot be read: it opens nothing.
    UnreadableKey(String),
}

impl From<&GitAuth> for Credentials {
    /// What a source's Secret amounts to. A passphrase is not needed: OpenSSH keeps the public half in the clear.
    fn from(auth: &GitAuth) -> Credentials {
        match auth {
            GitAuth::None => Credentials::Nothing,
            GitAuth::Basic { password, .. } => Credentials::Token(password.clone()),
            GitAuth::Bearer { token } => Credentials::Token(token.clone()),
            GitAuth::Ssh { identity, .. } => match public_half(&identity.0) {
                Ok(key) => Credentials::Key(key),
                Err(error) => Credentials::UnreadableKey(error),
            },
        }
    }
}

/// The public half of a private key. Sources show the same few keys at each poll, and working it out takes a while: it is
/// remembered by the digest of the text.
fn public_half(identity: &str) -> Result<PublicKey, String> {
    type Known = BTreeMap<[u8; 32], Result<PublicKey, String>>;
    static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
    const KEPT: usize = 256;
    let digest = Sha256::digest(identity).into();
    if let Some(known) = lock(&KNOWN).get(&digest) {
        return known.clone();
    }
    let read = PrivateKey::parse(identity);
    let public = read.map(|key| key.public().clone()).map_err(|error| error.to_string());
    let mut known = lock(&KNOWN);
    if known.len() >= KEPT {
        known.clear();
    }
    known.insert(digest, public.clone());
    public
}

/// What somebody wants to do with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Clone, fetch, look at it.
    Read,
    /// Push.
    Write,
    /// Change its settings, keys and hooks.
    Administer,
}

/// Who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody unknown.
    Anyone,
    /// A user, by a token or a key of their own.
    User(String),
    /// A deploy key, by its title.
    DeployKey(String),
}

impl Actor {
    /// The name for messages and logs.
    pub fn name(&self) -> &str {
        match self {
            Actor::Anyone => "anonymous",
            Actor::User(login) => login,
            Actor::DeployKey(_) => "deploy key",
        }
    }
}

/// Why somebody was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing was shown, and something is needed.
    Unauthenticated {
        /// Whether they wanted to write.
        writes: bool,
    },
    /// The token is not known (any more).
    BadCredentials,
    /// The key is not known (any more), or cannot be read.
    UnknownKey(String),
    /// The repository does not exist, or they must not know that it does.
    NotFound,
    /// The deploy key is read-only.
    ReadOnlyKey,
    /// They may read and not write.
    Denied {
        /// `owner/name`.
        full_name: String,
        /// Who.
        actor: String,
    },
    /// The token lacks a scope.
    NoScope {
        /// The scope.
        scope: &'static str,
    },
}

impl Refusal {
    /// What GitHub's SSH server writes to standard error, behind `ERROR: `.
    pub fn over_ssh(&self) -> String {
        match self {
            Refusal::ReadOnlyKey => {
                "The key you are authenticating with has been marked as read only.".to_owned()
            }
            Refusal::Denied { full_name, actor } => {
                format!("Permission to {full_name}.git denied to {actor}.")
            }
            _ => "Repository not found.".to_owned(),
        }
    }

    /// What GitHub answers to Git over HTTP: the status, and the words that `git` shows behind `remote: `.
    pub fn over_http(&self) -> (u16, String) {
        match self {
            Refusal::Unauthenticated { writes: true } => (401, "No anonymous write access.".to_owned()),
            Refusal::Unauthenticated { writes: false } => (401, "Repository not found.".to_owned()),
            Refusal::BadCredentials | Refusal::UnknownKey(_) => (
                401,
                "Invalid username or token. Password authentication is not supported for Git operations."
                    .to_owned(),
            ),
            Refusal::NotFound => (404, "Repository not found.".to_owned()),
            Refusal::ReadOnlyKey => (403, self.over_ssh()),
            Refusal::Denied { .. } => (403, self.over_ssh()),
            Refusal::NoScope { scope } => (403, format!("The token lacks the scope `{scope}`.")),
        }
    }

    /// What Flux's Git client says where a server refuses it like this; fits after `unable to clone 'URL': `.
    pub fn to_flux(&self, ssh: bool) -> String {
        match self {
            Refusal::UnknownKey(problem) if problem.starts_with("ssh: no key") => problem.clone(),
            Refusal::UnknownKey(_) | Refusal::Unauthenticated { .. } | Refusal::BadCredentials if ssh => {
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no \
                 supported methods remain"
                    .to_owned()
            }
            Refusal::NotFound if ssh => "repository not found".to_owned(),
            _ if ssh => format!("unknown error: ERROR: {}", self.over_ssh()),
            _ => match self.over_http() {
                (401, words) => format!("authentication required: {words}"),
                (404, words) => format!("repository not found: {words}"),
                (_, words) => format!("authorization failed: {words}"),
            },
        }
    }
}

impl Forge {
    /// Whether the holder of these credentials may do this with a repository, and who they are.
    ///
    /// Open repositories (see the [module](super)) let in everybody whom the forge does not know; to those whom it knows they say what a
    /// checked one does: what they must not write, and what is private and not theirs.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authorize(&self, repo: &Repo, who: &Credentials, wants: Wants) -> Result<Actor, Refusal> {
        let state = lock(&self.state);
        let accounts = &state.accounts;
        let Some(hosted) = accounts.hosted.get(repo.name()) else { return Err(Refusal::NotFound) };
        let checked = accounts.judge(hosted, who, wants);
        if hosted.checked || wants == Wants::Administer {
            return checked;
        }
        match checked {
            Err(refusal @ Refusal::ReadOnlyKey) => Err(refusal),
            Err(refusal @ (Refusal::Denied { .. } | Refusal::NotFound | Refusal::NoScope { .. }))
                if wants == Wants::Write || hosted.private =>
            {
                if accounts.is_known(who) {
                    Err(refusal)
                } else {
                    Ok(Actor::Anyone)
                }
            }
            other => Ok(other.unwrap_or(Actor::Anyone)),
        }
    }

    /// The user whose token this is, with what it is good for.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`].
    pub fn token(&self, secret: &Secret) -> Result<Token, Refusal> {
        let known = lock(&self.state).accounts.tokens.get(&digest(secret)).cloned();
        known.ok_or(Refusal::BadCredentials)
    }

    /// Whether an SSH key opens anything: it is a user's, or a deploy key.
    pub fn knows_key(&self, key: &PublicKey) -> bool {
        lock(&self.state).accounts.is_known(&Credentials::Key(key.clone()))
    }

    /// The name by which the SSH server greets the holder of a key: the user, or the repository of a deploy key.
    pub fn holder(&self, key: &PublicKey) -> Option<String> {
        let state = lock(&self.state);
        let accounts = &state.accounts;
        let of_user = accounts.user_of(key);
        of_user.map(str::to_owned).or_else(|| {
            let mut all = accounts.hosted.values();
            all.find(|hosted| hosted.keys.iter().any(|k| k.key == *key)).map(Hosted::full_name)
        })
    }
}

impl Accounts {
    /// What a checked repository says.
    fn judge(&self, hosted: &Hosted, who: &Credentials, wants: Wants) -> Result<Actor, Refusal> {
        match who {
            Credentials::Nothing if !hosted.private && wants == Wants::Read => Ok(Actor::Anyone),
            Credentials::Nothing => Err(Refusal::Unauthenticated { writes: wants != Wants::Read }),
            Credentials::UnreadableKey(problem) => Err(Refusal::UnknownKey(problem.clone())),
            Credentials::Token(secret) => {
                let token = self.tokens.get(&digest(secret)).ok_or(Refusal::BadCredentials)?;
                let of_user = self.as_user(&token.login, hosted, wants)?;
                let scoped = token.scopes.contains("repo")
                    || !hosted.private && (wants == Wants::Read || token.scopes.contains("public_repo"));
                match scoped {
                    true => Ok(of_user),
                    // To a token without the scope private repositories do not exist.
                    false if hosted.private => Err(Refusal::NotFound),
                    false => Err(Refusal::NoScope { scope: "repo" }),
                }
            }
            Credentials::Key(key) => {
                if let Some(login) = self.user_of(key) {
                    return self.as_user(login, hosted, wants);
                }
                match hosted.keys.iter().find(|found| found.key == *key) {
                    Some(found) if wants == Wants::Read || !found.read_only && wants == Wants::Write => {
                        Ok(Actor::DeployKey(found.title.clone()))
                    }
                    Some(_) => Err(Refusal::ReadOnlyKey),
                    None if !self.is_known(who) => Err(Refusal::UnknownKey("unknown key".to_owned())),
                    None if hosted.private => Err(Refusal::NotFound),
                    None if wants == Wants::Read => Ok(Actor::Anyone),
                    None => Err(denied(hosted, "deploy key")),
                }
            }
        }
    }

    fn as_user(&self, login: &str, hosted: &Hosted, wants: Wants) -> Result<Actor, Refusal> {
        let permission = self.permission(login, hosted).or((!hosted.private).then_some(Permission::Pull));
        let permission = permission.ok_or(Refusal::NotFound)?;
        let needed = match wants {
            Wants::Read => Permission::Pull,
            Wants::Write => Permission::Push,
            Wants::Administer => Permission::Admin,
        };
        if permission < needed {
            return Err(denied(hosted, login));
        }
        Ok(Actor::User(login.to_owned()))
    }

    fn user_of(&self, key: &PublicKey) -> Option<&str> {
        let mut users = self.users.values();
        users.find(|user| user.keys.iter().any(|(_, k)| k == key)).map(|user| user.login.as_str())
    }

    /// Whether the forge knows whose credentials these are.
    pub(super) fn is_known(&self, who: &Credentials) -> bool {
        match who {
            Credentials::Nothing | Credentials::UnreadableKey(_) => false,
            Credentials::Token(secret) => self.tokens.contains_key(&digest(secret)),
            Credentials::Key(key) => {
                self.user_of(key).is_some()
                    || self.hosted.values().any(|hosted| hosted.keys.iter().any(|k| k.key == *key))
            }
        }
    }
}

fn denied(hosted: &Hosted, actor: &str) -> Refusal {
    Refusal::Denied { full_name: hosted.full_name(), actor: actor.to_owned() }
}

/// What is kept of a token. Comparing digests says nothing about how much of a guess is right.
pub(super) fn digest(secret: &Secret) -> [u8; 32] {
    Sha256::digest(&secret.0).into()
}
