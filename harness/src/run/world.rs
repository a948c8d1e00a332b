//! What a scenario is played on.

use super::RunOptions;
use super::failure::StepError;
use crate::cluster::{
    self, Backend, BackendError, BackendOptions, Handle, KnownClusters, Mark, Pending, Wanted,
};
use crate::forge::{CommitId, Forge, Repo, Seed};
use crate::plan::{ClusterPlan, Op, Plan, RepoPlan};
use crate::redact::{self, Redactor};
use crate::registry::{Registry, UnknownImages};
use crate::scenario;
use crate::sealed::{KeyBackup, SealingKeys};
use futures::future::join_all;
use seatrial_engine::{ArtifactStore, GitHosts};
use seatrial_render::Renderer;
use seatrial_time::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clusters, repositories and registry of a run, and what the steps so far have left behind.
pub(super) struct World {
    pub(super) clock: Clock,
    backend: Backend,
    settings: BackendOptions,
    folder: PathBuf,
    pending: Pending,
    pub(super) forge: Forge,
    /// Where engines find repositories.
    pub(super) git: Arc<dyn GitHosts>,
    pub(super) registry: Registry,
    pub(super) artifacts: Arc<ArtifactStore>,
    pub(super) renderer: Arc<Renderer>,
    /// Where sealing keys come from.
    keys: SealingKeys,
    /// Backups of sealing keys, by the names that steps gave them: the Secrets.
    pub(super) backups: BTreeMap<String, KeyBackup>,
    /// The repositories with something sealed: ids of their commits depend on chance.
    pub(super) sealed: BTreeSet<String>,
    /// All clusters of the run, for kubeconfigs.
    pub(super) known: KnownClusters,
    /// Clusters that have started while others, started with them, have not.
    started: Mutex<Vec<Handle>>,
    pub(super) clusters: BTreeMap<String, Handle>,
    /// The commits that steps gave names to.
    pub(super) aliases: BTreeMap<String, CommitId>,
    /// What steps did to repositories, oldest first.
    pub(super) commits: Vec<Made>,
    /// Where the history of each cluster ended before the last step that changed something.
    pub(super) since: BTreeMap<String, Mark>,
    /// How many times a reconcile was asked for.
    pub(super) requests: u64,
    /// Covers the values of Secrets: those that are equal are so in all that the run says.
    pub(super) redactor: Mutex<Redactor>,
}

/// A commit that a step made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) line: u32,
    pub(super) repo: String,
    pub(super) branch: String,
    pub(super) id: CommitId,
    pub(super) subject: String,
}

impl World {
    /// An empty world. Repositories are kept in `folder`.
    pub(super) fn new(clock: Clock, options: &RunOptions, folder: &Path) -> World {
        let forge = Forge::new(clock.clone(), folder);
        let known = KnownClusters::on(&clock);
        let keys = SealingKeys::on(&clock);
        World {
            git: repositories(&forge, &clock, options.backend, folder),
            forge,
            clock,
            backend: options.backend,
            settings: options.clusters.clone(),
            folder: folder.to_owned(),
            pending: Pending::default(),
            registry: Registry::new(),
            artifacts: Arc::new(ArtifactStore::default()),
            renderer: options.renderer.clone(),
            started: Mutex::default(),
            keys,
            backups: BTreeMap::new(),
            sealed: BTreeSet::new(),
            known,
            clusters: BTreeMap::new(),
            aliases: BTreeMap::new(),
            commits: Vec::new(),
            since: BTreeMap::new(),
            requests: 0,
            redactor: Mutex::default(),
        }
    }

    /// Makes what the plan starts with; the clusters are started side by side.
    pub(super) async fn build(&mut self, plan: &Plan) -> Result<(), StepError> {
        super::forge::accounts(&self.forge, plan)?;
        for repo in &plan.repos {
            self.forge.create(&repo.name, &seed(repo), &repo.branch, &repo.urls)?;
        }
        super::forge::repositories(&self.forge, plan)?;
        for (name, spec) in &plan.images {
            self.registry.add(name, spec, &self.clock)?;
        }
        // Those that did start are ended with the world, also when the run is stopped while others still start.
        let started = join_all(plan.clusters.iter().map(async |cluster| {
            let handle = self.start(cluster).await?;
            lock(&self.started).push(handle);
            Ok::<(), BackendError>(())
        }));
        let failure = started.await.into_iter().find_map(Result::err);
        let started = std::mem::take(&mut *lock(&self.started));
        self.clusters.extend(started.into_iter().map(|handle| (handle.name.clone(), handle)));
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    pub(super) async fn add_cluster(&mut self, plan: &ClusterPlan) -> Result<(), StepError> {
        let handle = self.start(plan).await?;
        self.clusters.insert(plan.name.clone(), handle);
        Ok(())
    }

    async fn start(&self, plan: &ClusterPlan) -> Result<Handle, BackendError> {
        let unknown = match plan.unknown_images {
            scenario::UnknownImages::Pull => UnknownImages::Pull,
            scenario::UnknownImages::Missing => UnknownImages::Missing,
        };
        let images = Arc::new(self.registry.images(unknown));
        let wanted = Wanted {
            clock: &self.clock,
            options: &self.settings,
            plan,
            images,
            keys: &self.keys,
            folder: &self.folder,
            pending: &self.pending,
        };
        let handle = cluster::start(self.backend, &wanted).await?;
        self.known.add(&handle);
        Ok(handle)
    }

    /// Ends all clusters, side by side; the result is what could not be ended.
    pub(super) async fn end(self) -> Vec<BackendError> {
        self.pending.ended().await;
        let started = std::mem::take(&mut *lock(&self.started));
        let mut ends = join_all(self.clusters.into_values().chain(started).map(Handle::end)).await;
        ends.push(cluster::sweep(self.backend, &self.folder).await);
        ends.into_iter().filter_map(Result::err).collect()
    }

    pub(super) fn cluster(&self, name: &str) -> Result<&Handle, StepError> {
        self.clusters.get(name).ok_or_else(|| StepError::NoCluster { name: name.to_owned() })
    }

    pub(super) fn repo(&self, name: &str) -> Result<Repo, StepError> {
        Ok(self.forge.repo(name)?)
    }

    /// Says that a step is about to change something: what `never` looks at begins here.
    pub(super) async fn changing(&mut self) -> Result<(), StepError> {
        for (name, cluster) in &self.clusters {
            let mark = cluster.mark().await;
            let mark = mark.map_err(|error| StepError::api(format!("look at {name}"), &error))?;
            self.since.insert(name.clone(), mark);
        }
        Ok(())
    }

    /// All values that Secrets of the run ever had, and those that steps seal, the longest first: for what covers them.
    pub(super) fn secret_values(&self, plan: &Plan) -> Vec<Vec<u8>> {
        let mut values = BTreeSet::new();
        for cluster in self.clusters.values() {
            values.extend(cluster.secret_values());
        }
        for step in &plan.steps {
            if let Op::Seal(seal) = &step.op {
                values.extend(redact::values(&seal.secret));
            }
        }
        let mut values: Vec<Vec<u8>> = values.into_iter().filter(|value| !value.is_empty()).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values
    }

    /// How reports call a commit: by its id, or, where that depends on chance, by a word.
    pub(super) fn shown(&self, repo: &str, id: CommitId) -> String {
        if self.sealed.contains(repo) { "(sealed)".to_owned() } else { id.short().to_string() }
    }

    /// Remembers a commit; says what a report says about it.
    pub(super) fn made(
        &mut self,
        line: u32,
        repo: &Repo,
        branch: &str,
        id: CommitId,
        alias: Option<&String>,
    ) -> Result<String, StepError> {
        if let Some(alias) = alias {
            self.aliases.insert(alias.clone(), id);
        }
        let subject = repo.info(&id.to_string())?.subject().to_owned();
        let fact = format!("{branch}@{}", self.shown(repo.name(), id));
        self.commits.push(Made {
            line,
            repo: repo.name().to_owned(),
            branch: branch.to_owned(),
            id,
            subject,
        });
        Ok(fact)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The run's repositories; on real clusters also those beyond the run.
#[cfg_attr(not(feature = "serve"), allow(unused_variables, reason = "nothing is brought from elsewhere"))]
fn repositories(forge: &Forge, clock: &Clock, backend: Backend, folder: &Path) -> Arc<dyn GitHosts> {
    #[cfg(feature = "serve")]
    if !backend.is_virtual() {
        return Arc::new(crate::remotes::NetworkGit::new(forge.clone(), clock.clone(), folder));
    }
    Arc::new(forge.clone())
}

/// A folder is taken as it is, an existing repository with its history.
fn seed(repo: &RepoPlan) -> Seed {
    let Some(path) = &repo.from else { return Seed::Empty };
    let bare = path.join("HEAD").is_file() && path.join("objects").is_dir();
    if bare || path.join(".git").exists() {
        Seed::Repository { path: path.clone(), reference: None }
    } else {
        Seed::Folder(path.clone())
    }
}
