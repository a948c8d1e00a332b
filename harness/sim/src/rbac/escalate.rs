//! Nobody grants what they do not have.

use serde_json::Value;

use super::attributes::Attributes;
use super::check;
use super::policy::{Own, listed};
use super::rule::{Rule, joined, quoted};
use super::{GROUP, User, policy};
use crate::kind::Kind;
use crate::meta;
use crate::object::Key;
use crate::serve::Ctx;
use crate::status::{Refusal, Result};
use crate::store::State;

/// Refuses a role, or a binding, that would give somebody more than the user has who writes it. Other kinds pass.
pub(crate) fn check(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    namespace: &str,
    new: &Value,
    old: Option<&Value>,
) -> Result<()> {
    if kind.group != GROUP || ctx.request.identity.is_master() {
        return Ok(());
    }
    // What ends an object may always be changed.
    if old.is_some_and(|old| same_but_for_end(old, new)) {
        return Ok(());
    }
    match kind.kind.as_ref() {
        "Role" | "ClusterRole" => role(ctx, kind, namespace, new, old),
        _ => binding(ctx, kind, namespace, new),
    }
}

/// Whether two states of an object differ at most in what the garbage collector changes.
fn same_but_for_end(old: &Value, new: &Value) -> bool {
    let rest = |object: &Value| {
        let mut rest = object.clone();
        let metadata = meta::metadata_mut(&mut rest);
        for field in ["ownerReferences", "finalizers", "managedFields", "resourceVersion"] {
            metadata.remove(field);
        }
        rest
    };
    rest(old) == rest(new)
}

fn role(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, new: &Value, old: Option<&Value>) -> Result<()> {
    let name = meta::name(new).to_owned();
    // A request that creates has no name in its path.
    let named = if old.is_some() { name.as_str() } else { "" };
    let escalate = Attributes::resource("escalate", GROUP, &kind.plural, "", namespace, named);
    if check::may(ctx.state, &User::from(&ctx.request.identity), &escalate).is_ok() {
        return Ok(());
    }
    let aggregates = |role: &Value| role.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    if aggregates(new) || old.is_some_and(aggregates) {
        let everything = [
            Rule { verbs: all(), groups: all(), resources: all(), ..Rule::default() },
            Rule { verbs: all(), paths: all(), ..Rule::default() },
        ];
        confirm(ctx, namespace, &everything).map_err(|_| {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            Refusal::forbidden(kind, &name, why)
        })?;
    }
    confirm(ctx, namespace, &Rule::all(new)).map_err(|why| Refusal::forbidden(kind, &name, &why))
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

fn binding(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, new: &Value) -> Result<()> {
    let role = meta::text(new, &["roleRef", "name"]).to_owned();
    let of_cluster = meta::text(new, &["roleRef", "kind"]) == "ClusterRole";
    let plural = if of_cluster { "clusterroles" } else { "roles" };
    let bind = Attributes::resource("bind", GROUP, plural, "", namespace, &role);
    if check::may(ctx.state, &User::from(&ctx.request.identity), &bind).is_ok() {
        return Ok(());
    }
    let place = if of_cluster { "" } else { namespace };
    let Some(rules) = rules_of(ctx.state, plural, place, &role) else {
        // The real server names the binding's resource, and the role.
        return Err(Refusal::not_found(kind, &role));
    };
    confirm(ctx, namespace, &rules).map_err(|why| Refusal::forbidden(kind, meta::name(new), &why))
}

fn rules_of(state: &State, plural: &str, namespace: &str, name: &str) -> Option<Vec<Rule>> {
    let role = state.get(&format!("{plural}.{GROUP}"), &Key::new(namespace, name))?;
    Some(Rule::all(role.value()))
}

/// Whether the user has all of these rules; else what is to be said.
fn confirm(ctx: &mut Ctx<'_>, namespace: &str, rules: &[Rule]) -> std::result::Result<(), String> {
    let user = User::from(&ctx.request.identity);
    let policy = policy(ctx.state);
    let Own { rules: own, missing: gone } = policy.own(&user, namespace);
    let pieces = rules.iter().flat_map(Rule::pieces);
    let missing: Vec<Rule> = pieces.filter(|piece| !own.iter().any(|rule| rule.covers(piece))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut texts: Vec<String> = joined(missing).iter().map(Rule::text).collect();
    texts.sort();
    texts.dedup();
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted(&user.groups),
        texts.join("\n")
    );
    if !gone.is_empty() {
        message.push_str(&format!("; resolution errors: {}", listed(&gone)));
    }
    Err(message)
}
