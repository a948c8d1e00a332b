//! What a repository of the registry does instead of answering: faults, slowness, and whom it lets in.
//!
//! Rules hold for the engine's questions ([`seatrial_engine::OciRegistries`]); kubelets pull whatever is there.

use super::{Registry, RegistryError, RepositoryName};
use crate::scenario::SetRegistry;
use seatrial_engine::{OciAddress, OciAuth, OciError, Secret};
use seatrial_time::Clock;
use std::time::Duration;

/// How a repository answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Answers instead of the content.
    pub fault: Option<Fault>,
    /// How long every answer takes.
    pub latency: Duration,
    /// The credentials that are let in; none: everybody is.
    pub login: OciAuth,
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
#[derive(Clone, Debug)]
pub(super) struct Ruled {
    rule: Rule,
    clock: Clock,
    refused: u32,
    until: Option<jiff::Timestamp>,
}

impl Ruled {
    /// The status of this request's refusal.
    fn refuses(&mut self) -> Option<u16> {
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
        Some(fault.status)
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
        Rule { fault, latency: set.latency.map_or(Duration::ZERO, |span| span.0), login }
    }
}

impl Registry {
    /// Has a repository that is mapped answer by `rule` from now on; by the default rule, it answers as it did in the beginning.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`], [`RegistryError::BadReference`].
    pub fn set_rule(&self, name: &str, rule: Rule, clock: &Clock) -> Result<(), RegistryError> {
        let mut state = self.state();
        let name = state.own_name(&RepositoryName::parse(name)?);
        state.repository(&name)?.rule =
            (rule != Rule::default()).then(|| Ruled { rule, clock: clock.clone(), refused: 0, until: None });
        drop(state);
        self.signal().bump();
        Ok(())
    }

    /// Waits as long as an answer takes, and fails where a rule says so. `path` is what is asked for, behind `/v2/`.
    pub(super) async fn let_in(
        &self,
        name: &RepositoryName,
        at: &OciAddress,
        path: &str,
    ) -> Result<(), OciError> {
        let ruled = {
            let mut state = self.state();
            let name = state.own_name(name);
            let Some(ruled) = state.repositories.get_mut(&name).and_then(|found| found.rule.as_mut()) else {
                return Ok(());
            };
            let refused = ruled.refuses();
            if refused.is_some() && ruled.rule.fault.is_some_and(|fault| fault.times.is_some()) {
                // The next answer may be another one: whoever waits for a change has to ask again.
                self.signal().bump();
            }
            (ruled.rule.clone(), ruled.clock.clone(), refused)
        };
        let (rule, clock, refused) = ruled;
        if !rule.latency.is_zero() {
            clock.sleep(rule.latency).await;
        }
        if let Some(status) = refused {
            return Err(fault(status, at, path));
        }
        if rule.login == OciAuth::None || rule.login == at.auth {
            return Ok(());
        }
        let message = match at.auth {
            OciAuth::None => "authentication required",
            _ => "authentication required: the credentials are wrong or have expired",
        };
        Err(refusal(at, path, "UNAUTHORIZED", message))
    }
}

fn refusal(at: &OciAddress, path: &str, code: &str, message: &str) -> OciError {
    OciError::Refused {
        host: at.host.clone(),
        path: path.to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// A fault in the words of go-containerregistry: proxies in front of registries answer 5xx without the specification's errors.
fn fault(status: u16, at: &OciAddress, path: &str) -> OciError {
    if status == 429 {
        return refusal(at, path, "TOOMANYREQUESTS", "You have reached your pull rate limit");
    }
    let words = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let words = words.map(|words| format!(" {words}")).unwrap_or_default();
    OciError::Failed(format!("GET https://{}/v2/{path}: unexpected status code {status}{words}", at.host))
}
