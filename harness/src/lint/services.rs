//! `list-pattern`, `missing-service` and `unlisted-service`: the lists in `config/ENV`.

use super::context::Context;
use super::finding::{Finding, Lint, Place};
use super::places::{Step, placed};
use super::rule::Rule;
use crate::monorepo::{Layout, Listing, MonorepoError, Service, entries, is_pattern};
use seatrial_render::KUSTOMIZATION_FILES;
use std::collections::BTreeSet;

pub(super) fn check(context: &Context<'_>, wanted: &BTreeSet<String>, found: &mut Lint) {
    let layout = Layout::of(&context.fleet.paths);
    for env in &layout.environments {
        // With some clusters alone, only their environments.
        if layout.clusters.iter().any(|cluster| cluster.name == *env && !wanted.contains(env)) {
            continue;
        }
        list(context, &layout, env, found);
    }
}

fn list(context: &Context<'_>, layout: &Layout, env: &str, found: &mut Lint) {
    let listing = Listing::of(env);
    let paths: BTreeSet<&str> = context.fleet.paths.iter().map(String::as_str).collect();
    let file = KUSTOMIZATION_FILES.iter().map(|name| format!("{}/{name}", listing.folder()));
    let Some(file) = file.into_iter().find(|file| paths.contains(file.as_str())) else { return };
    let content = context.fleet.tree.read(&file).unwrap_or_default();
    let listed = match listing.listed(&content) {
        Ok(listed) => listed,
        Err(MonorepoError::Glob { .. }) => {
            for (index, entry) in entries(&content).into_iter().flatten().enumerate() {
                if is_pattern(&entry) {
                    let finding =
                        Finding::error(Rule::ListPattern, format!("the entry {entry} is a pattern"));
                    let help = format!(
                        "name each service: `seatrial services sync --env {env}` adds those that are missing"
                    );
                    found.findings.push(finding.at(Some(place(context, &file, index))).help(help));
                }
            }
            return;
        }
        // What is no list of resources is told where it is built.
        Err(_) => return,
    };
    let has_overlay = |service: &Service| {
        let overlay = listing.overlay(service);
        KUSTOMIZATION_FILES.iter().any(|name| paths.contains(format!("{overlay}/{name}").as_str()))
    };
    for (index, service) in listed.iter().filter(|(_, service)| !has_overlay(service)) {
        let message = format!("{service} is listed, but {} is missing", listing.overlay(service));
        let there: Vec<String> = layout.services_for(env).iter().map(ToString::to_string).collect();
        let there: Vec<&str> = there.iter().map(String::as_str).collect();
        let help = match crate::scenario::nearest(&service.to_string(), &there) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("`seatrial services remove --env {env} {service}` takes it off the list"),
        };
        let finding = Finding::error(Rule::MissingService, message);
        found.findings.push(finding.at(Some(place(context, &file, *index))).help(help));
    }
    for service in layout.services_for(env).into_iter().filter(|service| has_overlay(service)) {
        if listed.iter().all(|(_, one)| one != service) {
            let message =
                format!("{service} has an overlay for {env}, and is not listed: it is not deployed there");
            let finding = Finding::warning(Rule::UnlistedService, message);
            let help = format!("`seatrial services add --env {env} {service}` adds it");
            found.findings.push(finding.at(Some(Place::file(&file))).help(help));
        }
    }
}

/// Where an entry stands.
fn place(context: &Context<'_>, file: &str, index: usize) -> Place {
    let documents = context.places.documents(file);
    let resources = documents.first().and_then(|root| root.get("resources"));
    match resources.and_then(|list| list.items().get(index)) {
        Some(item) => placed(file, Some(item.pos)),
        None => context.places.in_file(file, &[Step::Key("resources".to_owned())]),
    }
}
