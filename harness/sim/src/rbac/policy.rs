//! Who has which rules: all roles and bindings of a cluster, by their subjects.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};
use std::sync::Arc;

use serde_json::Value;

use super::attributes::Attributes;
use super::rule::Rule;
use super::{GROUP, RoleRules, User, all};
use crate::meta;
use crate::object::Key;
use crate::store::State;

/// The bindings of a cluster, and what they grant: those of the whole cluster first, each group by name.
#[derive(Debug, Default)]
pub(super) struct Policy {
    grants: Vec<Grant>,
    /// The places in `grants` of the bindings that name a subject (see [`subject`]).
    by_subject: BTreeMap<String, Vec<usize>>,
}

/// A binding.
#[derive(Debug)]
pub(super) struct Grant {
    /// Empty: everywhere.
    namespace: String,
    name: String,
    role_kind: String,
    role_name: String,
    /// As in the index, and as messages name them.
    subjects: Vec<(String, String)>,
    /// `None`: the role is missing.
    rules: Option<Arc<Vec<Rule>>>,
}

/// What a policy says about an action.
#[derive(Debug)]
pub(super) enum Decision<'p> {
    /// It is allowed, by that binding; by none where the user may do everything.
    Allowed(Option<&'p Grant>),
    /// Nobody allows it. The text says which roles are missing; it may be empty.
    Denied(String),
}

/// All that somebody may do in a namespace, or, where that is empty, in the whole cluster.
pub(super) struct Own<'p> {
    pub(super) rules: Vec<&'p Rule>,
    /// Roles that bindings name and that are not there.
    pub(super) missing: Vec<String>,
}

/// How a subject of a binding in this namespace is written in the index, and in messages.
fn subject(value: &Value, namespace: &str) -> (String, String) {
    let (kind, name) = (meta::text(value, &["kind"]), meta::text(value, &["name"]));
    if kind == "ServiceAccount" {
        let own = meta::text(value, &["namespace"]);
        let of = if own.is_empty() { namespace } else { own };
        let key = format!("User system:serviceaccount:{of}:{name}");
        return (key, format!("{kind} {:?}", format!("{name}/{own}")));
    }
    (format!("{kind} {name}"), format!("{kind} {name:?}"))
}

/// How a user stands in the index.
fn keys(user: &User) -> impl Iterator<Item = String> + '_ {
    let groups = user.groups.iter().map(|group| format!("Group {group}"));
    std::iter::once(format!("User {}", user.name)).chain(groups)
}

impl Policy {
    /// The policy of a cluster as it is. `known` are the rules of roles that were read before; they are brought up to date.
    pub(super) fn of(state: &State, known: &mut RoleRules) -> Policy {
        let mut policy = Policy::default();
        for (key, binding) in all(state, "clusterrolebindings").chain(all(state, "rolebindings")) {
            let binding = binding.value();
            let namespace = key.namespace.to_string();
            let role_kind = meta::text(binding, &["roleRef", "kind"]).to_owned();
            let role_name = meta::text(binding, &["roleRef", "name"]).to_owned();
            let rules = match role_kind.as_str() {
                "ClusterRole" => rules(state, known, "clusterroles", Key::new("", role_name.as_str())),
                _ => rules(state, known, "roles", Key::new(namespace.as_str(), role_name.as_str())),
            };
            let subjects = binding["subjects"].as_array().into_iter().flatten();
            let grant = Grant {
                subjects: subjects.map(|value| subject(value, &namespace)).collect(),
                rules,
                name: key.name.to_string(),
                namespace,
                role_kind,
                role_name,
            };
            let place = policy.grants.len();
            for (subject, _) in &grant.subjects {
                policy.by_subject.entry(subject.clone()).or_default().push(place);
            }
            policy.grants.push(grant);
        }
        policy
    }

    /// The bindings that give a user something in a namespace, or in the whole cluster.
    fn grants(&self, user: &User, namespace: &str) -> impl Iterator<Item = &Grant> {
        let places: BTreeSet<usize> =
            keys(user).filter_map(|key| self.by_subject.get(&key)).flatten().copied().collect();
        let grants = places.into_iter().filter_map(|place| self.grants.get(place));
        grants.filter(move |grant| grant.namespace.is_empty() || grant.namespace == namespace)
    }

    /// Whether a user may do this.
    pub(super) fn decide(&self, user: &User, wanted: &Attributes) -> Decision<'_> {
        if user.is_master() {
            return Decision::Allowed(None);
        }
        let mut missing = Vec::new();
        for grant in self.grants(user, wanted.namespace()) {
            match &grant.rules {
                Some(rules) if rules.iter().any(|rule| rule.allows(wanted)) => {
                    return Decision::Allowed(Some(grant));
                }
                Some(_) => {}
                None => missing.push(grant.missing()),
            }
        }
        Decision::Denied(match missing.is_empty() {
            true => String::new(),
            false => format!("RBAC: {}", listed(&missing)),
        })
    }

    /// All that a user may do in a namespace.
    pub(super) fn own(&self, user: &User, namespace: &str) -> Own<'_> {
        let mut own = Own { rules: Vec::new(), missing: Vec::new() };
        for grant in self.grants(user, namespace) {
            match &grant.rules {
                Some(rules) => own.rules.extend(rules.iter()),
                None => own.missing.push(grant.missing()),
            }
        }
        own
    }
}

/// The rules of a role, read where it has changed; none where it is missing.
fn rules(state: &State, known: &mut RoleRules, plural: &'static str, key: Key) -> Option<Arc<Vec<Rule>>> {
    let role = state.get(&format!("{plural}.{GROUP}"), &key)?;
    let read = || (role.version(), Arc::new(Rule::all(role.value())));
    let entry = match known.entry((plural, key)) {
        Entry::Vacant(entry) => entry.insert(read()),
        Entry::Occupied(mut entry) => {
            if entry.get().0 != role.version() {
                entry.insert(read());
            }
            entry.into_mut()
        }
    };
    Some(entry.1.clone())
}

impl Grant {
    /// Why it allows something to a user, as reviews say it.
    pub(super) fn reason(&self, user: &User) -> String {
        let keys: Vec<String> = keys(user).collect();
        let shown = self.subjects.iter().find(|(key, _)| keys.contains(key)).map(|(_, shown)| shown.as_str());
        let (kind, name) = match self.namespace.as_str() {
            "" => ("ClusterRoleBinding", self.name.clone()),
            namespace => ("RoleBinding", format!("{}/{namespace}", self.name)),
        };
        let (role_kind, role_name) = (&self.role_kind, &self.role_name);
        format!(
            "RBAC: allowed by {kind} {name:?} of {role_kind} {role_name:?} to {}",
            shown.unwrap_or_default()
        )
    }

    fn missing(&self) -> String {
        format!("{}.{GROUP} {:?} not found", self.role_kind.to_lowercase(), self.role_name)
    }
}

/// One error as it is, several in brackets.
pub(super) fn listed(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}
