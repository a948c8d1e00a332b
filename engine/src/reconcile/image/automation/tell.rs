//! What statuses and events say of an update.

use super::{AutomationReconciler, Done};
use crate::reconcile::image::{policy, put};
use crate::status::Severity;
use serde_json::{Map, Value};

/// What there is to tell.
pub(super) struct Told {
    /// Reason and message of the condition.
    pub(super) reason: &'static str,
    pub(super) text: String,
    /// The event of a push.
    pub(super) event: Option<(Severity, &'static str, String)>,
}

impl AutomationReconciler {
    /// Writes what was done into the status.
    pub(super) fn tell(&self, status: &mut Value, done: &Done) -> Told {
        status["lastAutomationRunTime"] = self.context.now().into();
        if let Some(pushed) = &done.pushed {
            status["lastPushCommit"] = pushed.commit.clone().into();
            status["lastPushTime"] = self.context.now().into();
        }
        if self.is_old() { old(status, done) } else { new(status, done) }
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(7).collect()
}

/// As Flux 2.2.3 has it.
fn old(status: &Value, done: &Done) -> Told {
    let reason = "ReconciliationSucceeded";
    let Some(pushed) = &done.pushed else {
        let text = match (status["lastPushCommit"].as_str(), status["lastPushTime"].as_str()) {
            (Some(commit), Some(time)) => format!("no updates made; last commit {} at {time}", short(commit)),
            _ => "no updates made".to_owned(),
        };
        return Told { reason, text, event: None };
    };
    let mut text = format!("committed and pushed commit '{}' to branch '{}'", pushed.commit, pushed.branch);
    if !pushed.refspec.is_empty() {
        text.push_str(&format!(" and using refspec '{}'", pushed.refspec));
    }
    let event = format!("{text}\n{}", pushed.message);
    Told { reason, text, event: Some((Severity::Info, "info", event)) }
}

/// As Flux 2.9 has it.
fn new(status: &mut Value, done: &Done) -> Told {
    let policies: Map<String, Value> =
        done.policies.iter().map(|(name, image)| (name.clone(), policy::as_reference(image))).collect();
    put(status, "observedPolicies", (!policies.is_empty()).then_some(policies.into()));
    status["observedSourceRevision"] = done.revision.clone().into();
    let event = done.pushed.as_ref().map(|pushed| {
        let mut text = format!("pushed commit '{}' to branch '{}'", short(&pushed.commit), pushed.branch);
        if !pushed.refspec.is_empty() {
            text.push_str(&format!(" and using refspec '{}'", pushed.refspec));
        }
        (Severity::Info, "Succeeded", format!("{text}\n{}", pushed.message))
    });
    Told { reason: "Succeeded", text: "repository up-to-date".to_owned(), event }
}
