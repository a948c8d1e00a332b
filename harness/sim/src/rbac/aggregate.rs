//! Roles that are made of others, by their labels: what the controller manager does.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{GROUP, all};
use crate::kind::Kind;
use crate::managed_fields::{self, Writer};
use crate::meta;
use crate::object::Key;
use crate::store::State;
use crate::validate;
use crate::write;

/// Brings one aggregated role up to date; says whether there may be more.
pub(crate) fn sweep(state: &mut State, now: Timestamp) -> bool {
    if !state.rbac.stale {
        return false;
    }
    let found = {
        let roles: Vec<&Value> = all(state, "clusterroles").map(|(_, role)| role.value()).collect();
        stale(&roles).map(|(place, rules)| (roles[place].clone(), rules))
    };
    let kind = Kind::built_in(GROUP, "v1", "clusterroles");
    let written = found.zip(kind).and_then(|((role, rules), kind)| {
        let name = meta::name(&role).to_owned();
        Some((with_rules(&kind, &role, rules, now)?, name, kind))
    });
    match written {
        Some((role, name, kind)) => {
            state.put(&kind.table(), &Key::new("", name), role, now);
            true
        }
        None => {
            settle(state);
            false
        }
    }
}

/// Notes that the aggregated roles are up to date.
pub(crate) fn settle(state: &mut State) {
    let roles = all(state, "clusterroles").map(|(_, role)| role.value());
    let selectors =
        roles.filter_map(|role| role.get("aggregationRule")?.get("clusterRoleSelectors")?.as_array());
    let selectors = selectors.flatten().cloned().collect();
    state.rbac.settled(selectors);
}

/// Brings the aggregated roles among these objects up to date.
pub(crate) fn aggregate_all(objects: &mut [(Kind, Value)], now: Timestamp) {
    loop {
        let roles: Vec<&Value> = objects.iter().map(|(_, object)| object).collect();
        let Some((place, rules)) = stale(&roles) else { return };
        let (kind, role) = &mut objects[place];
        let Some(new) = with_rules(kind, role, rules, now) else { return };
        *role = new;
    }
}

/// The place of a role whose rules are not those of the roles that it selects, and what they should be.
fn stale(roles: &[&Value]) -> Option<(usize, Value)> {
    let mut by_name = roles.to_vec();
    by_name.sort_by_key(|role| meta::name(role));
    roles.iter().enumerate().find_map(|(place, role)| {
        let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array()?;
        let mut rules: Vec<Value> = Vec::new();
        for selected in &by_name {
            let selects =
                selectors.iter().any(|s| validate::selects(Some(s), selected["metadata"].get("labels")));
            if meta::name(selected) == meta::name(role) || !selects {
                continue;
            }
            for rule in selected["rules"].as_array().into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        let own = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        (own != rules.as_slice()).then(|| (place, rules.into()))
    })
}

/// A role with other rules, which the controller has applied.
fn with_rules(kind: &Kind, role: &Value, rules: Value, now: Timestamp) -> Option<Value> {
    let api_version = kind.api_version();
    let applied = json!({"apiVersion": api_version, "kind": kind.kind.as_ref(),
        "metadata": {"name": meta::name(role)}, "rules": rules});
    let writer = Writer {
        manager: "clusterrole-aggregation-controller",
        api_version: &api_version,
        subresource: "",
        ignored: write::ignored(kind, ""),
        now,
    };
    managed_fields::apply_stored(Some(role), &applied, &writer, true, write::typed(kind)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_by_the_names_of_the_roles_that_have_them_and_once() {
        let role = |name: &str, label: &str, verbs: &[&str]| {
            json!({"metadata": {"name": name, "labels": {"to": label}},
                "rules": verbs.iter().map(|verb| json!({"verbs": [verb]})).collect::<Vec<_>>()})
        };
        let mut whole = role("whole", "none", &["old"]);
        whole["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"to": "whole"}}]});
        let (b, a) = (role("b", "whole", &["get", "list"]), role("a", "whole", &["list"]));
        let other = role("other", "else", &["delete"]);
        let (place, rules) = stale(&[&b, &whole, &other, &a]).unwrap();
        assert_eq!((place, &rules), (1, &json!([{"verbs": ["list"]}, {"verbs": ["get"]}])));
        whole["rules"] = rules;
        assert_eq!(stale(&[&b, &whole, &other, &a]), None);
    }
}
