//! `missing-path` and `build`: Kustomizations that do not build. Of those that are suspended it is a warning: nobody builds them now.

use super::context::Context;
use super::finding::{Finding, Lint, Place};
use super::places::placed;
use super::rule::{Rule, Severity};
use crate::offline::{Build, Builds, Outcome, below};
use seatrial_engine::BuildError;
use seatrial_engine::local::LocalError;
use seatrial_render::{KUSTOMIZATION_FILES, RenderError, RenderErrors};
use seatrial_yaml::{Node, Pos};

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let name = &cluster.cluster.name;
    for build in &cluster.all {
        let findings = match &build.outcome {
            Outcome::Failed(error) => failed(context, build, error),
            Outcome::NoArtifact(why) => {
                let message = format!("the source of {} cannot be made: {why}", build.who);
                vec![Finding::error(Rule::Build, message).at(declared(context, build, "spec.sourceRef"))]
            }
            Outcome::Built(_) | Outcome::NoSource(_) | Outcome::Unseen(_) => continue,
        };
        let graded = |finding: Finding| match build.is_suspended {
            true => Finding { severity: Severity::Warning, ..finding },
            false => finding,
        };
        found.findings.extend(findings.into_iter().map(|finding| graded(finding).on(name)));
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
                true => format!(
                    "{who} builds {path}, which the source leaves out (.sourceignore, or spec.ignore)"
                ),
                false => format!("{who} builds {path}, which is not in its source: {reason}"),
            };
            let place = declared(context, build, "spec.path");
            vec![Finding::error(Rule::MissingPath, message).at(place).help(near(context, path, ignored))]
        }
        LocalError::Build(BuildError::Build(errors) | BuildError::Manifest { errors, .. }) => {
            each(context, build, errors)
        }
        LocalError::Build(BuildError::Kustomization { file, message }) => {
            vec![told(format!("{who} does not build: {message}")).at(Some(Place::file(file)))]
        }
        LocalError::Build(error) => {
            vec![told(format!("{who} does not build: {error}")).at(declared(context, build, "spec.path"))]
        }
        other => {
            vec![told(format!("{who} does not build: {other}")).at(declared(
                context,
                build,
                "spec.postBuild",
            ))]
        }
    }
}

fn each(context: &Context<'_>, build: &Build, errors: &RenderErrors) -> Vec<Finding> {
    let one = |error: &RenderError| {
        let message = format!("{} does not build: {}", build.who, error.message.trim_end());
        let place = Place { file: error.file.clone(), line: error.line, column: error.column };
        let place = match error.file.is_empty() {
            false => Some(place),
            true => error
                .chain
                .last()
                .or(build.folders.last())
                .map(|folder| entry(context, folder, &error.message)),
        };
        let by = match error.chain.len() > 1 {
            true => format!("it is built by {}", error.chain.join(" -> ")),
            false => String::new(),
        };
        Finding::error(Rule::Build, message).at(place).help(by)
    };
    errors.errors.iter().map(one).collect()
}

/// Where the kustomization of a folder names what a message is about: `… from 'ENTRY': …`.
fn entry(context: &Context<'_>, folder: &str, message: &str) -> Place {
    let file = KUSTOMIZATION_FILES.iter().filter_map(|name| below(folder, name));
    let Some(file) = file.into_iter().find(|file| context.fleet.tree.read(file).is_some()) else {
        return Place::file(folder);
    };
    let named = message.rsplit("from '").find_map(|rest| rest.split_once('\'').map(|(entry, _)| entry));
    let documents = context.places.documents(&file);
    let at = named.and_then(|named| documents.iter().find_map(|root| text(root, named)));
    placed(&file, at)
}

/// Where a text stands.
fn text(node: &Node, wanted: &str) -> Option<Pos> {
    if node.as_str() == Some(wanted) {
        return Some(node.pos);
    }
    let below = node.items().iter().chain(node.entries().iter().map(|(_, value)| value));
    below.into_iter().find_map(|node| text(node, wanted))
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
    let prefix = if context.fleet.tree.is_dir(parent) && parent != path {
        format!("{parent}/")
    } else {
        String::new()
    };
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
