//! The Kustomizations of a cluster, and what they build.

use super::sources::{Artifact, NoArtifact, Sources};
use super::{Fleet, below, is, place};
use crate::monorepo::Cluster;
use futures::FutureExt as _;
use seatrial_engine::local::{self, LocalBuild, LocalError};
use seatrial_render::{RemoteDir, RemoteError, Remotes, Tree};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// An object, and the file that it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The object, as it would be applied.
    pub(crate) object: Value,
    /// The path in the repository; of what is generated, that of the kustomization; empty where it is not known.
    pub(crate) file: String,
}

/// What became of a Kustomization.
pub(crate) enum Outcome {
    /// What it builds.
    Built(Vec<Placed>),
    /// It does not build.
    Failed(LocalError),
    /// Its source cannot be made of its own sources.
    NoArtifact(String),
    /// Nothing that the cluster gets defines its source.
    NoSource(String),
    /// It could not be looked at, and why: `its source …`.
    Unseen(String),
}

/// A Kustomization.
pub(crate) struct Build {
    /// The object.
    pub(crate) kustomization: Value,
    /// The file that it comes from; empty for the root.
    pub(crate) file: String,
    /// Its namespace and name: `Kustomization/namespace/name`.
    pub(crate) who: String,
    /// The folders of the repository that it builds: its path, and its components; none where its source is a composed artifact.
    pub(crate) folders: Vec<String>,
    /// Whether it applies to another cluster.
    pub(crate) is_remote: bool,
    /// Whether nobody builds it until it is resumed.
    pub(crate) is_suspended: bool,
    /// Whether its variables are not known, so that `${NAME}` still stands in its objects.
    pub(crate) is_open: bool,
    /// The outcome.
    pub(crate) outcome: Outcome,
}

/// The Kustomizations of a cluster, the root first.
pub(crate) struct Builds {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The Kustomizations, in an order in which each comes after the one that applies it.
    pub(crate) all: Vec<Build>,
}

impl Builds {
    /// All objects that the cluster itself gets, with the Kustomization that applies them.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&Build, &Placed)> {
        let built = self.all.iter().filter(|build| !build.is_remote);
        built.flat_map(|build| build.placed().iter().map(move |placed| (build, placed)))
    }

    /// Whether all that the cluster gets has been seen.
    pub(crate) fn is_complete(&self) -> bool {
        self.all.iter().all(|build| matches!(build.outcome, Outcome::Built(_)) && !build.is_open)
    }
}

impl Build {
    /// What it builds.
    pub(crate) fn placed(&self) -> &[Placed] {
        match &self.outcome {
            Outcome::Built(placed) => placed,
            _ => &[],
        }
    }
}

/// A Kustomization that is to be built.
struct Wanted {
    kustomization: Value,
    file: String,
    /// Whether `${NAME}` in it is a variable that is not known.
    is_open: bool,
}

/// What is done with those that wait. Who waits for variables goes first: what it builds may be the source that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// They wait.
    Waiting,
    /// They are built without the variables that nothing gives.
    WithoutVariables,
    /// They are given up, too, if nothing defines their sources.
    WithoutSources,
}

/// Builds the Kustomizations of a cluster.
pub(crate) fn builds(fleet: &Fleet, cluster: &Cluster) -> Builds {
    let root = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "flux-system", "namespace": "flux-system"},
        "spec": {
            "interval": "10m", "prune": true, "path": cluster.path,
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
        },
    });
    let mut sources = Sources::new(fleet);
    let mut all: Vec<Build> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![Wanted { kustomization: root, file: String::new(), is_open: false }];
    // A source, or a variable, may come from what is built later: who waits for one is tried again, until nothing new comes.
    let mut round = Round::Waiting;
    while !waiting.is_empty() {
        let mut again = Vec::new();
        let before = all.len();
        for wanted in std::mem::take(&mut waiting) {
            let (namespace, name) = place(&wanted.kustomization);
            let who = format!("Kustomization/{namespace}/{name}");
            if seen.contains(&who) {
                continue;
            }
            let Some(build) = build(&wanted, &who, &mut sources, &all, round) else {
                again.push(wanted);
                continue;
            };
            seen.insert(who);
            for placed in build.placed().iter().filter(|_| !build.is_remote) {
                sources.learn(&placed.object);
                if is(&placed.object, "kustomize.toolkit.fluxcd.io", "Kustomization") {
                    waiting.push(Wanted {
                        kustomization: placed.object.clone(),
                        file: placed.file.clone(),
                        is_open: build.is_open,
                    });
                }
            }
            all.push(build);
        }
        round = match (all.len() == before, round) {
            (false, _) | (true, Round::WithoutSources) => Round::Waiting,
            (true, Round::Waiting) => Round::WithoutVariables,
            (true, Round::WithoutVariables) => Round::WithoutSources,
        };
        again.append(&mut waiting);
        waiting = again;
    }
    Builds { cluster: cluster.clone(), all }
}

/// Builds a Kustomization; `None` where it waits for what has not been built yet.
fn build(
    wanted: &Wanted,
    who: &str,
    sources: &mut Sources<'_>,
    before: &[Build],
    round: Round,
) -> Option<Build> {
    let Wanted { kustomization, file, is_open } = wanted;
    let spec = &kustomization["spec"];
    let mut build = Build {
        kustomization: kustomization.clone(),
        file: file.clone(),
        who: who.to_owned(),
        folders: Vec::new(),
        is_remote: spec["kubeConfig"].is_object(),
        is_suspended: spec["suspend"] == true,
        is_open: false,
        outcome: Outcome::Built(Vec::new()),
    };
    let local = before.iter().filter(|build| !build.is_remote);
    let objects: Vec<&Value> = local.flat_map(Build::placed).map(|placed| &placed.object).collect();
    let path = spec["path"].as_str().unwrap_or_default();
    let source = spec["sourceRef"]["name"].as_str().unwrap_or_default();
    if *is_open && [path, source].iter().any(|text| text.contains("${")) {
        build.outcome = Outcome::Unseen("it has variables that only a cluster knows".to_owned());
        return Some(build);
    }
    let artifact = match sources.of(kustomization, &objects) {
        Ok(artifact) => artifact,
        Err(NoArtifact::Missing(_)) if round != Round::WithoutSources => return None,
        Err(NoArtifact::Missing(why)) => {
            build.outcome = Outcome::NoSource(why);
            return Some(build);
        }
        Err(NoArtifact::Elsewhere(why)) => {
            build.outcome = Outcome::Unseen(why);
            return Some(build);
        }
        Err(NoArtifact::Failed(why)) => {
            build.outcome = Outcome::NoArtifact(why);
            return Some(build);
        }
    };
    let folder = below("", path.trim_start_matches('/')).unwrap_or_default();
    if artifact.is_whole {
        let components = spec["components"].as_array().into_iter().flatten();
        let components = components.filter_map(Value::as_str);
        build.folders.extend(components.filter_map(|component| below(&folder, component)));
        build.folders.push(folder.clone());
    }
    let mut kustomization = kustomization.clone();
    match variables(&kustomization, &objects) {
        Some(known) if known.is_empty() => {}
        Some(known) => {
            let own = kustomization["spec"]["postBuild"]["substitute"].as_object().cloned();
            let mut all = known;
            all.extend(own.unwrap_or_default());
            kustomization["spec"]["postBuild"]["substitute"] = Value::Object(all.into_iter().collect());
            kustomization["spec"]["postBuild"]["substituteFrom"] = json!([]);
        }
        None if round == Round::Waiting => return None,
        None => {
            build.is_open = true;
            if let Some(spec) = kustomization["spec"].as_object_mut() {
                spec.remove("postBuild");
            }
        }
    }
    build.outcome = run(&kustomization, &folder, &artifact, sources);
    Some(build)
}

fn run(kustomization: &Value, folder: &str, artifact: &Artifact, sources: &Sources<'_>) -> Outcome {
    let asked = Arc::new(Asked::default());
    let build = LocalBuild {
        kustomization,
        tree: &artifact.tree,
        folder,
        client: None,
        strict: false,
        remotes: Some(asked.clone()),
    };
    // Nothing is asked of a cluster, so that the build is over when it is first polled.
    let built = local::build_placed(&build).now_or_never();
    let waits = || Err(LocalError::Variables("it waits for a cluster".to_owned()));
    let built = built.unwrap_or_else(waits);
    if let Some(remote) = asked.first() {
        return Outcome::Unseen(format!("it has the remote base {remote}"));
    }
    match built {
        Ok(objects) => Outcome::Built(
            objects
                .into_iter()
                .map(|(object, file)| Placed { object, file: sources.original(artifact, &file) })
                .collect(),
        ),
        // The spec has a field that is not supported here.
        Err(LocalError::Spec(why) | LocalError::Variables(why)) => Outcome::Unseen(why),
        Err(error) => Outcome::Failed(error),
    }
}

/// The variables that `substituteFrom` gives; none where one reference leads to what is not known here, as Secrets are.
fn variables(kustomization: &Value, objects: &[&Value]) -> Option<BTreeMap<String, Value>> {
    let mut known = BTreeMap::new();
    for reference in kustomization["spec"]["postBuild"]["substituteFrom"].as_array().into_iter().flatten() {
        let wanted = (place(kustomization).0, reference["name"].as_str().unwrap_or_default());
        let mut maps =
            objects.iter().filter(|object| reference["kind"] == "ConfigMap" && is(object, "", "ConfigMap"));
        let map = maps.find(|object| place(object) == wanted)?;
        known.extend(map["data"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    }
    Some(known)
}

/// Remote bases that a build asked for. None is brought.
#[derive(Default)]
struct Asked(Mutex<BTreeSet<String>>);

impl Asked {
    fn note(&self, what: &str) -> RemoteError {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned());
        RemoteError::Failed(format!("{what} is not looked at"))
    }

    fn first(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }
}

impl Remotes for Asked {
    fn file(&self, url: &str) -> Result<bytes::Bytes, RemoteError> {
        Err(self.note(url))
    }

    fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
        Err(self.note(&remote.entry))
    }
}
