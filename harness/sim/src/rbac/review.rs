//! Answers to reviews: what somebody may do.

use serde_json::{Value, json};

use super::attributes::{Attributes, What};
use super::policy::{Decision, Own, listed};
use super::{User, policy};
use crate::meta;
use crate::store::State;

/// The status of an access review with this specification, about this user.
pub(crate) fn access_status(state: &mut State, user: &User, spec: &Value) -> Value {
    let text = |path: &[&str]| meta::text(spec, path);
    let wanted = match spec.get("nonResourceAttributes").filter(|value| value.is_object()) {
        Some(attributes) => Attributes {
            verb: meta::text(attributes, &["verb"]).to_owned(),
            what: What::Path(meta::text(attributes, &["path"]).to_owned()),
        },
        None => {
            let part = |field| text(&["resourceAttributes", field]);
            Attributes::resource(
                part("verb"),
                part("group"),
                part("resource"),
                part("subresource"),
                part("namespace"),
                part("name"),
            )
        }
    };
    let policy = policy(state);
    let (allowed, reason) = match policy.decide(user, &wanted) {
        Decision::Allowed(grant) => (true, grant.map(|grant| grant.reason(user)).unwrap_or_default()),
        Decision::Denied(reason) => (false, reason),
    };
    let mut status = json!({"allowed": allowed});
    if !reason.is_empty() {
        status["reason"] = reason.into();
    }
    status
}

/// The status of a review of all that a user may do in a namespace.
pub(crate) fn rules_status(state: &mut State, user: &User, namespace: &str) -> Value {
    let policy = policy(state);
    let Own { rules, missing } = policy.own(user, namespace);
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in rules {
        if !rule.resources.is_empty() {
            let mut shown =
                json!({"verbs": rule.verbs, "apiGroups": rule.groups, "resources": rule.resources});
            if !rule.names.is_empty() {
                shown["resourceNames"] = json!(rule.names);
            }
            resources.push(shown);
        }
        if !rule.paths.is_empty() {
            paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.paths}));
        }
    }
    let mut status = json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    if !missing.is_empty() {
        status["evaluationError"] = listed(&missing).into();
    }
    status
}
