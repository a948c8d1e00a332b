//! Lists of conditions with the times that Kubernetes keeps in them. Pure.

use crate::object::{rfc3339, set, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A condition as a controller wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Condition {
    pub(crate) fn new(
        kind: &'static str,
        status: &'static str,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Condition {
        Condition { kind, status, reason: reason.into(), message: message.into() }
    }

    /// The condition as JSON; `lastTransitionTime` is kept from the known one while the status is the same.
    pub(crate) fn to_value(&self, known: Option<&Value>, now: Timestamp) -> Value {
        let since = known
            .filter(|known| text(known, &["status"]) == self.status)
            .and_then(|known| known.get("lastTransitionTime"))
            .cloned()
            .unwrap_or_else(|| rfc3339(now));
        let mut value = json!({"type": self.kind, "status": self.status, "lastTransitionTime": since});
        for (field, content) in [("reason", &self.reason), ("message", &self.message)] {
            if !content.is_empty() {
                set(&mut value, field, json!(content));
            }
        }
        value
    }
}

/// Puts a condition (as JSON) in place of the one of its type, or at the end.
pub(crate) fn put(conditions: &mut Vec<Value>, condition: Value) {
    let kind = text(&condition, &["type"]).to_owned();
    match conditions.iter_mut().find(|known| text(known, &["type"]) == kind) {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}

/// Removes the condition of this type.
pub(crate) fn remove(conditions: &mut Vec<Value>, kind: &str) {
    conditions.retain(|known| text(known, &["type"]) != kind);
}

/// Finds the condition of this type.
pub(crate) fn find<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Value> {
    conditions.iter().find(|known| text(known, &["type"]) == kind)
}
