//! What a repository of the registry does instead of answering: faults, slowness, whom it lets in, and what it says wrongly.
//!
//! Rules hold for everybody: Flux in process ([`seatrial_engine::OciRegistries`]), nodes that pull ([`super::Images`]), and
//! clients over HTTP.

use super::store::State;
use super::tokens::{TokenFault, Way};
use super::{Digest, Registry, RegistryError, RepositoryName};
use crate::scenario::{SetRegistry, TokenAction};
use seatrial_engine::{OciAddress, OciAuth, OciError, Secret};
use seatrial_time::{Clock, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a repository answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Answers instead of the content.
    pub fault: Option<Fault>,
    /// How long every answer takes.
    pub latency: Duration,
    /// The credentials that are let in; none: everybody is. A token is also let in as the password of any user, as registries
    /// take access tokens.
    pub login: OciAuth,
    /// How long those credentials are let in; none: as long as the rule stands.
    pub login_ends: Option<Duration>,
    /// Whether every token has expired by the time it is shown.
    pub expired_tokens: bool,
    /// Tags that point elsewhere while the rule stands: at what another tag, or a digest, points at.
    pub moved: BTreeMap<String, String>,
    /// Tags of which the repository says a digest that their content does not have.
    pub wrong_digests: BTreeSet<String>,
}

/// A registry that does not do what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The status: 429, or one of 500 to 599.
    pub status: u16,
    /// To how many requests; none: to all, until another rule is set.
    pub times: Option<u32>,
    /// How long after the first refusal requests are refused in any case, as a registry says it in `Retry-After`; those count in
    /// `times`, too.
    pub retry_after: Option<Duration>,
}

/// A rule, and what came of it so far.
#[derive(Debug)]
pub(super) struct Ruled {
    pub(super) rule: Rule,
    clock: Clock,
    refused: u32,
    until: Option<jiff::Timestamp>,
    /// When the credentials stop being let in.
    login_until: Option<jiff::Timestamp>,
    /// Tells those who wait that the credentials have expired.
    _expiry: Option<Task>,
}

/// What becomes of a request before anybody looks at what it asks for.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    /// How long the answer takes.
    pub(crate) latency: Duration,
    /// Why it is refused.
    pub(crate) refusal: Option<Refused>,
    clock: Option<Clock>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// By a fault.
    Fault {
        /// The status.
        status: u16,
        /// How long it is refused in any case, where the rule says it.
        retry_after: Option<Duration>,
    },
    /// Its credentials are not let in.
    Login {
        /// Whether there were any.
        given: bool,
    },
    /// A token is wanted.
    Token(TokenFault),
}

impl Passage {
    /// Waits as long as the answer takes.
    pub(crate) async fn wait(&self) {
        if let Some(clock) = self.clock.as_ref().filter(|_| !self.latency.is_zero()) {
            clock.sleep(self.latency).await;
        }
    }
}

impl Ruled {
    /// Why these credentials are not let in where no tokens are wanted.
    fn login(&self, auth: &OciAuth) -> Option<Refused> {
        let admitted = admits(&self.rule.login, auth) && !expired(self);
        (!admitted).then_some(Refused::Login { given: *auth != OciAuth::None })
    }

    fn passage(&mut self, login: Option<Refused>, login_first: bool) -> Passage {
        let refusal = match login.filter(|_| login_first) {
            Some(login) => Some(login),
            None => self.fault().or(login),
        };
        Passage { latency: self.rule.latency, refusal, clock: Some(self.clock.clone()) }
    }

    /// The refusal of this request by a fault.
    fn fault(&mut self) -> Option<Refused> {
        let fault = self.rule.fault?;
        let now = self.clock.now();
        let waits = self.until.is_some_and(|until| now < until);
        let all_told = fault.times.is_some_and(|times| self.refused >= times);
        if all_told && !waits {
            return None;
        }
        self.refused = self.refused.saturating_add(1);
        if let (None, Some(time)) = (self.until, fault.retry_after) {
            self.until = now.checked_add(time).ok();
        }
        let left = self.until.and_then(|until| Duration::try_from(until.duration_since(now)).ok());
        Some(Refused::Fault { status: fault.status, retry_after: left })
    }
}

/// Whether the credentials of a rule have expired.
pub(super) fn expired(ruled: &Ruled) -> bool {
    ruled.login_until.is_some_and(|until| ruled.clock.now() >= until)
}

/// Whether `login` lets these credentials in.
pub(super) fn admits(login: &OciAuth, given: &OciAuth) -> bool {
    match (login, given) {
        (OciAuth::None, _) => true,
        (OciAuth::Bearer { token }, OciAuth::Basic { password, .. }) => token == password,
        (login, given) => login == given,
    }
}

impl From<&SetRegistry> for Rule {
    fn from(set: &SetRegistry) -> Rule {
        let secret = |text: &Option<String>| Secret(text.clone().unwrap_or_default());
        let login = set.login.as_ref().map_or(OciAuth::None, |login| match &login.username {
            Some(username) => {
                OciAuth::Basic { username: username.clone(), password: secret(&login.password) }
            }
            None => OciAuth::Bearer { token: secret(&login.token) },
        });
        let fault = set.fault.as_ref().map(|fault| Fault {
            status: fault.status,
            times: fault.times,
            retry_after: fault.retry_after.map(|span| span.0),
        });
        Rule {
            fault,
            latency: set.latency.map_or(Duration::ZERO, |span| span.0),
            login,
            login_ends: set.login.as_ref().and_then(|login| login.expires_after).map(|span| span.0),
            expired_tokens: set.expired_tokens,
            moved: set.moved.clone(),
            wrong_digests: set.wrong_digests.iter().cloned().collect(),
        }
    }
}

impl Registry {
    /// Has a repository that is mapped answer by `rule` from now on; by the default rule, it answers as it did in the beginning.
    /// On the wall clock a tokio runtime is needed where credentials expire.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`], [`RegistryError::BadReference`]; [`RegistryError::NoTag`] and [`RegistryError::NoDigest`]
    /// where the rule moves, or is wrong about, what the repository does not have.
    pub fn set_rule(&self, name: &str, rule: Rule, clock: &Clock) -> Result<(), RegistryError> {
        let mut state = self.state();
        let name = state.own_name(&RepositoryName::parse(name)?);
        let repository = state.repository(&name)?;
        if let Some(unknown) = repository.unknown(&rule).map(str::to_owned) {
            let name = name.to_string();
            return Err(match Digest::parse(&unknown) {
                Some(_) => RegistryError::NoDigest { name, digest: unknown },
                None => RegistryError::NoTag { name, tag: unknown },
            });
        }
        let login_until = rule.login_ends.and_then(|ends| clock.now().checked_add(ends).ok());
        let expiry = rule.login_ends.map(|ends| {
            let (timer, signal) = (clock.clone(), self.signal().clone());
            clock.spawn(format!("registry/{name}/login"), async move {
                timer.sleep(ends).await;
                signal.bump();
            })
        });
        let is_default = rule == Rule::default();
        let ruled =
            Ruled { rule, clock: clock.clone(), refused: 0, until: None, login_until, _expiry: expiry };
        let before = std::mem::replace(&mut repository.rule, (!is_default).then_some(ruled));
        drop(state);
        drop(before);
        self.signal().bump();
        Ok(())
    }

    /// What becomes of a request to read a repository with these credentials.
    pub(crate) fn ask(&self, name: &RepositoryName, auth: &OciAuth) -> Passage {
        self.answer(name, auth, &[TokenAction::Pull], Way::Inside)
    }

    /// The same over HTTP, where clients ask without credentials first: a fault is for those who are let in.
    #[cfg(feature = "serve")]
    pub(crate) fn ask_over_http(
        &self,
        name: &RepositoryName,
        auth: &OciAuth,
        actions: &[TokenAction],
    ) -> Passage {
        self.answer(name, auth, actions, Way::Http)
    }

    fn answer(&self, name: &RepositoryName, auth: &OciAuth, actions: &[TokenAction], way: Way) -> Passage {
        let mut state = self.state();
        let name = state.own_name(name);
        let login = state.login(&name, auth, actions, way);
        let Some(ruled) = state.repositories.get_mut(&name).and_then(|found| found.rule.as_mut()) else {
            return Passage { refusal: login, ..Passage::default() };
        };
        let passage = ruled.passage(login, way != Way::Inside);
        let ends = ruled.rule.fault.is_some_and(|fault| fault.times.is_some());
        drop(state);
        if ends && matches!(passage.refusal, Some(Refused::Fault { .. })) {
            // The next answer may be another one: whoever waits for a change has to ask again.
            self.signal().bump();
        }
        passage
    }

    /// Whether a repository looks at credentials itself.
    #[cfg(feature = "serve")]
    pub(crate) fn has_login(&self, name: &RepositoryName) -> bool {
        let state = self.state();
        let ruled = state.repositories.get(&state.own_name(name)).and_then(|found| found.rule.as_ref());
        let guarded =
            state.repositories.get(&state.own_name(name)).is_some_and(|found| found.access.is_some());
        guarded || ruled.is_some_and(|ruled| ruled.rule.login != OciAuth::None)
    }

    /// Whether some repository lets these credentials in by its own rule.
    #[cfg(feature = "serve")]
    pub(crate) fn knows(&self, auth: &OciAuth) -> bool {
        let state = self.state();
        let mut rules = state.repositories.values().filter_map(|found| found.rule.as_ref());
        rules.any(|ruled| {
            ruled.rule.login != OciAuth::None && !expired(ruled) && admits(&ruled.rule.login, auth)
        })
    }

    /// Waits as long as an answer takes, and fails where a rule says so. `path` is what is asked for, behind `/v2/`.
    pub(super) async fn let_in(
        &self,
        name: &RepositoryName,
        at: &OciAddress,
        path: &str,
    ) -> Result<(), OciError> {
        let passage = self.ask(name, &at.auth);
        passage.wait().await;
        passage.refusal.map_or(Ok(()), |refused| Err(told(refused, at, path)))
    }
}

impl State {
    /// Why these credentials are not let in, if they are not. A repository without a token service takes its tokens, too: clients go
    /// by what the base of the registry says.
    fn login(
        &self,
        name: &RepositoryName,
        auth: &OciAuth,
        actions: &[TokenAction],
        way: Way,
    ) -> Option<Refused> {
        let repository = self.repositories.get(name);
        let ruled = repository.and_then(|found| found.rule.as_ref());
        let fault = self.token_fault(name, auth, actions, way);
        if repository.is_none_or(|found| found.access.is_none()) {
            return match fault {
                None => None,
                Some(TokenFault::Scope) => Some(Refused::Token(TokenFault::Scope)),
                Some(_) => ruled.and_then(|ruled| ruled.login(auth)),
            };
        }
        let all_expired = ruled.is_some_and(|ruled| ruled.rule.expired_tokens);
        if all_expired && fault != Some(TokenFault::Missing) {
            return Some(Refused::Token(TokenFault::Invalid));
        }
        fault.map(Refused::Token)
    }
}

/// A refusal in the words of go-containerregistry: proxies in front of registries answer 5xx without the specification's errors.
fn told(refused: Refused, at: &OciAddress, path: &str) -> OciError {
    let (host, path) = (at.host.clone(), path.to_owned());
    let said = |code: &str, message: &str| OciError::Refused {
        host: host.clone(),
        path: path.clone(),
        code: code.to_owned(),
        message: message.to_owned(),
    };
    match refused {
        Refused::Fault { status: 429, .. } => said("TOOMANYREQUESTS", RATE_LIMIT),
        Refused::Fault { status, .. } => OciError::Status { host, path, status },
        Refused::Login { given } => said("UNAUTHORIZED", unauthorized(given)),
        // What was asked for stands in the details, which clients in Go print as a map.
        Refused::Token(_) => said(
            "UNAUTHORIZED",
            &format!("{}; [map[Action:pull Class: Name:{} Type:repository]]", unauthorized(false), at.path),
        ),
    }
}

/// What a registry says with 429.
pub(crate) const RATE_LIMIT: &str = "You have reached your pull rate limit";

/// What a registry says with 401, to a request with or without credentials.
pub(crate) fn unauthorized(given: bool) -> &'static str {
    match given {
        false => "authentication required",
        true => "authentication required: the credentials are wrong or have expired",
    }
}
