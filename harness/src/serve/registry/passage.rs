//! Who is let in, and what the rule of a repository does with a request before anybody looks at it.

use super::error::{Code, Refusal};
use super::route::Route;
use super::{Asked, Registries, Result, repository};
use crate::registry::{RATE_LIMIT, Refused, unauthorized};
use crate::serve::auth::{basic, bearer};
use crate::serve::http::{Answer, answer, set};
use http::{HeaderMap, StatusCode, header};
use seatrial_engine::{OciAuth, Secret};
use std::time::Duration;

impl Registries {
    /// Lets a request in, or gives the answer in its place. The run's token is asked for wherever a repository has no credentials
    /// of its own.
    pub(super) async fn passage(&self, asked: &Asked, route: Option<Route<'_>>) -> Result<Option<Answer>> {
        let headers = asked.request.headers();
        let auth = credentials(headers);
        let name = route.and_then(Route::name);
        let Some(name) = name.and_then(|name| repository(name, asked.query("ns")).ok()) else {
            // Clients look at the base whether their login is a good one.
            let is_base = matches!(route, Some(Route::Base));
            return if self.token.admits(headers) || (is_base && self.registry.knows(&auth)) {
                Ok(None)
            } else {
                refuse()
            };
        };
        if !self.registry.has_login(&name) && !self.token.admits(headers) {
            return refuse();
        }
        let passage = self.registry.ask_over_http(&name, &auth);
        passage.wait().await;
        match passage.refusal {
            None => Ok(None),
            Some(Refused::Login { given }) => Err(Refusal::new(Code::Unauthorized, unauthorized(given))),
            Some(Refused::Fault { status, retry_after }) => Ok(Some(fault(status, retry_after))),
        }
    }
}

fn refuse<T>() -> Result<T> {
    let words = "authentication required: any user, and the token of the token file as password";
    Err(Refusal::new(Code::Unauthorized, words))
}

/// What a request says of who asks.
fn credentials(headers: &HeaderMap) -> OciAuth {
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
