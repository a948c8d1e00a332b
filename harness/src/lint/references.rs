//! `missing-source`: references to sources that nothing defines.

use super::context::{Context, is_flux, is_open, items, listed, who};
use super::finding::{Finding, Lint};
use super::rule::Rule;
use crate::offline::{Builds, Outcome, place};
use serde_json::Value;
use std::collections::BTreeSet;

/// A reference to an object of a Flux kind.
struct Reference {
    /// Where it stands in the object.
    path: String,
    kind: String,
    namespace: String,
    name: String,
}

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let there = defined(cluster);
    for (_, placed) in cluster.objects().filter(|(_, placed)| is_flux(&placed.object)) {
        for reference in references(&placed.object) {
            let Reference { path, kind, namespace, name } = reference;
            let key = (kind.clone(), namespace.clone(), name.clone());
            // Bootstrap writes the first.
            let is_root = kind == "GitRepository" && namespace == "flux-system" && name == "flux-system";
            if there.contains(&key)
                || is_root
                || name.is_empty()
                || [&namespace, &name].iter().any(|t| is_open(t))
            {
                continue;
            }
            let alike: Vec<&(String, String, String)> =
                there.iter().filter(|other| other.0 == kind).collect();
            let elsewhere: Vec<String> =
                alike.iter().filter(|other| other.2 == name).map(|other| other.1.clone()).collect();
            let names: Vec<&str> = alike.iter().filter(|o| o.1 == namespace).map(|o| o.2.as_str()).collect();
            let help = if !elsewhere.is_empty() {
                format!("there is one in {}: write its namespace", listed(&elsewhere))
            } else if let Some(near) = crate::scenario::nearest(&name, &names) {
                format!("did you mean {near}?")
            } else if let [_, ..] = names.as_slice() {
                let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
                format!("in {namespace} there are {}", listed(&names))
            } else {
                String::new()
            };
            let message = format!(
                "{} refers to {kind}/{namespace}/{name}, which the cluster does not get",
                who(&placed.object)
            );
            let finding = Finding::certain(sure(cluster), Rule::MissingSource, message);
            let place = context.places.field(placed, &path);
            found.findings.push(finding.at(place).help(help).on(&cluster.cluster.name));
        }
    }
}

/// Whether nothing else can define a source: a Kustomization that is not looked at since its own source is missing defines none.
fn sure(cluster: &Builds) -> bool {
    cluster.all.iter().all(|build| match &build.outcome {
        Outcome::Built(_) => !build.is_open,
        Outcome::NoSource(_) => true,
        Outcome::Failed(_) | Outcome::NoArtifact(_) | Outcome::Unseen(_) => false,
    })
}

/// All objects of Flux kinds that the cluster gets, by kind, namespace and name.
fn defined(cluster: &Builds) -> BTreeSet<(String, String, String)> {
    let mut all = BTreeSet::new();
    for (_, placed) in cluster.objects().filter(|(_, placed)| is_flux(&placed.object)) {
        let object = &placed.object;
        let (namespace, name) = place(object);
        let kind = object["kind"].as_str().unwrap_or_default();
        all.insert((kind.to_owned(), namespace.to_owned(), name.to_owned()));
        if kind == "ArtifactGenerator" {
            for artifact in items(&object["spec"]["artifacts"]) {
                let name = artifact["name"].as_str().unwrap_or_default();
                all.insert(("ExternalArtifact".to_owned(), namespace.to_owned(), name.to_owned()));
            }
        }
    }
    all
}

fn references(object: &Value) -> Vec<Reference> {
    let spec = &object["spec"];
    let own = place(object).0;
    let mut all = Vec::new();
    let mut take = |path: String, value: &Value, kind: Option<&str>| {
        let text = |field: &str| value[field].as_str().filter(|text| !text.is_empty());
        let (Some(name), Some(kind)) = (text("name"), text("kind").or(kind)) else { return };
        all.push(Reference {
            path: format!("{path}.name"),
            kind: kind.to_owned(),
            namespace: text("namespace").unwrap_or(own).to_owned(),
            name: name.to_owned(),
        });
    };
    match object["kind"].as_str().unwrap_or_default() {
        "Kustomization" | "HelmChart" => take("spec.sourceRef".to_owned(), &spec["sourceRef"], None),
        "ImageUpdateAutomation" => {
            take("spec.sourceRef".to_owned(), &spec["sourceRef"], Some("GitRepository"));
        }
        "ImagePolicy" => {
            take("spec.imageRepositoryRef".to_owned(), &spec["imageRepositoryRef"], Some("ImageRepository"));
        }
        "HelmRelease" => {
            take("spec.chart.spec.sourceRef".to_owned(), &spec["chart"]["spec"]["sourceRef"], None);
            take("spec.chartRef".to_owned(), &spec["chartRef"], None);
        }
        "ArtifactGenerator" => {
            for (index, source) in items(&spec["sources"]).enumerate() {
                take(format!("spec.sources[{index}]"), source, None);
            }
        }
        "GitRepository" => {
            for (index, include) in items(&spec["include"]).enumerate() {
                take(
                    format!("spec.include[{index}].repository"),
                    &include["repository"],
                    Some("GitRepository"),
                );
            }
        }
        _ => {}
    }
    all
}
