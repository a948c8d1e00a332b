//! Variables: `$(NAME)` in the fields that the field specs name.

use std::collections::{BTreeMap, BTreeSet};

use seatrial_yaml::{Dialect, Node, Scalar};

use crate::accumulate::Build;
use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::field_path;
use crate::ids::{Gvk, ResId};
use crate::kustomization::model::Var;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Ties the variables of a kustomization to the objects that it has gathered.
pub(crate) fn bind(vars: &[Var], resources: &mut ResMap) -> Result<()> {
    for var in vars {
        let mut found = 0;
        for resource in resources.list_mut().iter_mut().filter(|r| is_meant(var, r)) {
            found += 1;
            resource.vars.push(var.name.clone());
        }
        if found > 1 {
            return fail(format!(
                "found {found} resId matches for var {} (unable to disambiguate)",
                var.name
            ));
        }
    }
    Ok(())
}

/// A variable as Go prints it.
fn described(var: &Var) -> String {
    let path = if var.fieldref.field_path.is_empty() { "metadata.name" } else { &var.fieldref.field_path };
    let Gvk { group, version, kind } = target_kind(var);
    let parts: Vec<String> = [kind, version, group].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{{{} {} {{{path}}}}}", var.name, parts.join("."))
}

fn target_kind(var: &Var) -> Gvk {
    let target = &var.objref;
    match target.api_version.is_empty() {
        true => {
            Gvk { group: target.group.clone(), version: target.version.clone(), kind: target.kind.clone() }
        }
        false => Gvk::new(&target.api_version, &target.kind),
    }
}

fn is_meant(var: &Var, resource: &Resource) -> bool {
    let target = &var.objref;
    let gvk = target_kind(var);
    let fits = |id: &ResId| {
        id.gvk == gvk
            && id.name == target.name
            && (target.namespace.is_empty() || id.effective_namespace() == target.namespace)
    };
    fits(&resource.id()) || resource.past.iter().any(|past| fits(&resource.past_id(past)))
}

/// Replaces the variables by their values.
pub(super) fn resolve(
    build: &mut Build<'_>,
    resources: &mut ResMap,
    vars: &[Var],
    specs: &[FieldSpec],
) -> Result<()> {
    if vars.is_empty() {
        return Ok(());
    }
    let mut values: BTreeMap<String, Node> = BTreeMap::new();
    for var in vars {
        let path =
            if var.fieldref.field_path.is_empty() { "metadata.name" } else { &var.fieldref.field_path };
        let owner = resources.list().iter().find(|r| r.vars.contains(&var.name));
        let Some(owner) = owner else {
            return fail(format!(
                "var '{}' cannot be mapped to a field in the set of known resources",
                described(var)
            ));
        };
        match find(owner.node(), path).and_then(value_of) {
            Some(value) => values.insert(var.name.clone(), value),
            None => {
                return fail(format!(
                    "field specified in var '{}' not found in corresponding resource",
                    described(var)
                ));
            }
        };
    }
    let mut used = BTreeSet::new();
    for resource in resources.list_mut() {
        let gvk = resource.gvk();
        for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
            spec.apply(&gvk, resource.node_mut(), Create::Nothing, &mut |node| {
                expand_in(node, &values, &mut used)
            })?;
        }
    }
    let unused: Vec<&str> = values.keys().filter(|name| !used.contains(*name)).map(String::as_str).collect();
    if !unused.is_empty() {
        build.warnings.push(format!("well-defined vars that were never replaced: {}", unused.join(",")));
    }
    Ok(())
}

/// What a variable stands for: numbers are read and spelled anew, where they are decimal; `None` where they are not. Nulls
/// and times are the text that was written.
fn value_of(node: &Node) -> Option<Node> {
    let text = node.as_str().unwrap_or_default();
    Some(match node.resolve(Dialect::Kustomize) {
        Ok(Scalar::Int(_) | Scalar::UInt(_)) => Node::int(text.parse().ok()?),
        Ok(Scalar::Float(float)) if float.is_finite() => Node::plain(seatrial_yaml::go_g_float(float)),
        Ok(Scalar::Bool(value)) => Node::bool(value),
        Ok(Scalar::Null) if !text.is_empty() => Node::str(text),
        Ok(Scalar::Time(_)) => Node::str(text),
        _ => node.clone(),
    })
}

/// A variable's field path may have indices in brackets: `spec.ports[0].port`.
fn find<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let mut parts = Vec::new();
    for part in field_path::split(path) {
        match part.split_once('[') {
            Some((name, rest)) if !name.is_empty() => {
                parts.push(name.to_owned());
                parts.extend(rest.split('[').map(|index| index.trim_end_matches(']').to_owned()));
            }
            _ => parts.push(part),
        }
    }
    field_path::find(node, &parts)
}

fn expand_in(node: &mut Node, values: &BTreeMap<String, Node>, used: &mut BTreeSet<String>) -> Result<()> {
    if node.is_null() {
        return Ok(());
    }
    if let Some(items) = node.items_mut() {
        for item in items {
            if !item.is_string(Dialect::Kustomize) {
                return fail("invalid value type expect a string");
            }
            expand_scalar(item, values, used);
        }
        return Ok(());
    }
    for (_, value) in node.entries_mut().into_iter().flatten() {
        value.close_as_string();
        expand_scalar(value, values, used);
    }
    node.close_as_string();
    expand_scalar(node, values, used);
    Ok(())
}

fn expand_scalar(node: &mut Node, values: &BTreeMap<String, Node>, used: &mut BTreeSet<String>) {
    let Some(text) = node.as_string(Dialect::Kustomize).filter(|text| text.contains('$')) else { return };
    // A text that is nothing but one variable takes the value with its type.
    if let Some(name) = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'))
        && let Some(value) = values.get(name)
    {
        if value.is_scalar() {
            used.insert(name.to_owned());
            *node = value.clone();
        }
        return;
    }
    let expanded = expand(text, |name| {
        let value = values.get(name)?.as_str()?;
        used.insert(name.to_owned());
        Some(value.to_owned())
    });
    *node = Node::str(expanded);
}

/// `$(NAME)` becomes the value; `$$` is a dollar sign that starts no variable; unknown names stay.
fn expand(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match value(name) {
                Some(value) => out.push_str(&value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = more;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
