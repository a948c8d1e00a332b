//! Webhooks.

use super::answer::{Failed, Reply, body};
use super::{Api, Asked, view};
use crate::forge::{Hosted, Repo, Webhook};
use seatrial_engine::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Default, Deserialize)]
#[serde(default)]
struct AddHook {
    name: Option<String>,
    active: Option<bool>,
    events: Option<Vec<String>>,
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    secret: Option<String>,
    /// `"1"`, `"0"`, or the number.
    insecure_ssl: Value,
}

impl Api {
    pub(super) fn hooks(&self, asked: &Asked<'_>, hosted: &Hosted) -> Result<Reply, Failed> {
        Ok(Reply::page(asked, &hosted.hooks, |hook| view::hook(&self.forge, hosted, hook)))
    }

    pub(super) fn hook(&self, _: &Asked<'_>, hosted: &Hosted, id: &str) -> Result<Reply, Failed> {
        Ok(Reply::ok(view::hook(&self.forge, hosted, one(hosted, id)?)))
    }

    pub(super) fn add_hook(&self, asked: &Asked<'_>, repo: &Repo, hosted: &Hosted) -> Result<Reply, Failed> {
        let wanted: AddHook = body(asked)?;
        let invalid = |field: &str, words: &str| Failed::invalid("Validation Failed", "Hook", field, words);
        if wanted.name.as_deref().is_some_and(|name| name != "web") {
            return Err(invalid("name", "name must be web"));
        }
        let url = wanted.config.url.ok_or_else(|| Failed::missing("Hook", "url"))?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(invalid("url", "url is missing a scheme"));
        }
        if wanted.config.insecure_ssl == "1" || wanted.config.insecure_ssl == 1 {
            return Err(invalid("insecure_ssl", "this forge verifies certificates: insecure_ssl must be 0"));
        }
        let events = wanted.events.unwrap_or_else(|| vec!["push".to_owned()]);
        if let Some(other) = events.iter().find(|event| !matches!(event.as_str(), "push" | "ping" | "*")) {
            return Err(invalid(
                "events",
                &format!("the event {other:?} is not told by this forge: push is"),
            ));
        }
        let form = match wanted.config.content_type.as_deref() {
            Some("json") => false,
            None | Some("form") => true,
            Some(_) => return Err(invalid("content_type", "content_type must be json or form")),
        };
        if hosted.hooks.iter().any(|hook| hook.url == url && hook.events == events) {
            return Err(invalid("", "Hook already exists on this repository"));
        }
        let hook = Webhook {
            id: self.forge.next_id(),
            url,
            form,
            secret: wanted.config.secret.filter(|secret| !secret.is_empty()).map(Secret),
            events,
            active: wanted.active.unwrap_or(true),
            created_at: self.forge.now(),
        };
        let shown = view::hook(&self.forge, hosted, &hook);
        self.forge.add_webhook(repo.name(), hook)?;
        Ok(Reply::created(shown))
    }

    pub(super) fn ping(&self, _: &Asked<'_>, hosted: &Hosted, id: &str) -> Result<Reply, Failed> {
        let hook = one(hosted, id)?;
        let payload = json!({
            "zen": "Design for failure.",
            "hook_id": hook.id,
            "hook": view::hook(&self.forge, hosted, hook),
        });
        self.forge.deliver(hosted, hook, "ping", &payload.to_string());
        Ok(Reply::nothing())
    }

    pub(super) fn delete_hook(
        &self,
        _: &Asked<'_>,
        repo: &Repo,
        hosted: &Hosted,
        id: &str,
    ) -> Result<Reply, Failed> {
        let id = one(hosted, id)?.id;
        self.forge.remove_webhook(repo.name(), id)?;
        Ok(Reply::nothing())
    }
}

pub(super) fn one<'h>(hosted: &'h Hosted, id: &str) -> Result<&'h Webhook, Failed> {
    let mut hooks = hosted.hooks.iter();
    hooks.find(|hook| hook.id.to_string() == id).ok_or_else(|| Failed::new(404, "Not Found"))
}
