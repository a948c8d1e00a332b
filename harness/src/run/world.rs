//! What a scenario is played on.

use super::failure::StepError;
use crate::cluster::{self, Backend, Handle};
use crate::forge::{CommitId, Forge, Repo, Seed};
use crate::plan::{ClusterPlan, Plan, RepoPlan};
use crate::registry::{Registry, UnknownImages};
use crate::scenario;
use seatrial_engine::ArtifactStore;
use seatrial_render::Renderer;
use seatrial_time::Clock;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Clusters, repositories and registry of a run, and what the steps so far have left behind.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) backend: Backend,
    pub(super) forge: Forge,
    pub(super) registry: Registry,
    pub(super) artifacts: Arc<ArtifactStore>,
    pub(super) renderer: Arc<Renderer>,
    pub(super) clusters: BTreeMap<String, Handle>,
    /// The commits that steps gave names to.
    pub(super) aliases: BTreeMap<String, CommitId>,
    /// What steps did to repositories, oldest first.
    pub(super) commits: Vec<Made>,
    /// Where the history of each cluster ended before the last step that changed something.
    pub(super) since: BTreeMap<String, u64>,
    /// How many times a reconcile was asked for.
    pub(super) requests: u64,
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
    /// Builds what the plan starts with. Repositories are kept in `folder`.
    pub(super) async fn build(
        clock: Clock,
        backend: Backend,
        plan: &Plan,
        folder: &Path,
    ) -> Result<World, StepError> {
        let forge = Forge::new(clock.clone(), folder);
        for repo in &plan.repos {
            forge.create(&repo.name, &seed(repo), &repo.branch, &repo.urls)?;
        }
        let registry = Registry::new();
        for (name, tags) in &plan.images {
            registry.create(name, tags)?;
        }
        let mut world = World {
            clock,
            backend,
            forge,
            registry,
            artifacts: Arc::new(ArtifactStore::default()),
            renderer: Arc::new(Renderer::default()),
            clusters: BTreeMap::new(),
            aliases: BTreeMap::new(),
            commits: Vec::new(),
            since: BTreeMap::new(),
            requests: 0,
        };
        for cluster in &plan.clusters {
            world.add_cluster(cluster).await?;
        }
        Ok(world)
    }

    pub(super) async fn add_cluster(&mut self, plan: &ClusterPlan) -> Result<(), StepError> {
        let unknown = match plan.unknown_images {
            scenario::UnknownImages::Pull => UnknownImages::Pull,
            scenario::UnknownImages::Missing => UnknownImages::Missing,
        };
        let images = Arc::new(self.registry.images(unknown));
        let handle = cluster::start(self.backend, &self.clock, plan, images).await?;
        self.clusters.insert(plan.name.clone(), handle);
        Ok(())
    }

    pub(super) fn cluster(&self, name: &str) -> Result<&Handle, StepError> {
        self.clusters.get(name).ok_or_else(|| StepError::NoCluster { name: name.to_owned() })
    }

    pub(super) fn repo(&self, name: &str) -> Result<Repo, StepError> {
        Ok(self.forge.repo(name)?)
    }

    /// Says that a step is about to change something: what `never` looks at begins here.
    pub(super) fn changing(&mut self) {
        self.since = self.clusters.iter().map(|(name, c)| (name.clone(), c.history.end())).collect();
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
        let fact = format!("{branch}@{}", id.short());
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
