//! Where a Kustomization's files come from: artifacts of the repository itself, whole or composed.

use super::{Fleet, is, place};
use seatrial_engine::local;
use seatrial_render::{Entry, Tree};
use serde_json::Value;
use std::collections::BTreeMap;

const GROUP: &str = "source.toolkit.fluxcd.io";
const EXTENSIONS: &str = "source.extensions.fluxcd.io";
/// The branch of a GitRepository that names none.
const DEFAULT_BRANCH: &str = "master";

/// The files of a source.
#[derive(Clone)]
pub(super) struct Artifact {
    pub(super) tree: Tree,
    /// Whether paths in it are those of the repository.
    pub(super) is_whole: bool,
}

/// Why there are none.
#[derive(Clone, Debug)]
pub(super) enum NoArtifact {
    /// Nothing that was built defines the source.
    Missing(String),
    /// They are not in this repository, or cannot be known here.
    Elsewhere(String),
    /// They cannot be made.
    Failed(String),
}

/// What is known of the sources of a cluster.
pub(super) struct Sources<'f> {
    fleet: &'f Fleet,
    /// The branch that the cluster is bootstrapped from.
    branch: String,
    /// By the rules of `spec.ignore`.
    whole: BTreeMap<Option<String>, Tree>,
    /// Path by the place of a content in memory: artifacts share the contents of the repository.
    paths: BTreeMap<usize, &'f str>,
}

impl<'f> Sources<'f> {
    pub(super) fn new(fleet: &'f Fleet) -> Sources<'f> {
        let paths = fleet.tree.iter().filter_map(|(path, entry)| Some((address(entry)?, path))).collect();
        Sources { fleet, branch: fleet.source.branch.clone(), whole: BTreeMap::new(), paths }
    }

    /// Learns from an object which branch the cluster is bootstrapped from.
    pub(super) fn learn(&mut self, object: &Value) {
        let url = object["spec"]["url"].as_str().unwrap_or_default();
        if is(object, GROUP, "GitRepository")
            && place(object) == ("flux-system", "flux-system")
            && self.fleet.is_own(url)
        {
            object["spec"]["ref"]["branch"].as_str().unwrap_or(DEFAULT_BRANCH).clone_into(&mut self.branch);
        }
    }

    /// The path in the repository of a file of an artifact; empty where it is none.
    pub(super) fn original(&self, artifact: &Artifact, path: &str) -> String {
        match artifact.is_whole {
            true => path.to_owned(),
            false => {
                let found = artifact.tree.get(path).and_then(address).and_then(|at| self.paths.get(&at));
                found.map(|path| (*path).to_owned()).unwrap_or_default()
            }
        }
    }

    /// The files of the source of a Kustomization, among these objects.
    pub(super) fn of(&mut self, kustomization: &Value, objects: &[&Value]) -> Result<Artifact, NoArtifact> {
        let source = &kustomization["spec"]["sourceRef"];
        let namespace = source["namespace"].as_str().unwrap_or(place(kustomization).0);
        self.named(
            source["kind"].as_str().unwrap_or_default(),
            namespace,
            source["name"].as_str().unwrap_or_default(),
            objects,
        )
    }

    fn named(
        &mut self,
        kind: &str,
        namespace: &str,
        name: &str,
        objects: &[&Value],
    ) -> Result<Artifact, NoArtifact> {
        let missing = || NoArtifact::Missing(format!("its source {kind}/{namespace}/{name} is not defined"));
        match kind {
            "GitRepository" => {
                let mut known = objects.iter().filter(|object| is(object, GROUP, kind));
                match known.find(|object| place(object) == (namespace, name)) {
                    Some(source) => self.repository(&source["spec"], name),
                    // Bootstrap writes it.
                    None if (namespace, name) == ("flux-system", "flux-system") => Ok(self.artifact(None)),
                    None => Err(missing()),
                }
            }
            "ExternalArtifact" => {
                let makes = |generator: &&&Value| {
                    is(generator, EXTENSIONS, "ArtifactGenerator")
                        && place(generator).0 == namespace
                        && list(&generator["spec"]["artifacts"]).any(|artifact| artifact["name"] == name)
                };
                let generator = objects.iter().find(makes).copied().ok_or_else(missing)?;
                self.composed(generator, name, objects)
            }
            _ => Err(NoArtifact::Elsewhere(format!(
                "its source is the {kind} {name}: only Git repositories are looked at"
            ))),
        }
    }

    fn repository(&mut self, spec: &Value, name: &str) -> Result<Artifact, NoArtifact> {
        let elsewhere = |why: String| Err(NoArtifact::Elsewhere(format!("its source {name} {why}")));
        let url = spec["url"].as_str().unwrap_or_default();
        if !self.fleet.is_own(url) {
            return elsewhere(format!("is another repository: {url}"));
        }
        let reference = &spec["ref"];
        for field in ["commit", "name", "semver", "tag"] {
            if let Some(text) = reference[field].as_str().filter(|text| !text.is_empty())
                && text.strip_prefix("refs/heads/") != Some(&self.branch)
            {
                return elsewhere(format!("is fixed to the {field} {text}"));
            }
        }
        let branch = reference["branch"].as_str().unwrap_or(DEFAULT_BRANCH);
        if reference["name"].as_str().is_none_or(str::is_empty) && branch != self.branch {
            return elsewhere(format!("follows the branch {branch}, and these are files of {}", self.branch));
        }
        for field in ["include", "sparseCheckout", "recurseSubmodules"] {
            if !matches!(&spec[field], Value::Null | Value::Bool(false)) {
                return elsewhere(format!("has {field}, which is not followed here"));
            }
        }
        Ok(self.artifact(spec["ignore"].as_str()))
    }

    fn artifact(&mut self, ignore: Option<&str>) -> Artifact {
        let key = ignore.map(str::to_owned);
        let tree = self.whole.entry(key).or_insert_with(|| local::artifact(&self.fleet.tree, ignore));
        Artifact { tree: tree.clone(), is_whole: true }
    }

    fn composed(
        &mut self,
        generator: &Value,
        name: &str,
        objects: &[&Value],
    ) -> Result<Artifact, NoArtifact> {
        let mut trees = BTreeMap::new();
        for source in list(&generator["spec"]["sources"]) {
            let text = |field: &str| source[field].as_str().unwrap_or_default();
            let namespace = source["namespace"].as_str().unwrap_or(place(generator).0);
            let artifact = self.named(text("kind"), namespace, text("name"), objects)?;
            trees.insert(text("alias").to_owned(), artifact.tree);
        }
        let mut made = local::composed(generator, &trees).map_err(NoArtifact::Failed)?;
        let tree = made.remove(name).unwrap_or_default();
        Ok(Artifact { tree, is_whole: false })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn address(entry: &Entry) -> Option<usize> {
    match entry {
        Entry::File(content) if !content.is_empty() => Some(content.as_ptr().addr()),
        _ => None,
    }
}
