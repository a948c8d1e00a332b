//! What a repository would do, without a scenario.
//!
//! # Flow
//! [`try_repository`] serves the repository by every URL that ends in its name, finds its clusters (`clusters/<name>`),
//! starts a simulated cluster for each, bootstraps each at its path, and waits in virtual time until each is steady
//! or stuck. The repository itself is only read: what bootstrap commits goes to a copy.
//!
//! # Guarantees
//! - The same repository with the same seed gives the same [`Trial`].
//! - Nothing is passed over in silence: kinds that are not supported and URLs that are not served stand among the
//!   problems.

pub(crate) mod artifacts;
pub(crate) mod behind;
pub(crate) mod committed;
mod declared;
pub(crate) mod objects;
mod print;
pub(crate) mod problems;
pub(crate) mod repository;
pub(crate) mod steady;

pub use behind::Behind;
pub use objects::{FluxObject, ObjectName, Ready};
pub use print::Print;
pub use problems::Problem;
pub use steady::Ending;

use crate::bootstrap::{Component, Sync};
use crate::cluster::{self, Handle, KnownClusters};
use crate::forge::{Forge, ForgeError, Repo};
use crate::plan::ClusterPlan;
use crate::redact::{self, Known, Redactor};
use crate::registry::{Registry, RegistryError, UnknownImages};
use crate::run::{BootstrapError, Setting, bootstrap_all};
use crate::scenario::Span;
use crate::sealed::{KeyBackup, SealingKeys};
use repository::Source;
use seatrial_api::{FluxKind, FluxRelease};
use seatrial_engine::{ArtifactStore, GitHosts};
use seatrial_render::Renderer;
use seatrial_time::{Clock, Simulation, Stuck, simulate};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use steady::Settled;

/// What is tried, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialOptions {
    /// A Git repository, bare or not, or a plain folder.
    pub repository: PathBuf,
    /// More sources: URLs, and the repository or folder that each leads to; without one, the URL leads to the
    /// repository that is tried. `oci://HOST/NAME[:TAG]` is an artifact with the files of the folder.
    pub serve: Vec<(String, Option<PathBuf>)>,
    /// The Flux release of all clusters. Default: the newest.
    pub flux: FluxRelease,
    /// Only these clusters. Default: all.
    pub clusters: Vec<String>,
    /// The seed. Default: 0.
    pub seed: u64,
    /// Keys that the sealed-secrets controllers of clusters have from the start, by cluster. Default: none.
    pub sealing_keys: BTreeMap<String, KeyBackup>,
}

impl TrialOptions {
    /// A trial of all clusters of a repository.
    pub fn new(repository: impl Into<PathBuf>) -> TrialOptions {
        TrialOptions {
            repository: repository.into(),
            serve: Vec::new(),
            flux: FluxRelease::default(),
            clusters: Vec::new(),
            seed: 0,
            sealing_keys: BTreeMap::new(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The repository's name.
    pub repository: String,
    /// The branch and commit that were played: `main@sha1:<hex>`.
    pub revision: String,
    /// What the reader should know of the repository.
    pub notes: Vec<String>,
    /// The clusters, by name.
    pub clusters: Vec<ClusterTrial>,
}

impl Trial {
    /// Whether every cluster ended as its repository wants it.
    pub fn passed(&self) -> bool {
        self.clusters.iter().all(|c| c.ending == Ending::Steady && c.problems.is_empty())
    }
}

/// What happened on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTrial {
    /// Its name.
    pub name: String,
    /// Where it was bootstrapped: `clusters/<name>`.
    pub path: String,
    /// How it ended.
    pub ending: Ending,
    /// The virtual time until nothing new happened any more: `1m30s`.
    pub took: String,
    /// All objects of Flux kinds, with what they applied.
    pub objects: Vec<FluxObject>,
    /// What is not ready, and why.
    pub problems: Vec<Problem>,
    /// What Kustomizations that have applied nothing would apply.
    pub behind: Vec<Behind>,
    /// What the user can do about it.
    pub hints: Vec<String>,
}

/// A trial could not be made. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrialError {
    /// There is no such folder.
    #[error("read {}: there is no such folder", path.display())]
    NoRepository {
        /// The path that was given.
        path: PathBuf,
    },
    /// It is a file.
    #[error("read {}: it is a file, not a folder", path.display())]
    IsFile {
        /// The path that was given.
        path: PathBuf,
    },
    /// An artifact is served, and no folder named.
    #[error("serve {url}: an artifact is made of a folder: {url}=FOLDER")]
    NoArtifactFolder {
        /// The URL.
        url: String,
    },
    /// An artifact could not be pushed to the run's registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The Git repository could not be read.
    #[error("read the repository {}", path.display())]
    Git {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        source: git2::Error,
    },
    /// It is a Git repository in which nothing is committed.
    #[error("play {}: nothing is committed there yet", path.display())]
    NoCommit {
        /// The path that was given.
        path: PathBuf,
    },
    /// It has no clusters.
    #[error(
        "find the clusters of {}: a cluster is a folder clusters/<name> with YAML in it, and there is none{hint}",
        path.display()
    )]
    NoClusters {
        /// The path that was given.
        path: PathBuf,
        /// What was found instead.
        hint: String,
    },
    /// A cluster that was asked for does not exist.
    #[error("find the cluster {name}: the repository has {}", known.join(", "))]
    NoCluster {
        /// The name that was given.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// Keys are given to a cluster that is left out.
    #[error("give sealing keys to the cluster {name}: it is not among those that are played")]
    NotPlayed {
        /// The name that was given.
        name: String,
    },
    /// A repository could not be served.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// A cluster could not be bootstrapped.
    #[error("bootstrap {cluster}: {source}")]
    Bootstrap {
        /// The cluster.
        cluster: String,
        /// Why.
        source: BootstrapError,
    },
    /// An API server gave an error where none can be.
    #[error("ask the cluster for its objects")]
    Api(#[from] kube::Error),
    /// A folder for the run could not be made.
    #[error("make a folder for the run")]
    Folder(#[source] std::io::Error),
    /// The simulation could not go on.
    #[error(transparent)]
    Stuck(#[from] Stuck),
}

/// Plays a repository on one simulated cluster for each `clusters/<name>`. Call it on a thread that is in no runtime.
///
/// # Errors
/// [`TrialError`]. What goes wrong inside the clusters is no error: it stands in the result.
pub fn try_repository(options: &TrialOptions) -> Result<Trial, TrialError> {
    let source = repository::inspect(&options.repository)?;
    source.check_clusters()?;
    let folder = tempfile::tempdir().map_err(TrialError::Folder)?;
    simulate(Simulation::seeded(options.seed), |clock| play(options, &source, clock, folder.path()))?
}

async fn play(
    options: &TrialOptions,
    source: &Source,
    clock: Clock,
    folder: &Path,
) -> Result<Trial, TrialError> {
    let forge = Forge::new(clock.clone(), folder);
    let repo = repository::publish(&forge, source, &options.serve)?;
    let found = source.clusters(&repo, &options.clusters)?;
    let keyed: Vec<String> = options.sealing_keys.keys().cloned().collect();
    source.clusters(&repo, &keyed)?;
    all_played(keyed, &found)?;
    let revision = format!("{}@sha1:{}", source.branch, repo.head(&source.branch)?);

    let registry = Registry::new();
    artifacts::push(&registry, &clock, &options.serve)?;
    let (artifacts, renderer) = (Arc::new(ArtifactStore::default()), Arc::new(Renderer::default()));
    let known = KnownClusters::on(&clock);
    let setting = Setting {
        clock: &clock,
        forge: &forge,
        git: Arc::new(forge.clone()),
        registry: &registry,
        artifacts: &artifacts,
        renderer: &renderer,
        clusters: &known,
    };
    let keys = SealingKeys::on(&clock);
    let start = |found: &crate::monorepo::Cluster| {
        let plan = ClusterPlan { flux: options.flux, ..ClusterPlan::named(&found.name) };
        let images = Arc::new(registry.images(UnknownImages::Pull));
        let sync = Sync { url: source.url.clone(), branch: source.branch.clone(), path: found.path.clone() };
        (cluster::simulated(&clock, &plan, images, &keys), sync)
    };
    let mut handles: Vec<_> = found.iter().map(start).collect();
    handles.iter().for_each(|(handle, _)| known.add(handle));
    for (handle, _) in &handles {
        if let Some(backup) = options.sealing_keys.get(&handle.name) {
            backup.restore(handle).await?;
        }
    }
    // All controllers: what the repository asks for must not be missing because nobody could say so.
    let extra: Vec<Component> =
        Component::all_in(options.flux).into_iter().filter(|c| !Component::USUAL.contains(c)).collect();
    bootstrap_all(&setting, &mut handles, &repo, &extra)
        .await
        .map_err(|(cluster, source)| TrialError::Bootstrap { cluster, source })?;
    let trials = handles.iter().map(|(handle, sync)| watch(&setting, &repo, handle, &sync.path));
    let clusters = futures::future::try_join_all(trials).await?;
    Ok(Trial { repository: source.name.clone(), revision, notes: source.notes.clone(), clusters })
}

/// Whether these clusters are among those that are played.
pub(crate) fn all_played(named: Vec<String>, played: &[crate::monorepo::Cluster]) -> Result<(), TrialError> {
    match named.into_iter().find(|name| played.iter().all(|cluster| cluster.name != *name)) {
        Some(name) => Err(TrialError::NotPlayed { name }),
        None => Ok(()),
    }
}

/// Waits for one cluster, and says how it ended.
async fn watch(
    setting: &Setting<'_>,
    repo: &Repo,
    handle: &Handle,
    path: &str,
) -> Result<ClusterTrial, TrialError> {
    let Setting { clock, forge, artifacts, renderer, .. } = *setting;
    let began = clock.now();
    let Settled { ending, last_news, objects } =
        steady::settle(&handle.objects, clock, &handle.changes).await?;
    let took = Duration::try_from(last_news.duration_since(began)).unwrap_or_default();
    let hosts: Arc<dyn GitHosts> = Arc::new(forge.clone());
    let store = behind::Store { artifacts, renderer, hosts: &hosts, flux: handle.flux() };
    let mut problems = problems::problems(&handle.objects, &objects).await?;
    for problem in problems.iter_mut().filter(|problem| problem.why.starts_with("BuildFailed: ")) {
        for place in behind::broken_places(&handle.objects, &store, &problem.object).await? {
            problem.why = format!("{}\n{place}", problem.why.trim_end());
        }
    }
    let (behind, hints) =
        (behind::behind(&handle.objects, &store, &objects).await?, hints(forge, repo, &objects));
    let mut trial = ClusterTrial {
        name: handle.name.clone(),
        path: path.to_owned(),
        ending,
        took: Span(took).to_string(),
        problems,
        behind,
        hints,
        objects,
    };
    let mut values: Vec<Vec<u8>> = handle.secret_values().into_iter().collect();
    for kustomization in handle.objects.list("kustomize.toolkit.fluxcd.io/v1", "Kustomization", None).await? {
        values.extend(crate::preview::secrets(&handle.objects, &store, &kustomization).await?);
    }
    cover(values, &mut trial);
    Ok(trial)
}

/// Covers what came from Secrets in all that is said.
fn cover(mut values: Vec<Vec<u8>>, trial: &mut ClusterTrial) {
    values.retain(|value| !value.is_empty());
    values.sort_unstable();
    values.dedup();
    let (mut redactor, values) = (Redactor::default(), Known::new(&values));
    let mut text = |text: &mut String| *text = redactor.cover_text(&redact::cover_refusal(text), &values);
    for object in &mut trial.objects {
        text(&mut object.ready.message);
        object.url.iter_mut().for_each(&mut text);
    }
    trial.hints.iter_mut().for_each(&mut text);
    trial.problems.iter_mut().for_each(|problem| text(&mut problem.why));
}

/// Says what the user can do about what is not ready.
pub(crate) fn hints(forge: &Forge, repo: &Repo, objects: &[FluxObject]) -> Vec<String> {
    let unserved = |o: &FluxObject| {
        let url = o.url.as_deref().filter(|_| o.name.kind == "GitRepository" && !o.suspended)?;
        forge.by_url(url).is_err().then(|| {
            format!(
                "{} is not served: add --serve {url}=PATH (a clone or a folder), or --serve {url} if that is this \
                 repository (as URLs that end in {:?} are)",
                o.name,
                repo.name()
            )
        })
    };
    let mut hints: Vec<String> = objects.iter().filter_map(unserved).collect();
    hints.extend(objects.iter().filter_map(unserved_artifact));
    let bases = objects.iter().filter(|o| o.name.kind == "Kustomization");
    let mut bases: Vec<String> = bases.filter_map(|o| unserved_base(&o.ready.message)).collect();
    bases.sort();
    bases.dedup();
    hints.extend(bases);
    let mut versions: Vec<String> = objects.iter().filter_map(|o| other_release(&o.ready.message)).collect();
    versions.sort();
    versions.dedup();
    hints.extend(versions);
    hints
}

/// Where an artifact is not served: how to serve it.
fn unserved_artifact(object: &FluxObject) -> Option<String> {
    let url = object.url.as_deref().filter(|_| object.name.kind == "OCIRepository" && !object.suspended)?;
    object.ready.message.contains(UNSERVED_REGISTRY).then(|| {
        format!(
            "{} is not served: add --serve {url}[:TAG]=FOLDER (the folder that is pushed there; without TAG as latest)",
            object.name
        )
    })
}

/// What a message says where the run's registry does not have a repository.
pub(crate) const UNSERVED_REGISTRY: &str = "the registry is not served";

/// Where a message says that a remote base is not served: how to serve it.
fn unserved_base(message: &str) -> Option<String> {
    let (before, _) = message.split_once("': the URL is not served")?;
    let (_, url) = before.rsplit_once("unable to clone '")?;
    Some(format!("the remote base {url} is not served: add --serve {url}=PATH (a clone or a folder)"))
}

/// Where a message says that a version of a Flux kind does not exist: which release has it.
fn other_release(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("no matches for kind \"")?;
    let (kind, rest) = rest.split_once("\" in version \"")?;
    let (api_version, _) = rest.split_once('"')?;
    let (group, version) = api_version.split_once('/')?;
    let known = FluxKind::find(group, kind)?;
    let release = FluxRelease::ALL.into_iter().find(|r| known.versions(*r).contains(&version))?;
    Some(format!(
        "{kind} {api_version} is an API of Flux {release}: add --flux {release} to play that release"
    ))
}

#[cfg(test)]
mod tests;
