//! Installs Flux and has it follow a repository, as `flux bootstrap` does.

use super::tokens;
use crate::bootstrap::{Component, Following, InstallOptions, NAMESPACE, RepoCheckout, Sync, known_hosts};
use crate::cluster::{Handle, KnownClusters};
use crate::forge::keys::PublicKey;
use crate::forge::{AccountError, CommitId, DEFAULT_USER, Forge, ForgeError, Repo, Token};
use crate::registry::Registry;
use seatrial_api::FluxRelease;
use seatrial_engine::{
    ArtifactStore, DriverOptions, EngineOptions, Gate, GitHosts, Installed, InstalledEngine, Secret,
};
use seatrial_render::Renderer;
use seatrial_time::Clock;
use seatrial_verbs::bootstrap::keys::{KeyError, KeyPair};
use seatrial_verbs::bootstrap::{self as verb, Bootstrap, Checkout};
use seatrial_verbs::{Env, Global, Screen, Session, VerbError};
use std::sync::Arc;

/// A bootstrap could not be done. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The branch cannot be worked on.
    #[error("commit the manifests: {0}")]
    Forge(#[source] Box<ForgeError>),
    /// A step of the sequence failed.
    #[error("bootstrap: {0}")]
    Step(#[from] VerbError),
    /// The release does not have a controller that was asked for.
    #[error("install {controller}: Flux {flux} does not have it")]
    NoController {
        /// The controller.
        controller: &'static str,
        /// The release.
        flux: FluxRelease,
    },
    /// The deploy key could not be made.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The forge does not take the deploy key.
    #[error("register the deploy key: {0}")]
    Register(#[from] AccountError),
    /// The forge does not understand the deploy key.
    #[error("register the deploy key: {0}")]
    Unregistrable(#[from] crate::forge::keys::KeyError),
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
    following: &Following,
) -> Result<Vec<CommitId>, BootstrapError> {
    let pushed = {
        let mut work = Work::new(setting, cluster, repo, following).await?;
        work.push_components().await?;
        work.install().await?;
        work.push_sync().await?;
        work.apply_sync().await?;
        // From here on the cluster serves the API of this release, whoever works there still.
        cluster.release.set(work.options.flux);
        work.checkout.pushed
    };
    start_engine(setting, cluster);
    Ok(pushed)
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
    extra: &[Component],
) -> Result<(), (String, BootstrapError)> {
    for (cluster, sync) in clusters.iter() {
        let following = Following::with(sync.clone(), extra);
        let commit = async {
            let mut work = Work::new(setting, cluster, repo, &following).await?;
            work.push_components().await?;
            work.push_sync().await
        };
        commit.await.map_err(|error| (cluster.name.clone(), error))?;
    }
    for (cluster, sync) in clusters {
        let following = Following::with(sync.clone(), extra);
        let install = async {
            let mut work = Work::new(setting, cluster, repo, &following).await?;
            work.install().await?;
            work.apply_sync().await
        };
        install.await.map_err(|error| (cluster.name.clone(), error))?;
        start_engine(setting, cluster);
    }
    Ok(())
}

/// How often the sync manifests are committed where other pushes come first.
const PUSHES: u32 = 10;

/// The sequence of `flux bootstrap`, on one cluster and one repository of the run.
struct Work<'a> {
    setting: &'a Setting<'a>,
    cluster: &'a Handle,
    repo: &'a Repo,
    following: &'a Following,
    session: Session,
    screen: Screen,
    options: InstallOptions,
    sync: verb::Sync,
    checkout: RepoCheckout,
}

impl<'a> Work<'a> {
    async fn new(
        setting: &'a Setting<'a>,
        cluster: &'a Handle,
        repo: &'a Repo,
        following: &'a Following,
    ) -> Result<Work<'a>, BootstrapError> {
        let flux = following.flux.unwrap_or_else(|| cluster.flux());
        if let Some(missing) = following.components.iter().find(|component| !component.is_in(flux)) {
            return Err(BootstrapError::NoController { controller: missing.name(), flux });
        }
        let branch = &following.sync.branch;
        // The step is the run's own: it works on every repository.
        let checkout = RepoCheckout::new(setting.forge, repo, branch, None)?;
        Ok(Work {
            session: session(setting.clock, cluster).await?,
            screen: Screen::recorded().0,
            options: options(cluster, flux, &following.components),
            sync: following.sync.manifests(following.token_auth),
            setting,
            cluster,
            repo,
            following,
            checkout,
        })
    }

    /// Both halves of a commit: it is made, and pushed where something differs.
    async fn push_components(&mut self) -> Result<(), BootstrapError> {
        let (mut steps, checkout) = self.steps();
        if steps.commit_components(checkout).await?.is_some() {
            steps.push_components(checkout).await?;
        }
        Ok(())
    }

    async fn push_sync(&mut self) -> Result<(), BootstrapError> {
        for _ in 0..PUSHES {
            let (mut steps, checkout) = self.steps();
            if steps.commit_sync(checkout).await?.is_none() || steps.push_sync(checkout).await? {
                return Ok(());
            }
        }
        let (repo, branch) = (self.repo.name().to_owned(), self.following.sync.branch.clone());
        Err(ForgeError::Overtaken { repo, branch }.into())
    }

    async fn install(&mut self) -> Result<(), BootstrapError> {
        let there = {
            let (mut steps, _) = self.steps();
            steps.install_now().await?;
            steps.source_secret().await?
        };
        if let Some(credentials) = self.credentials(there.as_ref())? {
            let (forge, cluster) = (self.setting.forge, self.cluster);
            let had = there.as_ref().and_then(|there| tokens::of_secret(forge, there));
            self.steps().0.apply_secret(&credentials).await?;
            tokens::revoke_replaced(forge, cluster, had).await;
        }
        Ok(())
    }

    async fn apply_sync(&mut self) -> Result<(), BootstrapError> {
        Ok(self.steps().0.apply_sync().await?)
    }

    fn steps(&mut self) -> (Bootstrap<'_>, &mut dyn Checkout) {
        let cluster = self.cluster;
        let steps = Bootstrap {
            session: &self.session,
            screen: &mut self.screen,
            install: &self.options,
            manifests: None,
            sync: &self.sync,
            repository: &self.following.sync.url,
            author: ("Flux".to_owned(), String::new()),
            appendix: None,
            signer: None,
            applied: Some(cluster),
        };
        (steps, &mut self.checkout)
    }

    /// What opens the repository for the cluster; nothing where the Secret that is there does it.
    fn credentials(
        &self,
        there: Option<&verb::SourceSecret>,
    ) -> Result<Option<verb::Credentials>, BootstrapError> {
        let forge = self.setting.forge;
        if self.following.token_auth {
            let known = there.filter(|there| !there.has_key()).and_then(verb::SourceSecret::password);
            if known.is_some_and(|token| forge.token(&Secret(token.to_owned())).is_ok()) {
                return Ok(None);
            }
            let token = forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES)?;
            let (username, password) = ("git".to_owned(), token.0);
            return Ok(Some(verb::Credentials::Password { username, password, ca: None }));
        }
        let title = self.following.sync.key_title();
        let mut known = forge.hosted(self.repo.name())?.keys;
        known.retain(|key| key.title == title);
        let read_only = !self.following.read_write;
        // A bootstrap may have broken off between the forge and the cluster: the key must be that of the Secret.
        let fits = known.iter().any(|key| {
            key.read_only == read_only
                && key.key.algorithm() == self.following.algorithm.ssh_name()
                && there.is_some_and(|there| there.has_the_key(&key.key.to_string()))
        });
        if fits {
            return Ok(None);
        }
        let pair = self.key()?;
        for key in known {
            forge.remove_deploy_key(self.repo.name(), key.id)?;
        }
        let public = PublicKey::parse(&pair.public)?;
        forge.add_deploy_key(self.repo.name(), &title, &public, read_only, DEFAULT_USER)?;
        let known_hosts = known_hosts(forge, &self.following.sync.host(), None);
        Ok(Some(verb::Credentials::Key { pair, passphrase: String::new(), known_hosts }))
    }

    /// A key: of the cluster's own stream in virtual time, so that another cluster of the run does not shift this one's.
    fn key(&self) -> Result<KeyPair, KeyError> {
        let (clock, algorithm) = (self.setting.clock, self.following.algorithm);
        if !clock.is_virtual() {
            return KeyPair::random(algorithm);
        }
        let mut rng = clock.rng(&format!("{}/deploy key", self.cluster.name));
        KeyPair::generate(algorithm, &mut |bytes| {
            rng.fill(bytes);
            Ok(())
        })
    }
}

impl verb::Noting for Handle {
    fn note(&self, object: &serde_json::Value) {
        self.note_made(object);
    }
}

/// The cluster, as verbs see it.
pub(crate) async fn session(clock: &Clock, cluster: &Handle) -> Result<Session, VerbError> {
    let env = Env::with_client(clock.clone(), cluster.objects.client().clone());
    Session::open(&env, &Global::of_namespace(NAMESPACE)).await
}

/// What is installed on a cluster.
pub(crate) fn options(cluster: &Handle, flux: FluxRelease, components: &[Component]) -> InstallOptions {
    InstallOptions {
        components: components.to_vec(),
        placeholder: cluster.placeholder_image.clone(),
        ..InstallOptions::of(flux)
    }
}

/// Starts a cluster's engine if it has none. It is of the release of the controllers that run. Kinds whose definitions are not there yet are looked for until they are.
pub(crate) fn start_engine(setting: &Setting<'_>, cluster: &mut Handle) {
    if cluster.engine.is_none() {
        let options = EngineOptions {
            clock: setting.clock.clone(),
            client: cluster.flux_client.clone(),
            git: setting.git.clone(),
            registries: Arc::new(setting.registry.clone()),
            clusters: Arc::new(setting.clusters.clone()),
            artifacts: setting.artifacts.clone(),
            renderer: setting.renderer.clone(),
            flux: cluster.flux(),
            // What comes over a watch comes too late to tell that nothing has changed.
            cluster_changes: cluster.immediate.then(|| cluster.changes.clone()),
            driver: DriverOptions { gate: gate(cluster), ..DriverOptions::default() },
            name: cluster.name.clone(),
        };
        let installed = Installed { namespace: NAMESPACE, read: verb::release_of };
        cluster.engine = Some(InstalledEngine::start(options, installed, cluster.release.clone()));
    }
}

/// Which Deployment has to be ready for a kind to be reconciled. On clusters whose pods are placeholders, or that somebody else keeps,
/// it is the same: the pods of the controllers are there, whatever they run.
fn gate(cluster: &Handle) -> Option<Gate> {
    let deployments = Component::ALL.into_iter().flat_map(|component| {
        component.kinds().iter().map(move |kind| ((*kind).to_owned(), component.name().to_owned()))
    });
    cluster.immediate.then(|| Gate { namespace: NAMESPACE.to_owned(), deployments: deployments.collect() })
}

/// Applies the component manifests to the cluster, as `flux install` does, and commits nothing.
///
/// # Errors
/// [`BootstrapError`].
pub(crate) async fn install(
    clock: &Clock,
    cluster: &Handle,
    components: &[Component],
) -> Result<(), BootstrapError> {
    let options = options(cluster, cluster.flux(), components);
    let session = session(clock, cluster).await?;
    for object in &verb::components(&options).map_err(|error| VerbError::failed(error.to_string()))?.objects {
        cluster.note_made(object);
        session.apply(object).await.map_err(VerbError::from)?;
    }
    Ok(())
}

/// The images of the controllers, each with the tags of all releases: a registry that refuses unknown images must have them.
pub(crate) fn images(components: &[Component]) -> Vec<(String, Vec<&'static str>)> {
    let image = |component: &Component| {
        let tags = FluxRelease::ALL.into_iter().filter_map(|flux| component.tag(flux));
        (format!("ghcr.io/fluxcd/{}", component.name()), tags.collect())
    };
    components.iter().map(image).collect()
}
