//! The step `expectIsolated`: which files image automations would change, and who else builds from them.
//!
//! A file is changed by an automation of one cluster and used by another where both happen in the same repository and on the same
//! branch. What a Kustomization uses is found by following its kustomization files; nothing is built. What cannot be read is a failure:
//! the step must not pass because it has seen nothing.

use super::failure::StepError;
use super::world::World;
use crate::check::default_api_version;
use crate::cluster::Handle;
use crate::forge::{ForgeError, Repo};
use crate::report::Failure;
use seatrial_image::setter::{is_under, markers};
use seatrial_yaml::{Node, ParseOptions, Value as Yaml, parse_first};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fails where an automation of `cluster`, or of any, would change a file that another cluster builds from, and where there is none.
pub(super) async fn expect(world: &World, cluster: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut uses: BTreeMap<(&str, (String, String)), BTreeSet<String>> = BTreeMap::new();
    for (name, handle) in &world.clusters {
        for kustomization in objects(handle, "Kustomization").await? {
            let what = format!("Kustomization/{} of {name}", text(&kustomization, "/metadata/name"));
            let Some(source) = source(world, handle, &kustomization, &what).await? else { continue };
            // No automation pushes to what the run does not serve, and no push moves a tag or a commit.
            let (Some(repo), Some(branch)) = (source.repo, branch(&source.reference)) else { continue };
            let path = kustomization["spec"]["path"].as_str().unwrap_or_default();
            let mut files = Files::of(&repo, &branch, &what)?;
            files.folder(&clean("", path))?;
            let seen = files.seen;
            uses.entry((name.as_str(), (repo.name().to_owned(), branch))).or_default().extend(seen);
        }
    }
    let (mut problems, mut looked_at) = (Vec::new(), 0);
    for (name, handle) in &world.clusters {
        if cluster.is_some_and(|wanted| wanted != name) {
            continue;
        }
        for automation in objects(handle, "ImageUpdateAutomation").await? {
            looked_at += 1;
            let what = format!("ImageUpdateAutomation/{} of {name}", text(&automation, "/metadata/name"));
            let source = source(world, handle, &automation, &what).await?;
            let source =
                source.ok_or_else(|| told(format!("{what} has a source that is no GitRepository")))?;
            let url = &source.url;
            let repo = source
                .repo
                .ok_or_else(|| told(format!("{what} pushes to {url}, which the run does not serve")))?;
            let reference = match &automation["spec"]["git"]["checkout"]["ref"] {
                Value::Null => &source.reference,
                reference => reference,
            };
            let read = branch(reference)
                .or_else(|| ["commit", "tag"].iter().find_map(|field| given(reference, field)))
                .ok_or_else(|| told(format!("{what} checks out what cannot be looked at: {reference}")))?;
            let push =
                given(&automation["spec"]["git"]["push"], "branch").or_else(|| given(reference, "branch"));
            let push = push.ok_or_else(|| told(format!("{what} has no branch to push to")))?;
            let place = (repo.name().to_owned(), push);
            for file in changes(&repo, &read, &automation, &what)? {
                for ((other, used), files) in &uses {
                    if *other != name && *used == place && files.contains(&file) {
                        problems.push(format!("{what} changes {file}, which {other} builds from"));
                    }
                }
            }
        }
    }
    if looked_at == 0 {
        let of = cluster.map_or("any cluster".to_owned(), |cluster| format!("the cluster {cluster}"));
        return Err(told(format!("there is no ImageUpdateAutomation on {of} to look at")));
    }
    if problems.is_empty() {
        return Ok(vec![format!("{looked_at} automations")]);
    }
    problems.sort();
    problems.dedup();
    Err(told(problems.join("; ")))
}

fn told(message: String) -> Failure {
    Failure { message, ..Failure::default() }
}

/// A text of a map; none where it is empty.
fn given(map: &Value, field: &str) -> Option<String> {
    map[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The branch that a reference of a GitRepository follows; none where it is a tag or a commit. Commits come before names, names before
/// tags, and tags before branches, as in Flux.
fn branch(reference: &Value) -> Option<String> {
    if given(reference, "commit").is_some() {
        return None;
    }
    if let Some(name) = given(reference, "name") {
        return name.strip_prefix("refs/heads/").map(str::to_owned);
    }
    if ["semver", "tag"].iter().any(|field| given(reference, field).is_some()) {
        return None;
    }
    Some(given(reference, "branch").unwrap_or_else(|| "master".to_owned()))
}

fn text(object: &Value, path: &str) -> String {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn objects(handle: &Handle, kind: &str) -> Result<Vec<Value>, Failure> {
    let version = default_api_version(kind, Some(handle.flux())).unwrap_or_default();
    let failed = |error| Failure::from(StepError::api(format!("list {kind}s of {}", handle.name), &error));
    handle.objects.list(&version, kind, None).await.map_err(failed)
}

/// The GitRepository of an object.
struct Source {
    url: String,
    reference: Value,
    /// The run's repository; none where it is elsewhere.
    repo: Option<Repo>,
}

/// The source of an object, `what` in messages; none where it is of another kind.
async fn source(
    world: &World,
    handle: &Handle,
    object: &Value,
    what: &str,
) -> Result<Option<Source>, Failure> {
    let reference = &object["spec"]["sourceRef"];
    if !matches!(reference["kind"].as_str(), None | Some("" | "GitRepository")) {
        return Ok(None);
    }
    let own = text(object, "/metadata/namespace");
    let namespace = given(reference, "namespace").unwrap_or(own);
    let name = reference["name"].as_str().unwrap_or_default();
    let version = default_api_version("GitRepository", Some(handle.flux())).unwrap_or_default();
    let found = handle.objects.get(&version, "GitRepository", Some(&namespace), name).await;
    let found = found.map_err(|error| Failure::from(StepError::api("read a GitRepository", &error)))?;
    let missing = || told(format!("GitRepository/{namespace}/{name}, the source of {what}, does not exist"));
    let found = found.ok_or_else(missing)?;
    let url = text(&found, "/spec/url");
    let repo = match world.forge.by_url(&url) {
        Ok(repo) => Some(repo),
        Err(ForgeError::Unserved { .. }) => None,
        Err(error) => return Err(told(format!("the source of {what} cannot be read: failed to {error}"))),
    };
    Ok(Some(Source { url, reference: found["spec"]["ref"].clone(), repo }))
}

fn paths(repo: &Repo, revision: &str, what: &str) -> Result<Vec<String>, Failure> {
    let unreadable =
        |error| told(format!("{revision} of {}, for {what}, cannot be read: failed to {error}", repo.name()));
    repo.paths(revision).map_err(unreadable)
}

/// The files that have a marker of a policy that the automation heeds.
fn changes(repo: &Repo, revision: &str, automation: &Value, what: &str) -> Result<Vec<String>, Failure> {
    let folder = text(automation, "/spec/update/path");
    let namespace = format!("{}:", text(automation, "/metadata/namespace"));
    let mut changed = Vec::new();
    for path in paths(repo, revision, what)? {
        if !is_under(&path, &folder) {
            continue;
        }
        let unreadable =
            |error: String| told(format!("{path}, for {what}, cannot be read: failed to {error}"));
        let content = repo.read(revision, &path).map_err(|error| unreadable(error.to_string()))?;
        let found = markers(&path, &content).map_err(|error| unreadable(error.to_string()))?;
        if found.iter().any(|marker| marker.policy.starts_with(&namespace)) {
            changed.push(path);
        }
    }
    Ok(changed)
}

/// The files that a Kustomization, `what` in messages, uses.
struct Files<'a> {
    repo: &'a Repo,
    branch: &'a str,
    what: &'a str,
    /// All files of the branch.
    all: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl<'a> Files<'a> {
    fn of(repo: &'a Repo, branch: &'a str, what: &'a str) -> Result<Files<'a>, Failure> {
        let all = paths(repo, branch, what)?.into_iter().collect();
        Ok(Files { repo, branch, what, all, seen: BTreeSet::new() })
    }

    /// The kustomization file of a folder.
    fn kustomization(&self, folder: &str) -> Option<String> {
        NAMES.iter().map(|name| join(folder, name)).find(|path| self.all.contains(path))
    }

    fn folder(&mut self, folder: &str) -> Result<(), Failure> {
        let Some(path) = self.kustomization(folder) else {
            self.generated(folder)?;
            return Ok(());
        };
        if !self.seen.insert(path.clone()) {
            return Ok(());
        }
        let what = self.what;
        let unreadable =
            |error: String| told(format!("{path}, for {what}, cannot be read: failed to {error}"));
        let content = self.repo.read(self.branch, &path).map_err(|error| unreadable(error.to_string()))?;
        let document = parse_first(&content, &ParseOptions::default());
        let document = document.map_err(|error| unreadable(error.to_string()))?;
        if let Some(document) = document {
            let mut named = Vec::new();
            texts(&document.root, &mut named);
            for name in named {
                self.named(folder, name)?;
            }
        }
        Ok(())
    }

    /// Without a kustomization, Flux takes every file below, and subfolders with a kustomization of their own for what those name.
    fn generated(&mut self, folder: &str) -> Result<(), Failure> {
        let below: Vec<String> = self.all.iter().filter(|path| is_under(path, folder)).cloned().collect();
        for path in below {
            // The outermost folder below that has one.
            let inner = path.strip_prefix(folder).unwrap_or(&path).trim_start_matches('/');
            let own = inner.match_indices('/').map(|(at, _)| join(folder, &inner[..at]));
            match own.into_iter().find(|inner| self.kustomization(inner).is_some()) {
                Some(inner) => self.folder(&inner)?,
                None => {
                    self.seen.insert(path);
                }
            }
        }
        Ok(())
    }

    /// Whatever text of a kustomization names a file or folder is one that it uses.
    fn named(&mut self, folder: &str, name: &str) -> Result<(), Failure> {
        // Generators write KEY=FILE.
        let name = name.rsplit_once('=').map_or(name, |(_, file)| file);
        if name.is_empty() || name.contains("://") || name.contains('\n') {
            return Ok(());
        }
        let path = clean(folder, name);
        if self.all.contains(&path) {
            self.seen.insert(path);
        } else if self.kustomization(&path).is_some() {
            self.folder(&path)?;
        }
        Ok(())
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
