//! `missing-path` and `build`: Kustomizations that do not build.

use super::context::Context;
use super::finding::{Finding, Lint, Place};
use super::rule::Rule;
use crate::offline::{Build, Builds, Outcome};
use seatrial_engine::BuildError;
use seatrial_engine::local::LocalError;
use seatrial_render::{RenderError, RenderErrors};

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let name = &cluster.cluster.name;
    for build in &cluster.all {
        let findings = match &build.outcome {
            Outcome::Failed(error) => failed(context, build, error),
            Outcome::NoArtifact(why) => {
                let message = format!("the source of {} cannot be made: {why}", build.who);
                vec![Finding::error(Rule::Build, message).at(declared(context, build, "spec.sourceRef"))]
            }
            Outcome::Built(_) | Outcome::Unseen(_) => continue,
        };
        found.findings.extend(findings.into_iter().map(|finding| finding.on(name)));
    }
}

/// Where a field of the Kustomization stands.
fn declared(context: &Context<'_>, build: &Build, field: &str) -> Option<Place> {
    context.places.of(&build.file, &build.kustomization, field)
}

fn failed(context: &Context<'_>, build: &Build, error: &LocalError) -> Vec<Finding> {
    let who = &build.who;
    let told = |message: String| Finding::error(Rule::Build, message);
    match error {
        LocalError::Build(BuildError::NoPath { path, reason }) => {
            let path = path.trim_start_matches('/');
            let ignored = context.fleet.tree.is_dir(path);
            let message = match ignored {
                true => format!("{who} builds {path}, which the source leaves out (.sourceignore, or spec.ignore)"),
                false => format!("{who} builds {path}, which is not in its source: {reason}"),
            };
            let place = declared(context, build, "spec.path");
            vec![Finding::error(Rule::MissingPath, message).at(place).help(near(context, path, ignored))]
        }
        LocalError::Build(BuildError::Build(errors) | BuildError::Manifest { errors, .. }) => {
            each(build, errors)
        }
        LocalError::Build(BuildError::Kustomization { file, message }) => {
            vec![told(format!("{who} does not build: {message}")).at(Some(Place::file(file)))]
        }
        LocalError::Build(error) => {
            vec![told(format!("{who} does not build: {error}")).at(declared(context, build, "spec.path"))]
        }
        other => {
            vec![told(format!("{who} does not build: {other}")).at(declared(context, build, "spec.postBuild"))]
        }
    }
}

fn each(build: &Build, errors: &RenderErrors) -> Vec<Finding> {
    let one = |error: &RenderError| {
        let message = format!("{} does not build: {}", build.who, error.message.trim_end());
        let place = Place { file: error.file.clone(), line: error.line, column: error.column };
        let place = (!error.file.is_empty()).then_some(place);
        let place = place.or_else(|| build.folders.last().map(|folder| Place::file(folder.as_str())));
        let by = match error.chain.len() > 1 {
            true => format!("it is built by {}", error.chain.join(" -> ")),
            false => String::new(),
        };
        Finding::error(Rule::Build, message).at(place).help(by)
    };
    errors.errors.iter().map(one).collect()
}

/// What folders there are where one is missing.
fn near(context: &Context<'_>, path: &str, ignored: bool) -> String {
    if ignored {
        return String::new();
    }
    let mut parent = path;
    let mut missing = path;
    while let Some((above, name)) = parent.rsplit_once('/') {
        (parent, missing) = (above, name);
        if context.fleet.tree.is_dir(parent) {
            break;
        }
    }
    let prefix = if context.fleet.tree.is_dir(parent) && parent != path { format!("{parent}/") } else { String::new() };
    let missing = if prefix.is_empty() { path.split('/').next().unwrap_or(path) } else { missing };
    let mut folders: Vec<&str> = context
        .fleet
        .paths
        .iter()
        .filter_map(|file| file.strip_prefix(&prefix)?.split_once('/').map(|(folder, _)| folder))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    match crate::scenario::nearest(missing, &folders) {
        Some(folder) => format!("did you mean {prefix}{folder}?"),
        None => String::new(),
    }
}
