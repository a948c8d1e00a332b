//! Requests to webhooks: which were sent, what became of them, and once more.

use super::answer::{Failed, Reply};
use super::hooks::one;
use super::{Api, Asked};
use crate::forge::{Delivery, Hosted};
use serde_json::{Map, Value, json};

impl Api {
    /// Those that were sent, the newest first.
    pub(super) fn deliveries(&self, asked: &Asked<'_>, hosted: &Hosted, hook: &str) -> Result<Reply, Failed> {
        let mut sent = self.sent(hosted, hook)?;
        sent.reverse();
        Ok(Reply::page(asked, &sent, |one| shown(one, hosted)))
    }

    pub(super) fn delivery(&self, hosted: &Hosted, hook: &str, which: &str) -> Result<Reply, Failed> {
        let found = self.known(hosted, hook, which)?;
        let headers: Map<String, Value> =
            found.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        // The JSON text, also where the request is a form.
        let text = std::str::from_utf8(&found.body).unwrap_or_default();
        let form = || super::answer::query(text).into_iter().find(|(name, _)| name == "payload");
        let payload = serde_json::from_str(text).ok();
        let payload = payload.or_else(|| serde_json::from_str::<Value>(&form()?.1).ok());
        let mut whole = shown(&found, hosted);
        whole["url"] = json!(found.url);
        whole["request"] = json!({"headers": headers, "payload": payload});
        // What the receiver said is not kept.
        whole["response"] = json!({"headers": {}, "payload": ""});
        Ok(Reply::ok(whole))
    }

    pub(super) fn redeliver(&self, hosted: &Hosted, hook: &str, which: &str) -> Result<Reply, Failed> {
        let found = self.known(hosted, hook, which)?;
        match self.forge.redeliver(found.id) {
            true => Ok(Reply::accepted()),
            false => Err(Failed::new(404, "Not Found")),
        }
    }

    fn sent(&self, hosted: &Hosted, hook: &str) -> Result<Vec<Delivery>, Failed> {
        let hook = one(hosted, hook)?.id;
        let mut all = self.forge.deliveries();
        all.retain(|one| one.hook == hook && one.outcome.is_some());
        Ok(all)
    }

    fn known(&self, hosted: &Hosted, hook: &str, which: &str) -> Result<Delivery, Failed> {
        let mut all = self.sent(hosted, hook)?.into_iter();
        all.find(|one| one.id.to_string() == which).ok_or_else(|| Failed::new(404, "Not Found"))
    }
}

/// As in lists.
fn shown(delivery: &Delivery, hosted: &Hosted) -> Value {
    let outcome = delivery.outcome.as_ref();
    json!({
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": delivery.at.to_string(),
        "redelivery": delivery.redelivery,
        "duration": outcome.map(|outcome| outcome.took.as_secs_f64()),
        "status": outcome.map(|outcome| outcome.words.clone()),
        "status_code": outcome.map(|outcome| outcome.status.unwrap_or(0)),
        "event": delivery.event,
        "action": null,
        "installation_id": null,
        "repository_id": hosted.id,
    })
}
