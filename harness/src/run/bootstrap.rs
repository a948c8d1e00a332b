//! Installs Flux and has it follow a repository, as `flux bootstrap` does.

use crate::bootstrap::{AUTHOR, MANAGER, SYNC_MESSAGE, Sync, components, components_message, controllers};
use crate::cluster::{Handle, KnownClusters, words};
use crate::forge::{Author, Change, CommitId, Forge, ForgeError, Repo};
use crate::registry::Registry;
use crate::scenario::ExtraController;
use seatrial_api::FluxRelease;
use seatrial_engine::{ArtifactStore, DriverOptions, Engine, EngineOptions, GitHosts};
use seatrial_render::Renderer;
use seatrial_time::Clock;
use serde_json::Value;
use std::sync::Arc;

/// A bootstrap could not be done. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The manifests could not be committed.
    #[error("commit the manifests: {0}")]
    Forge(#[source] Box<ForgeError>),
    /// The manifests could not be written as YAML.
    #[error("write the manifests")]
    Emit(#[from] seatrial_yaml::EmitError),
    /// The release does not have a controller that was asked for.
    #[error("install {controller}: Flux {flux} does not have it")]
    NoController {
        /// The controller.
        controller: &'static str,
        /// The release.
        flux: FluxRelease,
    },
    /// The API server refused an object.
    #[error("apply {object}: {message}")]
    Apply {
        /// The object: `Kind/name`.
        object: String,
        /// What the API server answered.
        message: String,
    },
}

impl From<ForgeError> for BootstrapError {
    fn from(error: ForgeError) -> BootstrapError {
        BootstrapError::Forge(Box::new(error))
    }
}

/// What a bootstrap works with.
pub struct Setting<'a> {
    /// The clock.
    pub clock: &'a Clock,
    /// The run's repositories.
    pub forge: &'a Forge,
    /// Where the engine finds repositories: the run's own, and those beyond them where it may.
    pub git: Arc<dyn GitHosts>,
    /// The run's registry.
    pub registry: &'a Registry,
    /// The store that engines of a run share.
    pub artifacts: &'a Arc<ArtifactStore>,
    /// The builder that engines of a run share.
    pub renderer: &'a Arc<Renderer>,
    /// The clusters that kubeconfigs can lead to.
    pub clusters: &'a KnownClusters,
}

/// Commits component and sync manifests to `repo`, applies them to the cluster, and starts its engine if it has none.
/// It does not wait for the first reconcile. The result are the commits that it made: none where the manifests were
/// there.
///
/// # Errors
/// [`BootstrapError`].
pub async fn bootstrap(
    setting: &Setting<'_>,
    cluster: &mut Handle,
    repo: &Repo,
    sync: &Sync,
    extra: &[ExtraController],
    read_write: bool,
) -> Result<Vec<CommitId>, BootstrapError> {
    let mut commits = Vec::new();
    commits.extend(commit_components(cluster, repo, sync, extra)?);
    install(cluster, extra).await?;
    install_key(setting, cluster, sync, read_write).await?;
    commits.extend(commit_sync(repo, sync)?);
    install_sync(setting, cluster, sync).await?;
    Ok(commits)
}

/// As [`bootstrap`], of several clusters that follow one repository: all manifests are committed before the first engine
/// starts, so that no engine sees the commits for the others.
///
/// # Errors
/// The name of the cluster, and its [`BootstrapError`].
pub(crate) async fn bootstrap_all(
    setting: &Setting<'_>,
    clusters: &mut [(Handle, Sync)],
    repo: &Repo,
    extra: &[ExtraController],
) -> Result<(), (String, BootstrapError)> {
    let of = |cluster: &Handle| {
        let name = cluster.name.clone();
        move |error: BootstrapError| (name, error)
    };
    for (cluster, sync) in clusters.iter() {
        commit_components(cluster, repo, sync, extra).map_err(of(cluster))?;
        commit_sync(repo, sync).map_err(of(cluster))?;
    }
    for (cluster, sync) in clusters {
        install(cluster, extra).await.map_err(of(cluster))?;
        install_key(setting, cluster, sync, false).await.map_err(of(cluster))?;
        install_sync(setting, cluster, sync).await.map_err(of(cluster))?;
    }
    Ok(())
}

/// Where the manifests are.
fn folder(sync: &Sync) -> String {
    match sync.path.as_str() {
        "" | "." => "flux-system".to_owned(),
        path => format!("{path}/flux-system"),
    }
}

fn commit_components(
    cluster: &Handle,
    repo: &Repo,
    sync: &Sync,
    extra: &[ExtraController],
) -> Result<Option<CommitId>, BootstrapError> {
    if let Some(missing) = extra.iter().find(|e| !e.is_in(cluster.flux)) {
        return Err(BootstrapError::NoController { controller: missing.name(), flux: cluster.flux });
    }
    let components = components(cluster.flux, extra, cluster.placeholder_image.as_deref())?;
    let change = by_flux(components_message(cluster.flux))
        .write(format!("{}/gotk-components.yaml", folder(sync)), components.file.as_bytes());
    Ok(commit(repo, &sync.branch, &change)?)
}

async fn install_key(
    setting: &Setting<'_>,
    cluster: &Handle,
    sync: &Sync,
    read_write: bool,
) -> Result<(), BootstrapError> {
    // Names are drawn per cluster, so that another cluster of the run does not shift this one's.
    let mut rng = setting.clock.rng(&format!("{}/deploy key", cluster.name));
    apply(cluster, &sync.secret(read_write, &mut rng)).await
}

fn commit_sync(repo: &Repo, sync: &Sync) -> Result<Option<CommitId>, BootstrapError> {
    let folder = folder(sync);
    let mut change = by_flux(SYNC_MESSAGE.to_owned()).write(format!("{folder}/gotk-sync.yaml"), sync.file()?);
    // People customise their Flux in this file: where there is one, it stays.
    let list = format!("{folder}/kustomization.yaml");
    match repo.read(&sync.branch, &list) {
        Ok(_) => {}
        Err(ForgeError::NoFile { .. }) => change = change.write(list, Sync::kustomization_file()),
        Err(error) => return Err(error.into()),
    }
    Ok(commit(repo, &sync.branch, &change)?)
}

async fn install_sync(
    setting: &Setting<'_>,
    cluster: &mut Handle,
    sync: &Sync,
) -> Result<(), BootstrapError> {
    for object in sync.objects() {
        apply(cluster, &object).await?;
    }
    start_engine(setting, cluster);
    Ok(())
}

/// Starts a cluster's engine if it has none. Kinds whose definitions are not there yet are looked for until they are.
pub(crate) fn start_engine(setting: &Setting<'_>, cluster: &mut Handle) {
    if cluster.engine.is_none() {
        cluster.engine = Some(Engine::start(EngineOptions {
            clock: setting.clock.clone(),
            client: cluster.flux_client.clone(),
            git: setting.git.clone(),
            registries: Arc::new(setting.registry.clone()),
            clusters: Arc::new(setting.clusters.clone()),
            artifacts: setting.artifacts.clone(),
            renderer: setting.renderer.clone(),
            flux: cluster.flux,
            // What comes over a watch comes too late to tell that nothing has changed.
            cluster_changes: cluster.immediate.then(|| cluster.changes.clone()),
            driver: DriverOptions::default(),
            name: cluster.name.clone(),
        }));
    }
}

/// Applies the component manifests to the cluster, as `flux install` does, and commits nothing.
///
/// # Errors
/// [`BootstrapError`].
pub(crate) async fn install(cluster: &Handle, extra: &[ExtraController]) -> Result<(), BootstrapError> {
    for object in &components(cluster.flux, extra, cluster.placeholder_image.as_deref())?.objects {
        apply(cluster, object).await?;
    }
    Ok(())
}

/// The images of the controllers, as repository and tag: a registry that refuses unknown images must have them.
pub(crate) fn images(flux: FluxRelease, extra: &[ExtraController]) -> Vec<(String, &'static str)> {
    controllers(flux, extra).iter().map(|c| (c.repository(), c.tag)).collect()
}

fn by_flux(message: String) -> Change {
    let (name, email) = AUTHOR;
    Change::new(message).by(Author { name: name.to_owned(), email: email.to_owned() })
}

/// Commits; what is there already needs no commit.
fn commit(repo: &Repo, branch: &str, change: &Change) -> Result<Option<CommitId>, ForgeError> {
    match repo.commit(branch, change) {
        Ok(id) => Ok(Some(id)),
        Err(ForgeError::NothingToCommit { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn apply(cluster: &Handle, object: &Value) -> Result<(), BootstrapError> {
    cluster.note_made(object);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    cluster.objects.apply(object, MANAGER, true).await.map(drop).map_err(|error| BootstrapError::Apply {
        object: format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"])),
        message: words(&error),
    })
}
