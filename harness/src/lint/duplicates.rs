//! `duplicate-object`: one object, two Kustomizations.

use super::context::{Context, is_open, listed, who};
use super::finding::{Finding, Lint};
use super::rule::Rule;
use crate::offline::{Build, Builds, Placed};
use seatrial_engine::ObjectRef;
use serde_json::Value;
use std::collections::BTreeMap;

const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// An object, and the Kustomization that applies it.
type Applied<'b> = (&'b Build, &'b Placed);

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let mut all: BTreeMap<[String; 4], Vec<Applied<'_>>> = BTreeMap::new();
    // Who is suspended applies nothing.
    let working = cluster.objects().filter(|(build, _)| !build.is_suspended);
    for (build, placed) in working.filter(|(_, placed)| is_applied(&placed.object)) {
        let ObjectRef { group, kind, namespace, name, .. } = ObjectRef::of(&placed.object);
        if [&namespace, &name].iter().any(|text| is_open(text)) {
            continue;
        }
        all.entry([group, kind, namespace, name]).or_default().push((build, placed));
    }
    for copies in all.values().filter(|copies| copies.len() > 1) {
        let Some(((first, one), rest)) = copies.split_first() else { continue };
        let others: Vec<&Applied<'_>> = rest.iter().filter(|(build, _)| build.who != first.who).collect();
        let Some((_, last)) = others.last() else { continue };
        let mut by: Vec<String> = copies.iter().map(|(build, _)| build.who.clone()).collect();
        by.dedup();
        let differ = others.iter().any(|(_, other)| bare(&one.object) != bare(&other.object));
        let object = who(&one.object);
        let (message, is_error) = match differ {
            true => (
                format!(
                    "{object} is applied by {}, each time otherwise: they overwrite each other",
                    listed(&by)
                ),
                true,
            ),
            false => (
                format!(
                    "{object} is applied by {}: each takes it from the other, and what one lets go may be pruned",
                    listed(&by)
                ),
                false,
            ),
        };
        let finding = Finding::certain(is_error, Rule::DuplicateObject, message);
        let mut files: Vec<String> = copies.iter().map(|(_, placed)| placed.file.clone()).collect();
        files.retain(|file| !file.is_empty());
        files.sort();
        files.dedup();
        let help = match files.as_slice() {
            [] | [_] => "leave it to one of them".to_owned(),
            files => format!("leave it to one of them: it stands in {}", listed(files)),
        };
        let place = context.places.field(last, "metadata.name");
        found.findings.push(finding.at(place).help(help).on(&cluster.cluster.name));
    }
}

/// Whether Flux applies all of an object, and goes on doing so.
fn is_applied(object: &Value) -> bool {
    let value = |key: &str| {
        let of = |field: &str| object["metadata"][field][format!("{GROUP}/{key}")].as_str();
        of("annotations").or_else(|| of("labels")).unwrap_or_default().to_lowercase()
    };
    let is_off = matches!(value("reconcile").as_str(), "disabled");
    !is_off && !matches!(value("ssa").as_str(), "ifnotpresent" | "ignore" | "merge")
}

/// An object without what says whose it is.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
        labels.retain(|key, _| !key.starts_with(GROUP));
        if labels.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("labels");
        }
    }
    object
}
