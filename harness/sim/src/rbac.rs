//! Who may do what: role-based access control, as kube-apiserver with `--authorization-mode=RBAC` decides it.
//!
//! # Flow
//! ```text
//! request ──► Attributes (verb, resource or path) ──┐
//! roles and bindings ──► Policy (kept until one of them changes) ──┴──► allowed, or 403
//! ```
//!
//! # Guarantees
//! - The group `system:masters` may do everything, whatever roles say.
//! - Nobody grants what they do not have: roles and bindings are checked when they are written.
//! - Roles with an `aggregationRule` get their rules as the controller manager gives them.

mod aggregate;
mod attributes;
mod bootstrap;
mod check;
mod escalate;
mod impersonate;
mod policy;
mod review;
mod rule;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub(crate) use aggregate::{aggregate_all, settle, sweep};
pub(crate) use bootstrap::objects;
pub(crate) use check::{may_create, request};
pub(crate) use escalate::check as check_grant;
pub(crate) use impersonate::acting;
pub(crate) use review::{access_status, rules_status};

use crate::identity::Identity;
use crate::object::{Key, Object};
use crate::store::State;
use crate::validate;
use policy::Policy;
use rule::Rule;

/// The group of roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// Who is to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    name: String,
    /// All of them, `system:authenticated` included.
    groups: Vec<String>,
}

impl User {
    /// A user in just these groups.
    pub(crate) fn new(name: impl Into<String>, groups: Vec<String>) -> User {
        User { name: name.into(), groups }
    }

    /// Whether everything is allowed, whatever roles say.
    fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }
}

impl From<&Identity> for User {
    fn from(identity: &Identity) -> User {
        User::new(&identity.user, identity.all_groups())
    }
}

/// The rules of roles, by table and key.
type RoleRules = BTreeMap<(&'static str, Key), (u64, Arc<Vec<Rule>>)>;

/// What is known of the roles and bindings as they are.
#[derive(Debug, Default)]
pub(crate) struct Known {
    policy: Option<Arc<Policy>>,
    /// The rules of each role, with the version of the role that they were read from.
    rules: RoleRules,
    /// A role of the whole cluster has changed that is aggregated, or selected: aggregated ones may have to follow.
    stale: bool,
    /// The selectors of the aggregated roles, as they were when these were last up to date; none before that.
    selectors: Option<Vec<Value>>,
}

impl Known {
    /// Forgets what an object of this table was part of, as it is and as it was.
    pub(crate) fn changed(&mut self, table: &str, object: &Value, previous: Option<&Value>) {
        let Some(plural) = table.strip_suffix(GROUP) else { return };
        self.policy = None;
        if plural == "clusterroles." && !self.stale {
            let concerns = |role: &Value| role.get("aggregationRule").is_some() || self.selects(role);
            self.stale = concerns(object) || previous.is_some_and(concerns);
        }
    }

    /// Whether an aggregated role may take rules of this one.
    fn selects(&self, role: &Value) -> bool {
        let Some(selectors) = &self.selectors else { return true };
        let labels = role["metadata"].get("labels");
        selectors.iter().any(|selector| validate::selects(Some(selector), labels))
    }

    /// The aggregated roles are as they should be; these are their selectors.
    fn settled(&mut self, selectors: Vec<Value>) {
        self.stale = false;
        self.selectors = Some(selectors);
    }
}

/// The policy of the roles and bindings as they are.
fn policy(state: &mut State) -> Arc<Policy> {
    if let Some(policy) = &state.rbac.policy {
        return policy.clone();
    }
    let mut rules = std::mem::take(&mut state.rbac.rules);
    let policy = Arc::new(Policy::of(state, &mut rules));
    state.rbac.rules = rules;
    state.rbac.policy = Some(policy.clone());
    policy
}

/// The objects of a table of this group.
fn all<'s>(state: &'s State, plural: &str) -> impl Iterator<Item = (&'s Key, &'s Arc<Object>)> {
    let table = state.tables.get(format!("{plural}.{GROUP}").as_str());
    table.into_iter().flat_map(|table| table.objects.iter())
}
