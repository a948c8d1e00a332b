//! `missing-dependency`: `dependsOn` that leads nowhere.

use super::context::{Context, is_open, items, listed, of_kinds, who};
use super::finding::{Finding, Lint};
use super::rule::Rule;
use crate::offline::{Builds, place};
use serde_json::Value;

/// The kinds that depend on others of their own kind.
pub(super) const KINDS: &[&str] = &["Kustomization", "HelmRelease"];

/// The objects that an object depends on: index, namespace and name.
pub(super) fn of(object: &Value) -> impl Iterator<Item = (usize, &str, &str)> {
    let own = place(object).0;
    items(&object["spec"]["dependsOn"]).enumerate().map(move |(index, reference)| {
        let namespace = reference["namespace"].as_str().filter(|text| !text.is_empty()).unwrap_or(own);
        (index, namespace, reference["name"].as_str().unwrap_or_default())
    })
}

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    for (_, placed) in of_kinds(cluster, KINDS) {
        let object = &placed.object;
        let kind = object["kind"].as_str().unwrap_or_default();
        for (index, namespace, name) in of(object) {
            let there = || of_kinds(cluster, KINDS).filter(|(_, other)| other.object["kind"] == kind);
            // Bootstrap makes the root.
            let is_root = kind == "Kustomization" && (namespace, name) == ("flux-system", "flux-system");
            let is_there = there().any(|(_, other)| place(&other.object) == (namespace, name));
            if is_there || is_root || is_open(name) || is_open(namespace) {
                continue;
            }
            let elsewhere: Vec<String> = there()
                .map(|(_, other)| place(&other.object))
                .filter(|(_, other)| *other == name)
                .map(|(namespace, _)| namespace.to_owned())
                .collect();
            let mut names: Vec<&str> = there()
                .map(|(_, other)| place(&other.object))
                .filter(|other| other.0 == namespace && *other != place(object))
                .map(|(_, name)| name)
                .collect();
            names.sort_unstable();
            let help = match (elsewhere.as_slice(), crate::scenario::nearest(name, &names)) {
                ([], Some(near)) => format!("did you mean {near}?"),
                ([], None) if names.is_empty() => String::new(),
                ([], None) => {
                    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
                    format!("in {namespace} there are {}", listed(&names))
                }
                (namespaces, _) => {
                    format!("there is one in {}: write its namespace", listed(namespaces))
                }
            };
            let message = format!(
                "{} depends on {kind}/{namespace}/{name}, which the cluster does not get",
                who(object)
            );
            let place = context.places.field(placed, &format!("spec.dependsOn[{index}].name"));
            let finding = Finding::certain(cluster.is_complete(), Rule::MissingDependency, message);
            found.findings.push(finding.at(place).help(help).on(&cluster.cluster.name));
        }
    }
}
