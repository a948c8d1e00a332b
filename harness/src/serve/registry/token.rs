//! The token service: `GET /token` with Basic credentials or none, `POST /token` with a form (OAuth 2).

use super::error::{Code, Refusal};
use super::passage::credentials;
use super::{Asked, Registries, Result, repository};
use crate::registry::{Asker, Scope, Way, unauthorized};
use crate::scenario::TokenAction;
use crate::serve::auth::Token;
use crate::serve::http::{Answer, answer, set};
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use seatrial_engine::{OciAuth, Secret};
use serde_json::json;
use std::collections::BTreeSet;

/// The path of the service.
pub(super) const PATH: &str = "/token";

/// Longer forms are refused.
const LONGEST: usize = 64 * 1024;

type Pairs = Vec<(String, String)>;

fn first<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Answers a request for a token. `service` is what the registry is called in its challenges.
pub(super) async fn give(on: &Registries, asked: Asked, service: &str) -> Result<Answer> {
    if !on.registry.gives_tokens() {
        let words = "no token service: no repository of the registry has `tokens`";
        return Err(Refusal::new(Code::Unsupported, words).with(StatusCode::NOT_FOUND));
    }
    let method = asked.request.method().clone();
    let (pairs, auth, lasting) = match method {
        Method::GET => {
            let auth = credentials(asked.request.headers());
            let lasting = asked.query("offline_token") == Some("true");
            (asked.query, auth, lasting)
        }
        Method::POST => {
            let pairs = form(asked).await?;
            let auth = granted(on, &pairs)?;
            let lasting = first(&pairs, "access_type") == Some("offline");
            (pairs, auth, lasting)
        }
        other => {
            return Err(Refusal::new(Code::Unsupported, format!("{other} is not possible here"))
                .with(StatusCode::METHOD_NOT_ALLOWED));
        }
    };
    if let Some(other) = first(&pairs, "service").filter(|other| *other != service) {
        return Err(bad(format!("the service {other:?} is not the one of this registry, {service:?}")));
    }
    let scope = scope(&pairs)?;
    let is_run = match &auth {
        OciAuth::Basic { password, .. } => on.token.is(&password.0),
        // Tokens are no credentials for others.
        OciAuth::Bearer { .. } => return Err(wrong()),
        OciAuth::None => false,
    };
    let token = random()?;
    let asker = Asker { auth: &auth, is_run, way: Way::Http };
    let given = on.registry.give(token.reveal(), &scope, asker).ok_or_else(wrong)?;
    let mut body = json!({
        "token": token.reveal(),
        "access_token": token.reveal(),
        // Clients take 0 for a minute.
        "expires_in": given.expires_after.as_secs().max(1),
        "issued_at": jiff::Timestamp::from_second(given.at.as_second()).unwrap_or_default().to_string(),
    });
    if method == Method::POST {
        let scopes = given.scope.iter().map(|(name, actions)| scope_of(&super::path_of(name), actions));
        body["scope"] = scopes.collect::<Vec<_>>().join(" ").into();
    }
    let refreshed = first(&pairs, "refresh_token").filter(|_| method == Method::POST);
    if let Some(refreshed) = refreshed {
        body["refresh_token"] = refreshed.into();
    } else if lasting && auth != OciAuth::None {
        let refresh = random()?;
        on.registry.refresh_by(refresh.reveal(), &auth);
        body["refresh_token"] = refresh.reveal().into();
    }
    let mut answer = answer(StatusCode::OK, "application/json", body.to_string());
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    Ok(answer)
}

fn random() -> Result<Token> {
    Token::random().ok_or_else(|| Refusal::new(Code::Unknown, "the system has no randomness"))
}

fn wrong() -> Refusal {
    Refusal::new(Code::Unauthorized, unauthorized(true))
}

fn bad(words: String) -> Refusal {
    Refusal::new(Code::Unsupported, words).with(StatusCode::BAD_REQUEST)
}

async fn form(asked: Asked) -> Result<Pairs> {
    let body = Limited::new(asked.request.into_body(), LONGEST).collect().await;
    let body = body.map_err(|_| bad(format!("the form broke off, or is longer than {LONGEST} bytes")))?;
    Ok(form_urlencoded::parse(&body.to_bytes()).into_owned().collect())
}

/// The credentials that a form has.
fn granted(on: &Registries, pairs: &Pairs) -> Result<OciAuth> {
    let given = |name: &str| {
        first(pairs, name).map(str::to_owned).ok_or_else(|| bad(format!("the form has no `{name}`")))
    };
    match given("grant_type")?.as_str() {
        "password" => {
            let (username, password) = (given("username")?, given("password")?);
            Ok(OciAuth::Basic { username, password: Secret(password) })
        }
        "refresh_token" => on.registry.refreshing(&given("refresh_token")?).ok_or_else(wrong),
        other => Err(bad(format!("grant_type is `password` or `refresh_token`, not {other:?}"))),
    }
}

/// What a request asks for: `scope` as often as it likes, each with one scope or several.
fn scope(pairs: &Pairs) -> Result<Scope> {
    let mut wanted = Scope::default();
    let all = pairs.iter().filter(|(key, _)| key == "scope").flat_map(|(_, value)| value.split_whitespace());
    for text in all {
        let parts = text.split_once(':').and_then(|(kind, rest)| {
            let (name, actions) = rest.rsplit_once(':')?;
            Some((kind, name, actions))
        });
        let Some((kind, name, actions)) = parts else {
            return Err(bad(format!("the scope {text:?} is not TYPE:NAME:ACTIONS")));
        };
        // Of other types nothing is given, as by any service that does not know them.
        match kind.split_once('(').map_or(kind, |(kind, _)| kind) {
            "repository" => {
                let known = |word: &str| TokenAction::ALL.into_iter().find(|action| action.word() == word);
                let actions: BTreeSet<TokenAction> = match actions {
                    "*" => TokenAction::ALL.into_iter().collect(),
                    words => words.split(',').filter_map(known).collect(),
                };
                wanted.repositories.entry(repository(name, None)?).or_default().extend(actions);
            }
            "registry" => wanted.catalog |= name == "catalog" && actions == "*",
            _ => {}
        }
    }
    Ok(wanted)
}

/// How a scope is written.
fn scope_of<'a>(name: &str, actions: impl IntoIterator<Item = &'a TokenAction>) -> String {
    let words: Vec<&str> = actions.into_iter().map(|action| action.word()).collect();
    format!("repository:{name}:{}", words.join(","))
}
