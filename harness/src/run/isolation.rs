//! The step `expectIsolated`: which files image automations would change, and who else builds from them.
//!
//! A file is changed by an automation of one cluster and used by another where both happen in the same repository and on the same
//! branch. What a Kustomization uses is found by following its kustomization files; nothing is built.

use super::failure::StepError;
use super::world::World;
use crate::check::default_api_version;
use crate::cluster::Handle;
use crate::forge::Repo;
use crate::report::Failure;
use seatrial_image::setter::{is_under, markers};
use seatrial_yaml::{Node, ParseOptions, Value as Yaml, parse_first};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fails where an automation of `cluster`, or of any, would change a file that another cluster builds from.
pub(super) async fn expect(world: &World, cluster: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut uses: BTreeMap<(&str, (String, String)), BTreeSet<String>> = BTreeMap::new();
    for (name, handle) in &world.clusters {
        for kustomization in objects(handle, "Kustomization").await? {
            let Some((repo, place)) = source(world, handle, &kustomization).await? else { continue };
            let path = kustomization["spec"]["path"].as_str().unwrap_or_default();
            let mut files = Files { repo: &repo, branch: &place.1, seen: BTreeSet::new() };
            files.folder(&clean("", path));
            let seen = files.seen;
            uses.entry((name.as_str(), place)).or_default().extend(seen);
        }
    }
    let (mut problems, mut looked_at) = (Vec::new(), 0);
    for (name, handle) in &world.clusters {
        if cluster.is_some_and(|wanted| wanted != name) {
            continue;
        }
        for automation in objects(handle, "ImageUpdateAutomation").await? {
            looked_at += 1;
            let Some((repo, mut place)) = source(world, handle, &automation).await? else { continue };
            let checkout = &automation["spec"]["git"]["checkout"]["ref"]["branch"];
            let push = &automation["spec"]["git"]["push"]["branch"];
            let read = checkout.as_str().unwrap_or(&place.1).to_owned();
            place.1 = push.as_str().unwrap_or(&read).to_owned();
            let own = text(&automation, "/metadata/name");
            for file in changes(&repo, &read, &automation) {
                for ((other, used), files) in &uses {
                    if *other != name && *used == place && files.contains(&file) {
                        problems.push(format!(
                            "ImageUpdateAutomation/{own} of {name} changes {file}, which {other} builds from"
                        ));
                    }
                }
            }
        }
    }
    if problems.is_empty() {
        return Ok(vec![format!("{looked_at} automations")]);
    }
    problems.sort();
    problems.dedup();
    Err(Failure { message: problems.join("; "), ..Failure::default() })
}

fn text(object: &Value, path: &str) -> String {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn objects(handle: &Handle, kind: &str) -> Result<Vec<Value>, Failure> {
    let version = default_api_version(kind, Some(handle.flux)).unwrap_or_default();
    let failed = |error| Failure::from(StepError::api(format!("list {kind}s of {}", handle.name), &error));
    handle.objects.list(&version, kind, None).await.map_err(failed)
}

/// The run's repository behind the source of an object, with its name and branch; none where it is elsewhere.
async fn source(
    world: &World,
    handle: &Handle,
    object: &Value,
) -> Result<Option<(Repo, (String, String))>, Failure> {
    let reference = &object["spec"]["sourceRef"];
    if !matches!(reference["kind"].as_str(), None | Some("" | "GitRepository")) {
        return Ok(None);
    }
    let own = text(object, "/metadata/namespace");
    let namespace = reference["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or(&own);
    let name = reference["name"].as_str().unwrap_or_default();
    let version = default_api_version("GitRepository", Some(handle.flux)).unwrap_or_default();
    let found = handle.objects.get(&version, "GitRepository", Some(namespace), name).await;
    let found = found.map_err(|error| Failure::from(StepError::api("read a GitRepository", &error)))?;
    let Some(found) = found else { return Ok(None) };
    let Ok(repo) = world.forge.by_url(&text(&found, "/spec/url")) else { return Ok(None) };
    let branch = found["spec"]["ref"]["branch"].as_str().unwrap_or("master").to_owned();
    let name = repo.name().to_owned();
    Ok(Some((repo, (name, branch))))
}

/// The files that have a marker of a policy that the automation heeds.
fn changes(repo: &Repo, branch: &str, automation: &Value) -> Vec<String> {
    let folder = text(automation, "/spec/update/path");
    let namespace = format!("{}:", text(automation, "/metadata/namespace"));
    let paths = repo.paths(branch).unwrap_or_default();
    let under = paths.into_iter().filter(|path| is_under(path, &folder));
    under
        .filter(|path| {
            let found = repo.read(branch, path).ok().and_then(|content| markers(path, &content).ok());
            found.is_some_and(|found| found.iter().any(|marker| marker.policy.starts_with(&namespace)))
        })
        .collect()
}

/// The files that a kustomization uses.
struct Files<'a> {
    repo: &'a Repo,
    branch: &'a str,
    seen: BTreeSet<String>,
}

impl Files<'_> {
    fn folder(&mut self, folder: &str) {
        let found = NAMES.iter().find_map(|name| {
            let path = join(folder, name);
            Some((path.clone(), self.repo.read(self.branch, &path).ok()?))
        });
        let Some((path, content)) = found else {
            // Without a kustomization, Flux takes every YAML file.
            let all = self.repo.paths(self.branch).unwrap_or_default();
            self.seen.extend(all.into_iter().filter(|path| is_under(path, folder)));
            return;
        };
        if !self.seen.insert(path) {
            return;
        }
        let document = parse_first(&content, &ParseOptions::default()).ok().flatten();
        if let Some(document) = document {
            let mut named = Vec::new();
            texts(&document.root, &mut named);
            for name in named {
                self.named(folder, name);
            }
        }
    }

    /// Whatever text of a kustomization names a file or folder is one that it uses.
    fn named(&mut self, folder: &str, name: &str) {
        // Generators write KEY=FILE.
        let name = name.rsplit_once('=').map_or(name, |(_, file)| file);
        if name.is_empty() || name.contains("://") || name.contains('\n') {
            return;
        }
        let path = clean(folder, name);
        if self.repo.read(self.branch, &path).is_ok() {
            self.seen.insert(path);
        } else if NAMES.iter().any(|name| self.repo.read(self.branch, &join(&path, name)).is_ok()) {
            self.folder(&path);
        }
    }
}

fn texts<'n>(node: &'n Node, all: &mut Vec<&'n str>) {
    match &node.value {
        Yaml::Scalar { text, .. } => all.push(text),
        Yaml::Seq { items, .. } => items.iter().for_each(|item| texts(item, all)),
        Yaml::Map { entries, .. } => entries.iter().for_each(|(_, value)| texts(value, all)),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path of the repository, from a folder in it.
fn clean(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
