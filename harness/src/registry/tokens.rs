//! The registry's token service (Docker's token authentication): whom it gives tokens, and what they are good for.
//!
//! # Flow
//! A request without a token is refused with a challenge, which names the service and the scope; the service looks at the
//! credentials and gives a token for what they allow of the scope (it may be nothing); the request comes again with the token.
//!
//! # Guarantees
//! - Of a token its digest alone is kept. A token that was given in process does not count over HTTP: it can be guessed.
//! - What a token is good for is decided when it is given, and holds until it expires by the clock of the run.

use super::rules::{admits, expired};
use super::store::State;
use super::{Registry, RegistryError, RepositoryName};
use crate::scenario::{TokenAction, TokensSpec};
use jiff::Timestamp;
use seatrial_engine::{OciAuth, OciChallenge, Secret};
use seatrial_time::Clock;
use sha2::{Digest as _, Sha256};
#[cfg(feature = "serve")]
use std::collections::VecDeque;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a token holds where nothing else is said.
const USUAL: Duration = Duration::from_secs(300);

/// How long one holds with which others can be had.
#[cfg(feature = "serve")]
const LASTING: Duration = Duration::from_secs(30 * 86_400);

/// How many of those there are at most: the oldest is forgotten.
#[cfg(feature = "serve")]
const MOST_LASTING: usize = 1000;

/// Whom a repository's token service lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    expires_after: Duration,
    anonymous: BTreeSet<TokenAction>,
    users: BTreeMap<String, (Secret, BTreeSet<TokenAction>)>,
}

/// What the service remembers.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Set as soon as a repository is guarded by tokens.
    clock: Option<Clock>,
    given: BTreeMap<[u8; 32], Given>,
    /// Tokens with which others can be had, the oldest first.
    #[cfg(feature = "serve")]
    refreshing: VecDeque<Refreshing>,
    count: u64,
}

#[derive(Debug)]
struct Given {
    access: BTreeMap<RepositoryName, BTreeSet<TokenAction>>,
    /// Whether it is good for the list of all repositories.
    #[cfg(feature = "serve")]
    catalog: bool,
    until: Timestamp,
    way: Way,
}

/// A token with which others can be had.
#[cfg(feature = "serve")]
#[derive(Debug)]
struct Refreshing {
    digest: [u8; 32],
    /// The credentials behind it.
    auth: OciAuth,
    until: Timestamp,
}

/// How somebody reaches the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In process.
    Inside,
    /// Over HTTP.
    #[cfg(feature = "serve")]
    Http,
}

/// What is wanted of the service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Repositories, and what is to be done with them.
    pub(crate) repositories: BTreeMap<RepositoryName, BTreeSet<TokenAction>>,
    /// Whether the list of all repositories is wanted.
    #[cfg(feature = "serve")]
    pub(crate) catalog: bool,
}

/// Who asks the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) auth: &'a OciAuth,
    /// Whether the credentials are those of the run, which may do everything that no repository keeps to its own.
    pub(crate) is_run: bool,
    pub(crate) way: Way,
}

/// A token that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenToken {
    pub(crate) at: Timestamp,
    pub(crate) expires_after: Duration,
    /// What it is good for.
    pub(crate) scope: Vec<(RepositoryName, BTreeSet<TokenAction>)>,
}

/// Why a token is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// There is none.
    Missing,
    /// It is none of the service, or has expired.
    Invalid,
    /// It is not good for what is asked for.
    Scope,
}

impl TokenFault {
    /// Its word in a challenge.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            TokenFault::Missing => None,
            TokenFault::Invalid => Some("invalid_token"),
            TokenFault::Scope => Some("insufficient_scope"),
        }
    }
}

impl From<&TokensSpec> for Access {
    fn from(spec: &TokensSpec) -> Access {
        let users = spec.users.iter().map(|(name, user)| {
            let actions = user.actions.clone().unwrap_or_else(|| TokenAction::ALL.to_vec());
            (name.clone(), (Secret(user.password.clone()), actions.into_iter().collect()))
        });
        Access {
            expires_after: spec.expires_after.map_or(USUAL, |span| span.0),
            anonymous: spec.anonymous.iter().copied().collect(),
            users: users.collect(),
        }
    }
}

fn later(at: Timestamp, time: Duration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Registry {
    /// Has a token service guard a repository that is mapped.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`], [`RegistryError::BadReference`].
    pub fn guard(&self, name: &str, tokens: &TokensSpec, clock: &Clock) -> Result<(), RegistryError> {
        let mut state = self.state();
        let name = state.own_name(&RepositoryName::parse(name)?);
        state.repository(&name)?.access = Some(Access::from(tokens));
        state.tokens.clock = Some(clock.clone());
        drop(state);
        self.signal().bump();
        Ok(())
    }

    /// Where clients of a repository that tokens guard are sent, in process.
    pub(crate) fn challenge(&self, name: &RepositoryName) -> Option<OciChallenge> {
        let state = self.state();
        state.repositories.get(&state.own_name(name))?.access.as_ref()?;
        let (host, service) = match name.registry() {
            "docker.io" => ("auth.docker.io", "registry.docker.io"),
            other => (other, other),
        };
        Some(OciChallenge { realm: format!("https://{host}/token"), service: service.to_owned() })
    }

    /// Gives a token in process: for reading one repository. `None`: the credentials are wrong.
    pub(crate) fn give_inside(&self, name: &RepositoryName, auth: &OciAuth) -> Option<Secret> {
        let mut state = self.state();
        state.tokens.count += 1;
        let token = format!("inside-{}", state.tokens.count);
        let wanted = BTreeSet::from([TokenAction::Pull]);
        let scope = Scope { repositories: BTreeMap::from([(name.clone(), wanted)]), ..Scope::default() };
        let asker = Asker { auth, is_run: false, way: Way::Inside };
        state.give(&token, &scope, asker)?;
        Some(Secret(token))
    }

    /// Whether some repository is guarded by tokens: the service is there, for the others, too.
    #[cfg(feature = "serve")]
    pub(crate) fn gives_tokens(&self) -> bool {
        self.state().tokens.clock.is_some()
    }

    /// Gives out `token`, which nobody can guess, for what the credentials allow of `scope`. `None`: they are wrong.
    #[cfg(feature = "serve")]
    pub(crate) fn give(&self, token: &str, scope: &Scope, asker: Asker<'_>) -> Option<GivenToken> {
        self.state().give(token, scope, asker)
    }

    /// Remembers credentials under a token with which others can be had.
    #[cfg(feature = "serve")]
    pub(crate) fn refresh_by(&self, token: &str, auth: &OciAuth) {
        let mut state = self.state();
        let tokens = &mut state.tokens;
        let Some(now) = tokens.clock.as_ref().map(Clock::now) else { return };
        let until = later(now, LASTING);
        tokens.refreshing.push_back(Refreshing { digest: digest(token), auth: auth.clone(), until });
        let too_many = tokens.refreshing.len().saturating_sub(MOST_LASTING);
        tokens.refreshing.drain(..too_many);
        tokens.refreshing.retain(|known| now < known.until);
    }

    /// The credentials behind such a token.
    #[cfg(feature = "serve")]
    pub(crate) fn refreshing(&self, token: &str) -> Option<OciAuth> {
        let (state, digest) = (self.state(), digest(token));
        let now = state.tokens.clock.as_ref()?.now();
        let mut holding = state.tokens.refreshing.iter().filter(|known| now < known.until);
        holding.find(|known| known.digest == digest).map(|known| known.auth.clone())
    }

    /// Whether these are a token of the service that holds; with `catalog`, one that is good for the list of all repositories.
    #[cfg(feature = "serve")]
    pub(crate) fn has_given(&self, auth: &OciAuth, catalog: bool) -> bool {
        let state = self.state();
        state.tokens.find(auth, Way::Http).is_some_and(|given| given.catalog || !catalog)
    }

    /// Whether a token is good for reading this repository. Where tokens do not guard it, everybody's is.
    #[cfg(feature = "serve")]
    pub(crate) fn may_mount(&self, from: &RepositoryName, auth: &OciAuth) -> bool {
        let state = self.state();
        let from = state.own_name(from);
        let guarded = state.repositories.get(&from).is_some_and(|found| found.access.is_some());
        !guarded || state.token_fault(&from, auth, &[TokenAction::Pull], Way::Http).is_none()
    }
}

impl Tokens {
    /// The token that these are, where it holds.
    fn find(&self, auth: &OciAuth, way: Way) -> Option<&Given> {
        let OciAuth::Bearer { token } = auth else { return None };
        let now = self.clock.as_ref()?.now();
        self.given.get(&digest(&token.0)).filter(|given| given.way == way && now < given.until)
    }
}

impl State {
    fn give(&mut self, token: &str, scope: &Scope, asker: Asker<'_>) -> Option<GivenToken> {
        let at = self.tokens.clock.as_ref()?.now();
        if *asker.auth != OciAuth::None && !asker.is_run && !self.is_known(asker, scope) {
            return None;
        }
        let mut expires_after = USUAL;
        let mut access = BTreeMap::new();
        for (name, wanted) in &scope.repositories {
            let name = self.own_name(name);
            let allowed = self.allowed(&name, asker);
            let known: &mut BTreeSet<TokenAction> = access.entry(name).or_default();
            known.extend(wanted.intersection(&allowed));
        }
        let lives = access
            .keys()
            .filter_map(|name| Some(self.repositories.get(name)?.access.as_ref()?.expires_after));
        if let Some(shortest) = lives.min() {
            expires_after = shortest;
        }
        let until = later(at, expires_after);
        self.tokens.given.retain(|_, given| at < given.until);
        let given = Given {
            access: access.clone(),
            #[cfg(feature = "serve")]
            catalog: scope.catalog && asker.is_run,
            until,
            way: asker.way,
        };
        self.tokens.given.insert(digest(token), given);
        let scope =
            access.into_iter().filter(|(_, actions): &(_, BTreeSet<TokenAction>)| !actions.is_empty());
        Some(GivenToken { at, expires_after, scope: scope.collect() })
    }

    /// Whether some repository of the registry that is asked knows these credentials. The registry's own address, and its service
    /// over HTTP, have them all.
    fn is_known(&self, asker: Asker<'_>, scope: &Scope) -> bool {
        let asked = |registry: &str| {
            let mut wanted = scope.repositories.keys().map(RepositoryName::registry);
            asker.way != Way::Inside || wanted.any(|asked| asked == registry || self.hosts.contains(asked))
        };
        let there = self.repositories.iter().filter(|(name, _)| asked(name.registry()));
        there.map(|(_, repository)| repository).any(|repository| {
            let ruled = repository.rule.as_ref().filter(|ruled| ruled.rule.login != OciAuth::None);
            match (ruled, &repository.access, asker.auth) {
                (Some(ruled), ..) => !expired(ruled) && admits(&ruled.rule.login, asker.auth),
                (None, Some(access), OciAuth::Basic { username, password }) => {
                    access.users.get(username).is_some_and(|(known, _)| known == password)
                }
                _ => false,
            }
        })
    }

    /// What these credentials allow of a repository.
    fn allowed(&self, name: &RepositoryName, asker: Asker<'_>) -> BTreeSet<TokenAction> {
        let all = |good: bool| if good { TokenAction::ALL.into_iter().collect() } else { BTreeSet::new() };
        let repository = self.repositories.get(name);
        let ruled = repository.and_then(|found| found.rule.as_ref());
        if let Some(ruled) = ruled.filter(|ruled| ruled.rule.login != OciAuth::None) {
            return all(!expired(ruled) && admits(&ruled.rule.login, asker.auth));
        }
        let Some(access) = repository.and_then(|found| found.access.as_ref()) else {
            return all(asker.is_run || asker.way == Way::Inside);
        };
        let own = match asker.auth {
            OciAuth::Basic { username, password } => {
                access.users.get(username).filter(|(known, _)| known == password).map(|(_, actions)| actions)
            }
            _ => None,
        };
        own.into_iter().flatten().chain(&access.anonymous).copied().collect()
    }

    /// Why these credentials are not a token that is good for `actions`, if they are not.
    pub(super) fn token_fault(
        &self,
        name: &RepositoryName,
        auth: &OciAuth,
        actions: &[TokenAction],
        way: Way,
    ) -> Option<TokenFault> {
        if !matches!(auth, OciAuth::Bearer { .. }) {
            return Some(TokenFault::Missing);
        }
        let Some(given) = self.tokens.find(auth, way) else { return Some(TokenFault::Invalid) };
        let good = given.access.get(name).is_some_and(|access| actions.iter().all(|a| access.contains(a)));
        (!good).then_some(TokenFault::Scope)
    }
}
