//! `flux-version` and `flux-fields`: objects of Flux kinds against the definitions that the cluster has.

use super::context::{Context, is_flux, items, who};
use super::finding::{Finding, Lint};
use super::places::{Step, steps, value_at};
use super::rule::Rule;
use crate::offline::{Builds, Placed};
use seatrial_api::{FluxKind, FluxRelease};
use serde_json::Value;
use std::collections::BTreeMap;

/// Versions of a kind, with their schemas.
type Versions = BTreeMap<String, Value>;

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let own = definitions(cluster.objects().map(|(_, placed)| &placed.object));
    let sealed = seatrial_api::sealed::crd();
    let known: Vec<Value> =
        seatrial_api::crds(context.options.flux.unwrap_or_default()).into_iter().chain([sealed]).collect();
    let known = definitions(known.iter());
    let name = &cluster.cluster.name;
    for (_, placed) in cluster.objects() {
        let object = &placed.object;
        if !is_flux(object) && object["kind"] != "SealedSecret" {
            continue;
        }
        let Some((group, version)) = object["apiVersion"].as_str().and_then(|v| v.split_once('/')) else {
            continue;
        };
        let kind = object["kind"].as_str().unwrap_or_default();
        let key = (group.to_owned(), kind.to_owned());
        let (versions, is_own) = match (own.get(&key), known.get(&key)) {
            (Some(versions), _) => (versions, true),
            (None, Some(versions)) => (versions, false),
            // Kinds that Flux does not have, or this release.
            (None, None) => {
                let finding = unknown_kind(context, group, kind, object);
                found
                    .findings
                    .extend(finding.map(|finding| finding.at(context.places.field(placed, "kind")).on(name)));
                continue;
            }
        };
        let Some(schema) = versions.get(version) else {
            let finding = unserved(context, object, versions, is_own);
            found.findings.push(finding.at(context.places.field(placed, "apiVersion")).on(name));
            continue;
        };
        match context.schema(schema, &format!("{group}/{version}"), kind) {
            Some(compiled) => fields(context, name, placed, (schema, &compiled), found),
            None => found.notes.push(format!(
                "{name}: fields of {kind} {group}/{version} are not looked at: its definition has what is not supported"
            )),
        }
    }
}

/// The served versions of each kind: group and kind, version, schema.
fn definitions<'v>(objects: impl Iterator<Item = &'v Value>) -> BTreeMap<(String, String), Versions> {
    let mut all: BTreeMap<(String, String), Versions> = BTreeMap::new();
    for definition in objects.filter(|object| object["kind"] == "CustomResourceDefinition") {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = (text(&spec["group"]), text(&spec["names"]["kind"]));
        let served = items(&spec["versions"]).filter(|version| version["served"] == true);
        let schemas = served.map(|v| (text(&v["name"]), v["schema"]["openAPIV3Schema"].clone()));
        all.entry(key).or_default().extend(schemas);
    }
    all
}

fn unknown_kind(context: &Context<'_>, group: &str, kind: &str, object: &Value) -> Option<Finding> {
    let flux = context.options.flux.unwrap_or_default();
    let message = format!("{}: Flux {flux} has no kind {kind} in {group}", who(object));
    match FluxKind::find(group, kind) {
        Some(known) => {
            let has = FluxRelease::ALL.into_iter().find(|release| !known.versions(*release).is_empty());
            let help = has.map(|release| {
                format!("Flux {release} has it: --flux {release} says that it is what runs there")
            });
            Some(Finding::error(Rule::FluxVersion, message).help(help.unwrap_or_default()))
        }
        // Groups such as that of the operator are not Flux's own.
        None => seatrial_api::catalog::KINDS.iter().any(|known| known.group == group).then(|| {
            let kinds: Vec<&str> = seatrial_api::catalog::KINDS
                .iter()
                .filter(|known| known.group == group)
                .map(|known| known.kind)
                .collect();
            let help = match crate::scenario::nearest(kind, &kinds) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", kinds.join(", ")),
            };
            Finding::error(Rule::FluxVersion, message).help(help)
        }),
    }
}

fn unserved(context: &Context<'_>, object: &Value, versions: &Versions, is_own: bool) -> Finding {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let served: Vec<String> = versions.keys().cloned().collect();
    let flux = context.options.flux.unwrap_or_default();
    let by = if is_own { "the cluster's own Flux".to_owned() } else { format!("Flux {flux}") };
    let message = format!("{}: {by} does not serve {version}", who(object));
    let (group, short) = version.split_once('/').unwrap_or_default();
    let known = FluxKind::find(group, object["kind"].as_str().unwrap_or_default());
    let other = known.and_then(|known| {
        FluxRelease::ALL.into_iter().find(|release| known.versions(*release).contains(&short))
    });
    let mut help = format!("write {group}/{}", served.join(" or "));
    if let Some(release) = other.filter(|_| !is_own) {
        help.push_str(&format!("; Flux {release} has it: --flux {release} says that it is what runs there"));
    }
    Finding::error(Rule::FluxVersion, message).help(help)
}

fn fields(
    context: &Context<'_>,
    cluster: &str,
    placed: &Placed,
    (schema, compiled): (&Value, &seatrial_sim::crd_schema::CrdSchema),
    found: &mut Lint,
) {
    let who = who(&placed.object);
    let mut object = placed.object.clone();
    // What the server would write itself.
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    let mut pruned = object.clone();
    for path in compiled.prune(&mut pruned) {
        let steps = steps(&path);
        let (parent, unknown) = match steps.split_last() {
            Some((Step::Key(unknown), parent)) => (parent, unknown.as_str()),
            _ => continue,
        };
        let known = properties(schema, parent);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match crate::scenario::nearest(unknown, &known) {
            Some(near) => format!("did you mean {near}?"),
            None if known.is_empty() => String::new(),
            None => format!("there are {}", known.join(", ")),
        };
        let finding = Finding::error(Rule::FluxFields, format!("{who}: there is no field {path}"));
        found.findings.push(finding.at(context.places.field(placed, &path)).help(help).on(cluster));
    }
    compiled.default(&mut pruned);
    compiled.drop_nulls(&mut pruned);
    for violation in compiled.validate(&pruned, None) {
        let value = value_at(&pruned, &steps(&violation.field));
        // What a variable becomes is not known; rules that were not checked say nothing.
        if value.is_some_and(|value| value.to_string().contains("${")) || violation.field == "<nil>" {
            continue;
        }
        let finding = Finding::error(Rule::FluxFields, format!("{who}: {violation}"));
        found.findings.push(finding.at(context.places.field(placed, &violation.field)).on(cluster));
    }
}

/// The fields that a schema knows at a place.
fn properties(schema: &Value, steps: &[Step]) -> Vec<String> {
    let below = steps.iter().try_fold(schema, |schema, step| match step {
        Step::Key(key) => schema["properties"].get(key).or_else(|| schema.get("additionalProperties")),
        Step::Item(_) => schema.get("items"),
    });
    let properties = below.and_then(|schema| schema["properties"].as_object());
    properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
}
