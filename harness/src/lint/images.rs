//! `image-marker` and `image-host`: image updates that never happen.

use super::context::{Context, listed, of_kinds, who};
use super::finding::{Finding, Lint, Place};
use super::rule::Rule;
use crate::offline::{Builds, place};
use seatrial_image::setter::{SetterError, is_under, markers as read};
use std::collections::BTreeSet;

const POLICY: &[&str] = &["ImagePolicy"];
const AUTOMATION: &[&str] = &["ImageUpdateAutomation"];
const REPOSITORY: &[&str] = &["ImageRepository"];
const PARTS: [&str; 3] = ["name", "tag", "digest"];

/// Markers of the whole repository, against the policies of all clusters.
pub(super) fn markers(context: &Context<'_>, found: &mut Lint) {
    let policies: BTreeSet<String> = context
        .clusters
        .iter()
        .flat_map(|cluster| of_kinds(cluster, POLICY))
        .map(|(_, placed)| place(&placed.object))
        .map(|(namespace, name)| format!("{namespace}:{name}"))
        .collect();
    let automations = context.clusters.iter().flat_map(|cluster| of_kinds(cluster, AUTOMATION));
    let folders: Vec<&str> = automations
        .map(|(_, placed)| placed.object["spec"]["update"]["path"].as_str().unwrap_or_default())
        .collect();
    let complete = context.is_complete();
    for (file, content) in context.fleet.yaml() {
        let markers = match read(file, content) {
            Ok(markers) => markers,
            Err(SetterError::Parse { line, problem, .. }) => {
                let message = format!(
                    "a file with a marker is no YAML, which fails every update of its folder: {problem}"
                );
                let at = Place { line: Some(line), ..Place::file(file) };
                // An automation reads what is below its path.
                let is_read = folders.iter().any(|folder| is_under(file, folder));
                found.findings.push(Finding::certain(is_read, Rule::ImageMarker, message).at(Some(at)));
                continue;
            }
            Err(SetterError::Splice { .. }) => continue,
        };
        for marker in markers {
            let at = Some(Place { line: Some(marker.line), ..Place::file(file) });
            if let Some(part) = marker.part.filter(|part| !PARTS.contains(&part.as_str())) {
                let message =
                    format!("the marker of {} names the part {part:?}, which there is not", marker.policy);
                let finding = Finding::error(Rule::ImageMarker, message).at(at.clone());
                found.findings.push(finding.help("name, tag, digest, or none for the whole image"));
            }
            if policies.contains(&marker.policy) {
                continue;
            }
            let message =
                format!("no ImagePolicy {} is on any cluster: what is marked never changes", marker.policy);
            let names: Vec<&str> = policies.iter().map(String::as_str).collect();
            let help = match crate::scenario::nearest(&marker.policy, &names) {
                Some(near) => format!("did you mean {near}?"),
                None if names.is_empty() => String::new(),
                None => format!("there are {}", listed(&policies.iter().cloned().collect::<Vec<_>>())),
            };
            found.findings.push(Finding::certain(complete, Rule::ImageMarker, message).at(at).help(help));
        }
    }
}

/// Addresses that are web sites.
pub(super) fn hosts(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    for (_, placed) in of_kinds(cluster, REPOSITORY) {
        let image = placed.object["spec"]["image"].as_str().unwrap_or_default();
        let Some(path) = image.strip_prefix("hub.docker.com/") else { continue };
        let message = format!(
            "{} names {image}: hub.docker.com is the web site of Docker Hub, and no registry",
            who(&placed.object)
        );
        let finding =
            Finding::warning(Rule::ImageHost, message).help(format!("write {path} or docker.io/{path}"));
        let at = context.places.field(placed, "spec.image");
        found.findings.push(finding.at(at).on(&cluster.cluster.name));
    }
}
