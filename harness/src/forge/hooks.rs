//! Webhooks: what moved in a repository, as requests to whoever wants to know.
//!
//! # Flow
//! A repository with hooks notes every move of its branches and tags. [`Forge::take_deliveries`] turns what was noted into requests,
//! which `seatrial up` sends; in process they are kept ([`Forge::deliveries`]).

use super::github::push_payload;
use super::{AccountError, Forge, Hosted, lock};
use aws_lc_rs::hmac;
use bytes::Bytes;
use git2::{Oid, Repository};
use jiff::Timestamp;
use seatrial_engine::Secret;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How many moves and requests are kept; older ones are forgotten.
const KEPT: usize = 1024;

/// A webhook of a repository. Its URL may be a secret: `Debug` shows the host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Number.
    pub id: u64,
    /// Where requests go: an http or https URL.
    pub url: String,
    /// Whether the body is a form whose field `payload` is the JSON text, and not that text itself.
    pub form: bool,
    /// What requests are signed with.
    pub secret: Option<Secret>,
    /// What it is about: `push`, or `*`.
    pub events: Vec<String>,
    /// Whether requests are sent.
    pub active: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Webhook");
        shown.field("id", &self.id).field("events", &self.events).field("host", &host(&self.url));
        shown.finish_non_exhaustive()
    }
}

/// The host of a URL, with its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A request to a webhook. `Debug` shows no more of its URL than that of [`Webhook`].
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: u64,
    /// What it is called in its headers; the same when it is sent again.
    pub guid: String,
    /// What it tells of: `push`, `ping`.
    pub event: String,
    /// Whether it has been asked for by somebody who wants to hear it again.
    pub redelivery: bool,
    /// What became of it; none until it has been sent.
    pub outcome: Option<Outcome>,
    /// `owner/name` of the repository.
    pub repository: String,
    /// The webhook.
    pub hook: u64,
    /// Where it goes.
    pub url: String,
    /// The headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// When what it tells happened.
    pub at: Timestamp,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Delivery");
        shown.field("id", &self.id).field("hook", &self.hook).field("event", &self.event);
        shown.field("host", &host(&self.url)).finish_non_exhaustive()
    }
}

/// What became of a request to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status of the answer; none where there was no answer.
    pub status: Option<u16>,
    /// What is said of it: `OK`, or what went wrong.
    pub words: String,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// An answer with this status.
    pub fn answered(status: u16, took: Duration) -> Outcome {
        let words = match status {
            200..300 => "OK".to_owned(),
            status => format!("Invalid HTTP Response: {status}"),
        };
        Outcome { status: Some(status), words, took }
    }

    /// No answer.
    pub fn silent(words: &str, took: Duration) -> Outcome {
        Outcome { status: None, words: words.to_owned(), took }
    }
}

/// A move of a branch or tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) reference: String,
    pub(super) before: Option<Oid>,
    pub(super) after: Option<Oid>,
    pub(super) at: Timestamp,
}

/// What is known of a repository's branches and tags, and how they have moved since somebody took the moves.
#[derive(Debug, Default)]
pub(super) struct Watched {
    refs: BTreeMap<String, Oid>,
    moves: Vec<Move>,
}

impl Watched {
    /// Begins with what there is.
    pub(super) fn begin(git: &Repository) -> Watched {
        Watched { refs: refs(git), moves: Vec::new() }
    }

    /// Notes what has moved.
    pub(super) fn look(&mut self, git: &Repository, at: Timestamp) {
        let now = refs(git);
        for reference in self.refs.keys().chain(now.keys().filter(|name| !self.refs.contains_key(*name))) {
            let (before, after) = (self.refs.get(reference).copied(), now.get(reference).copied());
            if before != after {
                self.moves.push(Move { reference: reference.clone(), before, after, at });
            }
        }
        keep_newest(&mut self.moves);
        self.refs = now;
    }
}

/// Forgets the oldest ones beyond those that are kept.
fn keep_newest<T>(all: &mut Vec<T>) {
    all.drain(..all.len().saturating_sub(KEPT));
}

fn refs(git: &Repository) -> BTreeMap<String, Oid> {
    let found = ["refs/heads/*", "refs/tags/*"].into_iter().filter_map(|glob| git.references_glob(glob).ok());
    let named = found.flatten().flatten().filter_map(|reference| {
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        Some((name, reference.target()?))
    });
    named.collect()
}

impl Forge {
    /// Has a repository note its moves, as long as it has webhooks.
    pub(super) fn watch(&self, repo: &str) {
        let Ok(found) = self.repo(repo) else { return };
        let listened = self.hosted(repo).is_ok_and(|hosted| !hosted.hooks.is_empty());
        let git = lock(&found.0.git);
        let mut watched = lock(&found.0.watched);
        match (listened, watched.is_some()) {
            (true, false) => *watched = Some(Watched::begin(&git)),
            (false, true) => *watched = None,
            _ => {}
        }
    }

    /// Adds a webhook to a repository, which tells of moves from now on.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`].
    pub fn add_webhook(&self, repo: &str, hook: Webhook) -> Result<(), AccountError> {
        self.configure(repo, |hosted| hosted.hooks.push(hook))?;
        self.watch(repo);
        Ok(())
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`AccountError::NoRepository`].
    pub fn remove_webhook(&self, repo: &str, id: u64) -> Result<(), AccountError> {
        self.configure(repo, |hosted| hosted.hooks.retain(|hook| hook.id != id))?;
        self.watch(repo);
        Ok(())
    }

    /// A number that nothing else on the forge has.
    pub(super) fn next_id(&self) -> u64 {
        lock(&self.state).accounts.next_id()
    }

    /// The time of the forge's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a request to a webhook for something that is no move.
    pub(super) fn deliver(&self, hosted: &Hosted, hook: &Webhook, event: &str, payload: &str) {
        let made = delivery(self.named(), hook, &hosted.full_name(), event, payload, self.clock.now());
        self.due(made);
    }

    fn due(&self, delivery: Delivery) {
        let mut state = lock(&self.state);
        state.due.push(delivery);
        keep_newest(&mut state.due);
        drop(state);
        self.signal.bump();
    }

    /// A number and a name for a request.
    fn named(&self) -> (u64, String) {
        (self.next_id(), self.clock.rng("forge/delivery").uuid())
    }

    /// Makes a request again, word for word, as a new one; whether it is (still) known.
    pub fn redeliver(&self, id: u64) -> bool {
        let Some(known) = self.deliveries().into_iter().find(|one| one.id == id) else { return false };
        let at = self.clock.now();
        self.due(Delivery { id: self.next_id(), redelivery: true, outcome: None, at, ..known });
        true
    }

    /// Notes what became of a request.
    pub fn delivered(&self, id: u64, outcome: Outcome) {
        let mut state = lock(&self.state);
        if let Some(known) = state.deliveries.iter_mut().find(|one| one.id == id) {
            known.outcome = Some(outcome);
        }
    }

    /// The requests for what has moved since the last call, in the order in which it did within a repository. The newest
    /// 1024 are kept, too; of what nobody takes, no more than as many moves of each repository.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        let mut taken = std::mem::take(&mut lock(&self.state).due);
        for repo in self.repos() {
            let moves = lock(&repo.0.watched).as_mut().map(|watched| std::mem::take(&mut watched.moves));
            let Ok(hosted) = self.hosted(repo.name()) else { continue };
            for moved in moves.unwrap_or_default() {
                let payload = push_payload(self, &repo, &hosted, &moved).to_string();
                let wants = |hook: &&Webhook| {
                    hook.active && hook.events.iter().any(|event| event == "push" || event == "*")
                };
                for hook in hosted.hooks.iter().filter(wants) {
                    let named = self.named();
                    taken.push(delivery(named, hook, &hosted.full_name(), "push", &payload, moved.at));
                }
            }
        }
        let mut state = lock(&self.state);
        let new = taken.len().saturating_sub(KEPT);
        state.deliveries.extend(taken[new..].iter().cloned());
        keep_newest(&mut state.deliveries);
        drop(state);
        taken
    }

    /// The newest requests to webhooks so far, 1024 at most, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.take_deliveries();
        lock(&self.state).deliveries.clone()
    }
}

/// Makes the request for one event.
pub(super) fn delivery(
    (id, guid): (u64, String),
    hook: &Webhook,
    repository: &str,
    event: &str,
    payload: &str,
    at: Timestamp,
) -> Delivery {
    let (media, body) = match hook.form {
        true => ("application/x-www-form-urlencoded", format!("payload={}", escaped(payload))),
        false => ("application/json", payload.to_owned()),
    };
    let mut headers: Vec<(String, String)> = [
        ("content-type", media),
        ("user-agent", "GitHub-Hookshot/seatrial"),
        ("x-github-delivery", guid.as_str()),
        ("x-github-event", event),
        ("x-github-hook-id", &hook.id.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    if let Some(Secret(secret)) = &hook.secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, body.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        headers.push(("x-hub-signature-256".to_owned(), format!("sha256={hex}")));
    }
    Delivery {
        id,
        guid,
        event: event.to_owned(),
        redelivery: false,
        outcome: None,
        repository: repository.to_owned(),
        hook: hook.id,
        url: hook.url.clone(),
        headers,
        body: body.into(),
        at,
    }
}

/// A value of a form.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_the_url_of_a_webhook_is_not_shown() {
        let hook = Webhook {
            id: 7,
            url: "https://user:planted@hooks.example.test:8443/planted?key=planted".to_owned(),
            form: false,
            secret: Some(Secret("planted".to_owned())),
            events: vec!["push".to_owned()],
            active: true,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let shown = format!("{hook:?}");
        assert_eq!(shown, "Webhook { id: 7, events: [\"push\"], host: \"hooks.example.test:8443\", .. }");
    }
}
