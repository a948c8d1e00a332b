//! Who is let in, and what the rule of a repository does with a request before anybody looks at it.

use super::error::{Code, Refusal, Wanted};
use super::route::Route;
use super::{Asked, Registries, Result, path_of, repository};
use crate::registry::{RATE_LIMIT, Refused, TokenFault, unauthorized};
use crate::scenario::TokenAction;
use crate::serve::auth::{basic, bearer};
use crate::serve::http::{Answer, answer, set};
use http::{HeaderMap, Method, StatusCode, header};
use seatrial_engine::{OciAuth, Secret};
use std::time::Duration;

impl Registries {
    /// Lets a request in, or gives the answer in its place. The run's token is asked for wherever a repository has no credentials
    /// of its own.
    pub(super) async fn passage(&self, asked: &Asked, route: Option<Route<'_>>) -> Result<Option<Answer>> {
        let headers = asked.request.headers();
        let auth = credentials(headers);
        let written = route.and_then(Route::name);
        let Some(name) = written.and_then(|name| repository(name, asked.query("ns")).ok()) else {
            // Clients look at the base whether their login is a good one.
            let is_base = matches!(route, Some(Route::Base));
            let known = is_base && self.registry.knows(&auth);
            if self.token.admits(headers) || known || self.registry.has_given(&auth, !is_base) {
                return Ok(None);
            }
            return refuse().map_err(|refusal| match route {
                Some(Route::Catalog) => refusal.wanting(Wanted::catalog(self.catalog_fault(&auth))),
                _ => refusal,
            });
        };
        let actions = actions(asked.request.method(), route);
        let asked_for = match (asked.query("ns"), written) {
            (None, Some(written)) => written.to_owned(),
            // The service has no `ns`, so that it is told the whole name.
            _ => path_of(&name),
        };
        let wanted = |fault| Wanted::repository(asked_for.clone(), actions, fault);
        let open = !self.registry.has_login(&name);
        if open && !self.token.admits(headers) && !self.registry.has_given(&auth, false) {
            return refuse().map_err(|refusal| refusal.wanting(wanted(None)));
        }
        let passage = self.registry.ask_over_http(&name, &auth, actions);
        passage.wait().await;
        match passage.refusal {
            None => Ok(None),
            Some(Refused::Login { given }) => {
                Err(Refusal::new(Code::Unauthorized, unauthorized(given)).wanting(wanted(None)))
            }
            Some(Refused::Token(fault)) => {
                Err(Refusal::new(Code::Unauthorized, unauthorized(false)).wanting(wanted(Some(fault))))
            }
            Some(Refused::Fault { status, retry_after }) => Ok(Some(fault(status, retry_after))),
        }
    }

    /// What is wrong with a token that does not open the list of all repositories.
    fn catalog_fault(&self, auth: &OciAuth) -> Option<TokenFault> {
        match auth {
            OciAuth::Bearer { .. } if !self.registry.gives_tokens() => None,
            OciAuth::Bearer { .. } if self.registry.has_given(auth, false) => Some(TokenFault::Scope),
            OciAuth::Bearer { .. } => Some(TokenFault::Invalid),
            _ => None,
        }
    }
}

/// What a token must be good for.
fn actions(method: &Method, route: Option<Route<'_>>) -> &'static [TokenAction] {
    match *method {
        Method::GET if !matches!(route, Some(Route::Upload(..))) => &[TokenAction::Pull],
        Method::HEAD => &[TokenAction::Pull],
        Method::DELETE if !matches!(route, Some(Route::Upload(..))) => &[TokenAction::Delete],
        _ => &[TokenAction::Pull, TokenAction::Push],
    }
}

fn refuse<T>() -> Result<T> {
    let words = "authentication required: any user, and the token of the token file as password";
    Err(Refusal::new(Code::Unauthorized, words))
}

/// What a request says of who asks.
pub(super) fn credentials(headers: &HeaderMap) -> OciAuth {
    if let Some((username, password)) = basic(headers) {
        return OciAuth::Basic { username, password: Secret(password) };
    }
    match bearer(headers) {
        Some(token) => OciAuth::Bearer { token: Secret(token.to_owned()) },
        None => OciAuth::None,
    }
}

/// A fault: 429 as registries answer it, others as the proxies in front of them do.
fn fault(status: u16, retry_after: Option<Duration>) -> Answer {
    let mut refused = match StatusCode::from_u16(status) {
        Ok(StatusCode::TOO_MANY_REQUESTS) => Refusal::new(Code::TooManyRequests, RATE_LIMIT).answer(),
        Ok(status) => answer(status, "text/plain; charset=utf-8", format!("{status}\n")),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", String::new()),
    };
    if let Some(left) = retry_after {
        // In whole seconds, and not too few of them.
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        set(&mut refused, header::RETRY_AFTER, &seconds.to_string());
    }
    refused
}
