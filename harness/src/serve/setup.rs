//! What is served: forge, registry and clusters, filled and bootstrapped.

use super::{UpError, UpOptions, UpSource};
use crate::bootstrap::{Component, Following, Sync};
use crate::cluster::{self, Handle, KnownClusters};
use crate::forge::{Forge, Repo, Seed};
use crate::monorepo::Layout;
use crate::plan::{ClusterPlan, Op, Plan, PlannedStep};
use crate::registry::{Registry, UnknownImages};
use crate::remotes::NetworkGit;
use crate::run::{Setting, bootstrap, images, install, start_engine};
use crate::scenario;
use crate::sealed::SealingKeys;
use crate::trial::{artifacts, repository};
use seatrial_engine::ArtifactStore;
use seatrial_render::Renderer;
use seatrial_time::Clock;
use std::path::Path;
use std::sync::Arc;

/// The clusters where nobody names others.
const CLUSTERS: [&str; 2] = ["beta", "production"];
/// The repository where nobody brings one.
const REPOSITORY: &str = "gitops";
const BRANCH: &str = "main";
/// What a manifest of an image automation has in it.
const AUTOMATION: &[u8] = b"kind: ImageUpdateAutomation";

/// Forge, registry and clusters. The clusters end when it is dropped.
pub(super) struct Setup {
    pub(super) forge: Forge,
    pub(super) registry: Registry,
    pub(super) clusters: Vec<Handle>,
    /// The branch that the repository is worked on, for the words on the screen.
    pub(super) branch: String,
    /// The repository that the words on the screen speak of.
    pub(super) repository: Option<String>,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
}

/// A cluster to bootstrap.
struct Wanted {
    cluster: String,
    repo: Repo,
    following: Following,
}

/// The names of the clusters, in the order of their ports.
pub(super) fn cluster_names(options: &UpOptions) -> Result<Vec<String>, UpError> {
    let known: Option<Vec<String>> = match &options.source {
        UpSource::Scenario(plan) => Some(plan.clusters.iter().map(|c| c.name.clone()).collect()),
        _ => None,
    };
    let mut names: Vec<String> = Vec::new();
    for name in &options.clusters {
        if let Some(known) = known.as_ref().filter(|known| !known.contains(name)) {
            return Err(UpError::NoCluster { name: name.clone(), known: known.clone() });
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        names = known.unwrap_or_else(|| CLUSTERS.map(str::to_owned).into());
    }
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => Err(UpError::Name { name: name.clone() }),
        None => Ok(names),
    }
}

/// A DNS label: names of clusters become names of contexts and files.
fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl Setup {
    /// Fills forge and registry, and starts the clusters; repositories are kept in `folder`. Nothing reconciles yet.
    pub(super) async fn start(
        clock: &Clock,
        options: &UpOptions,
        names: &[String],
        folder: &Path,
    ) -> Result<(Setup, Bootstraps), UpError> {
        let mut setup = Setup {
            forge: Forge::new(clock.clone(), folder),
            registry: Registry::new(),
            clusters: Vec::new(),
            branch: BRANCH.to_owned(),
            repository: None,
            notes: Vec::new(),
        };
        let plan = |name: &String| ClusterPlan { flux: options.flux, ..ClusterPlan::named(name) };
        let mut plans: Vec<ClusterPlan> = names.iter().map(plan).collect();
        let wanted = match &options.source {
            UpSource::Nothing => setup.nothing()?,
            UpSource::Repository { path, serve } => {
                artifacts::push(&setup.registry, clock, serve)?;
                setup.repository(path, serve, names, options)?
            }
            UpSource::Scenario(scenario) => {
                plans = scenario.clusters.iter().filter(|c| names.contains(&c.name)).cloned().collect();
                plans.sort_by_key(|plan| names.iter().position(|name| *name == plan.name));
                setup.scenario(clock, scenario, options.bootstrap)?
            }
        };
        let keys = SealingKeys::on(clock);
        for plan in &plans {
            let unknown = match plan.unknown_images {
                scenario::UnknownImages::Pull => UnknownImages::Pull,
                scenario::UnknownImages::Missing => UnknownImages::Missing,
            };
            let images = Arc::new(setup.registry.images(unknown));
            setup.clusters.push(cluster::simulated(clock, plan, images, &keys));
        }
        Ok((setup, Bootstraps(if options.bootstrap { wanted } else { Vec::new() })))
    }

    fn nothing(&mut self) -> Result<Vec<Wanted>, UpError> {
        let url = format!("https://git.seatrial.local/{REPOSITORY}");
        self.forge.create(REPOSITORY, &Seed::Empty, BRANCH, &[url])?;
        self.forge.serve_by_name(REPOSITORY)?;
        self.private(REPOSITORY)?;
        self.repository = Some(REPOSITORY.to_owned());
        self.notes.push(format!(
            "the repository {REPOSITORY} is empty: push to it, and apply what should follow it"
        ));
        Ok(Vec::new())
    }

    fn repository(
        &mut self,
        path: &Path,
        others: &[(String, Option<std::path::PathBuf>)],
        names: &[String],
        options: &UpOptions,
    ) -> Result<Vec<Wanted>, UpError> {
        let source = repository::inspect(path)?;
        let repo = repository::publish(&self.forge, &source, others)?;
        for repo in self.forge.repos() {
            self.private(repo.name())?;
        }
        self.notes.extend(source.notes.clone());
        self.branch.clone_from(&source.branch);
        self.repository = Some(repo.name().to_owned());
        let found = Layout::of(repo.paths(&source.branch)?).clusters;
        for other in found.iter().filter(|c| !names.contains(&c.name)) {
            self.notes.push(format!("{} is not started: add --cluster {}", other.path, other.name));
        }
        // All controllers: what the repository asks for must not be missing because nobody could say so.
        let all = Component::all_in(options.flux);
        let wanted = found.iter().filter(|c| names.contains(&c.name)).map(|found| {
            let (url, branch) = (source.url.clone(), source.branch.clone());
            let sync = Sync { url, branch, path: found.path.clone() };
            let (components, read_write) = (all.clone(), options.read_write_key);
            let following = Following { components, read_write, ..Following::with(sync, &[]) };
            Wanted { cluster: found.name.clone(), repo: repo.clone(), following }
        });
        let wanted: Vec<Wanted> = wanted.collect();
        if options.bootstrap && !options.read_write_key && !wanted.is_empty() && self.automates(&repo)? {
            let note = "image automation cannot push with the clusters' deploy keys, which are read-only: add --read-write-key";
            self.notes.push(note.to_owned());
        }
        for name in names.iter().filter(|name| wanted.iter().all(|w| w.cluster != **name)) {
            self.notes
                .push(format!("{name} is not bootstrapped: the repository has no folder clusters/{name}"));
        }
        Ok(wanted)
    }

    /// Whether there is an image automation among the manifests of a repository.
    fn automates(&self, repo: &Repo) -> Result<bool, UpError> {
        for path in repo.paths(&self.branch)? {
            let is_yaml = path.ends_with(".yaml") || path.ends_with(".yml");
            if is_yaml
                && repo.read(&self.branch, &path)?.windows(AUTOMATION.len()).any(|part| part == AUTOMATION)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// People's own repositories are for them alone; that matters where the forge checks.
    fn private(&self, repo: &str) -> Result<(), UpError> {
        self.forge.configure(repo, |hosted| hosted.private = true)?;
        Ok(())
    }

    fn scenario(&mut self, clock: &Clock, plan: &Plan, plays: bool) -> Result<Vec<Wanted>, UpError> {
        crate::run::forge_accounts(&self.forge, plan)?;
        for repo in &plan.repos {
            let seed = repo.from.as_ref().map_or(Seed::Empty, Seed::detect);
            self.forge.create(&repo.name, &seed, &repo.branch, &repo.urls)?;
        }
        crate::run::forge_repositories(&self.forge, plan)?;
        for (name, spec) in &plan.images {
            self.registry.add(name, spec, clock)?;
        }
        if let Some(first) = plan.repos.first() {
            self.branch.clone_from(&first.branch);
            self.repository = Some(first.name.clone());
        }
        // They wait for nothing, and need nothing but what is there from the beginning.
        let leading = |step: &&PlannedStep| {
            plays
                && matches!(
                    step.op,
                    Op::Bootstrap { .. } | Op::Push { .. } | Op::SetRegistry { .. } | Op::DeleteTag { .. }
                )
        };
        let count = plan.steps.iter().take_while(leading).count();
        let (played, rest) = plan.steps.split_at(count);
        if let Some(next) = rest.first() {
            let steps = if rest.len() == 1 { "step is" } else { "steps are" };
            self.notes.push(format!(
                "{} {steps} not played, from line {} of {} on: {}",
                rest.len(),
                next.line,
                plan.file.display(),
                next.title
            ));
        }
        let mut wanted = Vec::new();
        for step in played {
            match &step.op {
                Op::Bootstrap { cluster, repo, following } => {
                    let repo = self.forge.repo(repo)?;
                    wanted.push(Wanted { cluster: cluster.clone(), repo, following: following.clone() });
                }
                op => drop(crate::run::registry(&self.registry, clock, op)?),
            }
        }
        Ok(wanted)
    }
}

/// What is to be bootstrapped once the clusters run.
pub(super) struct Bootstraps(Vec<Wanted>);

impl Bootstraps {
    /// Bootstraps, in order; then every cluster has an engine. The names of the bootstrapped clusters are the result.
    pub(super) async fn play(
        self,
        clock: &Clock,
        setup: &mut Setup,
        install_flux: bool,
        folder: &Path,
    ) -> Result<Vec<String>, UpError> {
        let (artifacts, renderer) = (Arc::new(ArtifactStore::default()), Arc::new(Renderer::default()));
        let clusters = KnownClusters::on(clock);
        setup.clusters.iter().for_each(|handle| clusters.add(handle));
        let setting = Setting {
            clock,
            forge: &setup.forge,
            git: Arc::new(NetworkGit::new(setup.forge.clone(), clock.clone(), folder)),
            registry: &setup.registry,
            artifacts: &artifacts,
            renderer: &renderer,
            clusters: &clusters,
        };
        let mut done = Vec::new();
        for wanted in &self.0 {
            let Some(handle) = setup.clusters.iter_mut().find(|c| c.name == wanted.cluster) else { continue };
            for (name, tags) in images(&wanted.following.components) {
                setup.registry.create(&name, tags)?;
            }
            bootstrap(&setting, handle, &wanted.repo, &wanted.following)
                .await
                .map_err(|source| UpError::Bootstrap { cluster: wanted.cluster.clone(), source })?;
            done.push(wanted.cluster.clone());
        }
        for handle in &mut setup.clusters {
            if install_flux && !done.contains(&handle.name) {
                install(clock, handle, &Component::all_in(handle.flux()))
                    .await
                    .map_err(|source| UpError::Bootstrap { cluster: handle.name.clone(), source })?;
            }
            start_engine(&setting, handle);
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::default(&[], Ok(vec!["beta", "production"]))]
    #[case::others(&["staging", "beta", "staging"], Ok(vec!["staging", "beta"]))]
    #[case::upper_case(&["Beta"], Err(()))]
    #[case::a_path(&["../beta"], Err(()))]
    #[case::dash(&["-beta"], Err(()))]
    #[case::empty(&[""], Err(()))]
    fn clusters_are_called(#[case] given: &[&str], #[case] want: Result<Vec<&str>, ()>) {
        let clusters = given.iter().map(|name| (*name).to_owned()).collect();
        let found = cluster_names(&UpOptions { clusters, ..UpOptions::default() });
        assert_eq!(found.map_err(drop), want.map(|names| names.into_iter().map(str::to_owned).collect()));
    }
}
