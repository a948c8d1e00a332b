//! Which files image automations would change, and who else builds from them: the step `expectIsolated`, and the rule of `lint`.
//!
//! A file is changed by an automation of one cluster and used by another where both happen in the same repository and on the same
//! branch. What a Kustomization uses is found by following its kustomization files; nothing is built. What cannot be read is told:
//! nobody must take it for isolated because it has not been seen.

use crate::forge::{Forge, ForgeError, Repo};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt as _};
use seatrial_image::setter::{is_under, markers};
use seatrial_render::KUSTOMIZATION_FILES;
use seatrial_yaml::{Node, ParseOptions, Value as Yaml, parse_first};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a cluster has.
pub(crate) struct ClusterObjects {
    /// Its name.
    pub(crate) name: String,
    /// Its Kustomizations.
    pub(crate) kustomizations: Vec<Value>,
    /// Its ImageUpdateAutomations.
    pub(crate) automations: Vec<Value>,
    /// Its GitRepositories.
    pub(crate) sources: Vec<Value>,
    /// Its ImagePolicies.
    pub(crate) policies: Vec<Value>,
    /// Whether these are all that it has: else there may be policies that are not known.
    pub(crate) is_complete: bool,
}

/// A file that an automation of one cluster changes, and another cluster builds from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shared {
    /// Name of the automation.
    pub(crate) name: String,
    /// Its cluster.
    pub(crate) cluster: String,
    /// The file.
    pub(crate) file: String,
    /// The other cluster.
    pub(crate) other: String,
    /// Namespace of the automation.
    pub(crate) namespace: String,
    /// Whether the policy of a marker in it is known; else it may be one that has not been seen.
    pub(crate) is_certain: bool,
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { name, cluster, file, other, .. } = self;
        write!(f, "ImageUpdateAutomation/{name} of {cluster} changes {file}, which {other} builds from")
    }
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How many automations were looked at.
    pub(crate) automations: usize,
    /// What is shared, sorted.
    pub(crate) shared: Vec<Shared>,
    /// What could not be looked at.
    pub(crate) unknown: Vec<String>,
}

/// Looks at the automations of one cluster, or of all.
pub(crate) fn look(forge: &Forge, clusters: &[ClusterObjects], only: Option<&str>) -> Seen {
    let mut seen = Seen::default();
    let mut uses: Uses<'_> = BTreeMap::new();
    for cluster in clusters {
        for kustomization in &cluster.kustomizations {
            if let Err(why) = used(forge, cluster, kustomization, &mut uses) {
                seen.unknown.push(why);
            }
        }
    }
    for cluster in clusters.iter().filter(|cluster| only.is_none_or(|wanted| wanted == cluster.name)) {
        for automation in &cluster.automations {
            seen.automations += 1;
            match shared(forge, cluster, automation, &uses) {
                Ok(shared) => seen.shared.extend(shared),
                Err(why) => seen.unknown.push(why),
            }
        }
    }
    seen.shared.sort();
    seen.shared.dedup();
    seen
}

/// The files that clusters build from, by the cluster, and by repository and branch.
type Uses<'c> = BTreeMap<(&'c str, (String, String)), BTreeSet<String>>;

/// Adds the files that a Kustomization builds from.
fn used<'c>(
    forge: &Forge,
    cluster: &'c ClusterObjects,
    kustomization: &Value,
    uses: &mut Uses<'c>,
) -> Result<(), String> {
    let what = format!("Kustomization/{} of {}", text(kustomization, "/metadata/name"), cluster.name);
    let Some(source) = source(forge, cluster, kustomization, &what)? else { return Ok(()) };
    // No automation pushes to what the run does not serve, and no push moves a tag or a commit.
    let (Some(repo), Some(branch)) = (source.repo, branch(&source.reference)) else { return Ok(()) };
    let path = kustomization["spec"]["path"].as_str().unwrap_or_default();
    let mut files = Files::of(&repo, &branch, &what)?;
    let folder = clean("", path);
    files.folder(&folder)?;
    let components = kustomization["spec"]["components"].as_array().into_iter().flatten();
    for component in components.filter_map(Value::as_str) {
        files.folder(&clean(&folder, component))?;
    }
    let seen = files.seen;
    uses.entry((&cluster.name, (repo.name().to_owned(), branch))).or_default().extend(seen);
    Ok(())
}

/// The files that an automation changes and other clusters build from.
fn shared(
    forge: &Forge,
    cluster: &ClusterObjects,
    automation: &Value,
    uses: &Uses<'_>,
) -> Result<Vec<Shared>, String> {
    let name = text(automation, "/metadata/name");
    let what = format!("ImageUpdateAutomation/{name} of {}", cluster.name);
    let source = source(forge, cluster, automation, &what)?;
    let source = source.ok_or_else(|| format!("{what} has a source that is no GitRepository"))?;
    let url = &source.url;
    let repo = source.repo.ok_or_else(|| format!("{what} pushes to {url}, which the run does not serve"))?;
    let reference = match &automation["spec"]["git"]["checkout"]["ref"] {
        Value::Null => &source.reference,
        reference => reference,
    };
    let read = branch(reference)
        .or_else(|| ["commit", "tag"].iter().find_map(|field| given(reference, field)))
        .ok_or_else(|| format!("{what} checks out what cannot be looked at: {reference}"))?;
    let push = given(&automation["spec"]["git"]["push"], "branch").or_else(|| given(reference, "branch"));
    let push = push.ok_or_else(|| format!("{what} has no branch to push to"))?;
    let place = (repo.name().to_owned(), push);
    let mut found = Vec::new();
    let policies = Policies::of(cluster, automation, &what)?;
    for (file, is_certain) in changes(&repo, &read, automation, &policies, &what)? {
        for ((other, used), files) in uses {
            if *other != cluster.name && *used == place && files.contains(&file) {
                found.push(Shared {
                    name: name.clone(),
                    cluster: cluster.name.clone(),
                    file: file.clone(),
                    other: (*other).to_owned(),
                    namespace: text(automation, "/metadata/namespace"),
                    is_certain,
                });
            }
        }
    }
    Ok(found)
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

/// The GitRepository of an object.
struct Source {
    url: String,
    reference: Value,
    /// The run's repository; none where it is elsewhere.
    repo: Option<Repo>,
}

/// The source of an object, `what` in messages; none where it is of another kind.
fn source(
    forge: &Forge,
    cluster: &ClusterObjects,
    object: &Value,
    what: &str,
) -> Result<Option<Source>, String> {
    let reference = &object["spec"]["sourceRef"];
    if !matches!(reference["kind"].as_str(), None | Some("" | "GitRepository")) {
        return Ok(None);
    }
    let own = text(object, "/metadata/namespace");
    let namespace = given(reference, "namespace").unwrap_or(own);
    let name = reference["name"].as_str().unwrap_or_default();
    let metadata = |source: &Value, field: &str| text(source, &format!("/metadata/{field}"));
    let mut known = cluster.sources.iter();
    let found =
        known.find(|source| metadata(source, "namespace") == namespace && metadata(source, "name") == name);
    let found = found
        .ok_or_else(|| format!("GitRepository/{namespace}/{name}, the source of {what}, does not exist"))?;
    let url = text(found, "/spec/url");
    let repo = match forge.by_url(&url) {
        Ok(repo) => Some(repo),
        Err(ForgeError::Unserved { .. }) => None,
        Err(error) => return Err(format!("the source of {what} cannot be read: failed to {error}")),
    };
    Ok(Some(Source { url, reference: found["spec"]["ref"].clone(), repo }))
}

fn paths(repo: &Repo, revision: &str, what: &str) -> Result<Vec<String>, String> {
    let unreadable =
        |error| format!("{revision} of {}, for {what}, cannot be read: failed to {error}", repo.name());
    repo.paths(revision).map_err(unreadable)
}

/// The policies of the namespace of an automation, as markers name them.
struct Policies {
    /// Those that it heeds.
    heeded: BTreeSet<String>,
    /// Those that its selector leaves out.
    left_out: BTreeSet<String>,
    /// What all of its namespace begin with, where there may be others.
    others: Option<String>,
}

impl Policies {
    fn of(cluster: &ClusterObjects, automation: &Value, what: &str) -> Result<Policies, String> {
        let selector = match &automation["spec"]["policySelector"] {
            Value::Null => Selector::default(),
            selector => serde_json::from_value::<LabelSelector>(selector.clone())
                .map_err(|error| error.to_string())
                .and_then(|selector| Selector::try_from(selector).map_err(|error| error.to_string()))
                .map_err(|error| format!("the policySelector of {what} cannot be read: {error}"))?,
        };
        let namespace = text(automation, "/metadata/namespace");
        let own = |policy: &&Value| text(policy, "/metadata/namespace") == namespace;
        let (heeded, left_out): (Vec<&Value>, Vec<&Value>) =
            cluster.policies.iter().filter(own).partition(|policy| {
                let labels = policy["metadata"]["labels"].as_object().into_iter().flatten();
                let labels =
                    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                selector.matches(&labels.collect::<BTreeMap<_, _>>())
            });
        let named = |all: Vec<&Value>| {
            all.into_iter().map(|policy| format!("{namespace}:{}", text(policy, "/metadata/name"))).collect()
        };
        let others = (!cluster.is_complete).then(|| format!("{namespace}:"));
        Ok(Policies { heeded: named(heeded), left_out: named(left_out), others })
    }

    /// Whether what has a marker of this policy is changed, or may be.
    fn heeds(&self, policy: &str) -> bool {
        let is_other = |namespace: &String| policy.starts_with(namespace.as_str());
        self.heeded.contains(policy)
            || (self.others.as_ref().is_some_and(is_other) && !self.left_out.contains(policy))
    }
}

/// The files that have a marker of a policy that the automation heeds, and whether that is certain.
fn changes(
    repo: &Repo,
    revision: &str,
    automation: &Value,
    policies: &Policies,
    what: &str,
) -> Result<Vec<(String, bool)>, String> {
    let folder = text(automation, "/spec/update/path");
    let mut changed = Vec::new();
    for path in paths(repo, revision, what)? {
        if !is_under(&path, &folder) {
            continue;
        }
        let unreadable = |error: String| format!("{path}, for {what}, cannot be read: failed to {error}");
        let content = repo.read(revision, &path).map_err(|error| unreadable(error.to_string()))?;
        let found = markers(&path, &content).map_err(|error| unreadable(error.to_string()))?;
        if found.iter().any(|marker| policies.heeds(&marker.policy)) {
            let is_known = found.iter().any(|marker| policies.heeded.contains(&marker.policy));
            changed.push((path, is_known));
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
    fn of(repo: &'a Repo, branch: &'a str, what: &'a str) -> Result<Files<'a>, String> {
        let all = paths(repo, branch, what)?.into_iter().collect();
        Ok(Files { repo, branch, what, all, seen: BTreeSet::new() })
    }

    /// The kustomization file of a folder.
    fn kustomization(&self, folder: &str) -> Option<String> {
        KUSTOMIZATION_FILES.iter().map(|name| join(folder, name)).find(|path| self.all.contains(path))
    }

    fn folder(&mut self, folder: &str) -> Result<(), String> {
        let Some(path) = self.kustomization(folder) else {
            self.generated(folder)?;
            return Ok(());
        };
        if !self.seen.insert(path.clone()) {
            return Ok(());
        }
        let what = self.what;
        let unreadable = |error: String| format!("{path}, for {what}, cannot be read: failed to {error}");
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
    fn generated(&mut self, folder: &str) -> Result<(), String> {
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
    fn named(&mut self, folder: &str, name: &str) -> Result<(), String> {
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
