//! `isolation`: image automations that edit files of other clusters.

use super::context::{Context, of_kinds};
use super::finding::{Finding, Lint};
use super::rule::Rule;
use crate::isolation::{ClusterObjects, Shared, look};
use crate::offline::{Builds, place};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KIND: &[&str] = &["ImageUpdateAutomation"];
const POLICY: &[&str] = &["ImagePolicy"];
const SOURCE: &[&str] = &["GitRepository"];

pub(super) fn check(context: &Context<'_>, wanted: &BTreeSet<String>, found: &mut Lint) {
    if context.clusters.iter().all(|cluster| of_kinds(cluster, KIND).next().is_none()) {
        return;
    }
    let clusters: Vec<ClusterObjects> =
        context.clusters.iter().map(|cluster| objects(context, cluster)).collect();
    let seen = look(&context.fleet.forge, &clusters, None);
    let unknown = seen.unknown.into_iter().filter(|why| !why.ends_with("does not exist"));
    found.notes.extend(unknown.map(|why| format!("isolation of image automations: {why}")));
    // One finding for each automation and other cluster.
    let mut shared: BTreeMap<(&str, &str, &str), Vec<&Shared>> = BTreeMap::new();
    for one in seen.shared.iter().filter(|shared| wanted.contains(&shared.cluster)) {
        shared.entry((&one.cluster, &one.namespace, &one.name)).or_default().push(one);
    }
    for ((name, namespace, automation), all) in shared {
        let Some(cluster) = context.clusters.iter().find(|cluster| cluster.cluster.name == name) else {
            continue;
        };
        let placed = of_kinds(cluster, KIND).find(|(_, it)| place(&it.object) == (namespace, automation));
        let at = placed.and_then(|(_, placed)| {
            let has_path = placed.object["spec"]["update"]["path"].is_string();
            context.places.field(placed, if has_path { "spec.update.path" } else { "spec" })
        });
        let mut files: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
        for Shared { file, other, is_certain, .. } in all {
            files.entry((file, *is_certain)).or_default().insert(other);
        }
        for ((file, is_certain), others) in files {
            let others: Vec<String> = others.into_iter().map(str::to_owned).collect();
            let message = format!(
                "ImageUpdateAutomation/{namespace}/{automation} changes {file}, which {} {} from, too",
                super::context::listed(&others),
                if others.len() == 1 { "builds" } else { "build" }
            );
            let help = format!(
                "put the marker into a file that {name} alone builds from (its overlay), and narrow spec.update.path to it"
            );
            let finding = Finding::certain(is_certain, Rule::Isolation, message);
            found.findings.push(finding.at(at.clone()).help(help).on(name));
        }
    }
}

fn objects(context: &Context<'_>, cluster: &Builds) -> ClusterObjects {
    let of = |kind| of_kinds(cluster, kind).map(|(_, placed)| placed.object.clone()).collect::<Vec<Value>>();
    let mut sources = of(SOURCE);
    if sources.iter().all(|source| place(source) != ("flux-system", "flux-system")) {
        // Bootstrap writes it.
        sources.push(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "flux-system", "namespace": "flux-system"},
            "spec": {"url": context.fleet.source.url, "ref": {"branch": context.fleet.source.branch}},
        }));
    }
    ClusterObjects {
        name: cluster.cluster.name.clone(),
        kustomizations: cluster.all.iter().map(|build| build.kustomization.clone()).collect(),
        automations: of(KIND),
        sources,
        policies: of(POLICY),
        is_complete: cluster.is_complete(),
    }
}
