//! Plays the base, then the head, on simulated clusters.

use super::collect::{State, collect};
use super::compare::{self, compare};
use super::model::{ClusterPreview, Preview};
use super::revisions::{self, Compared};
use super::{PreviewError, PreviewOptions, history, order, problems, services};
use crate::bootstrap::{Component, Sync};
use crate::cluster::{self, Handle, KnownClusters};
use crate::forge::{Files, Forge, Repo, Seed, Snapshot};
use crate::monorepo::{Cluster, Layout};
use crate::offline::documents;
use crate::plan::ClusterPlan;
use crate::redact::{self, Known, Redactor};
use crate::registry::{Registry, UnknownImages};
use crate::run::{Setting, bootstrap_all};
use crate::sealed::SealingKeys;
use crate::trial::behind::Store;
use crate::trial::repository::{self, Source};
use crate::trial::{ObjectName, TrialError, all_played, artifacts, hints};
use futures::future::try_join_all;
use git2::Repository;
use kube::api::Patch;
use seatrial_api::meta::REQUESTED_AT;
use seatrial_engine::{ArtifactStore, GitHosts};
use seatrial_render::Renderer;
use seatrial_time::{Clock, Simulation, simulate};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What bootstrap writes, and would write anew whatever a repository has.
const BOOTSTRAPPED: [&str; 2] = ["gotk-components.yaml", "gotk-sync.yaml"];
/// The list of these files, which bootstrap writes where there is none.
const LIST: &str = "kustomization.yaml";

/// Plays the change on one simulated cluster for each `clusters/<name>`. Call it on a thread that is in no runtime.
///
/// # Errors
/// [`PreviewError`]. What goes wrong inside the clusters is no error: it stands in the result.
pub fn preview(options: &PreviewOptions) -> Result<Preview, PreviewError> {
    // A folder of a repository stands for it, as for git.
    let options = &PreviewOptions { repository: whole(&options.repository), ..options.clone() };
    let path = &options.repository;
    let mut source = repository::inspect(path)?;
    if !matches!(source.seed, Seed::Repository { .. }) {
        return Err(PreviewError::NotARepository { path: path.clone() });
    }
    // They are about what `try` plays.
    source.notes.clear();
    let revisions = (options.base.as_deref(), options.head.as_deref());
    let compared = revisions::choose(path, revisions, &mut source)?;
    if let Seed::Repository { reference, .. } = &mut source.seed {
        *reference = Some(compared.base.commit.to_string());
    }
    let folder = tempfile::tempdir().map_err(TrialError::Folder)?;
    let game = Game { options, source: &source, compared: &compared };
    simulate(Simulation::seeded(options.seed), |clock| game.play(clock, folder.path()))?
}

/// The repository that a folder is of, or the folder itself.
fn whole(path: &Path) -> PathBuf {
    if matches!(Seed::detect(path), Seed::Repository { .. }) || !path.is_dir() {
        return path.to_owned();
    }
    let found = Repository::discover(path).ok();
    found.map_or_else(|| path.to_owned(), |git| git.workdir().unwrap_or(git.path()).to_owned())
}

/// What is played.
struct Game<'a> {
    options: &'a PreviewOptions,
    source: &'a Source,
    compared: &'a Compared,
}

impl Game<'_> {
    async fn play(self, clock: Clock, folder: &Path) -> Result<Preview, PreviewError> {
        let Game { options, source, compared } = self;
        let forge = Forge::new(clock.clone(), folder);
        let repo = repository::publish(&forge, source, &options.serve)?;
        let base = repo.snapshot(Files::Commit(compared.base.commit))?;
        let head = repo.snapshot(match compared.head.is_working_tree() {
            true => Files::WorkingTree(&options.repository),
            false => Files::Commit(compared.head.commit),
        })?;
        let files = [base, head].map(|at| repo.snapshot_paths(at));
        let [at_base, at_head] = files;
        let (at_base, at_head) = (at_base?, at_head?);
        let all: Vec<String> =
            at_base.iter().chain(&at_head).cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = source.clusters_in(&all, &options.clusters)?;
        found.sort();
        found.dedup();
        let keyed: Vec<String> = options.sealing_keys.keys().cloned().collect();
        source.clusters_in(&all, &keyed)?;
        all_played(keyed, &found)?;

        let (artifacts, renderer) = (Arc::new(ArtifactStore::default()), Arc::new(Renderer::default()));
        let (registry, known) = (Registry::new(), KnownClusters::on(&clock));
        artifacts::push(&registry, &clock, &options.serve)?;
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
        let mut handles: Vec<(Handle, Sync)> = found
            .iter()
            .map(|found| {
                let plan = ClusterPlan { flux: options.flux, ..ClusterPlan::named(&found.name) };
                let images = Arc::new(registry.images(UnknownImages::Pull));
                let (url, branch) = (source.url.clone(), source.branch.clone());
                let sync = Sync { url, branch, path: found.path.clone() };
                (cluster::simulated(&clock, &plan, images, &keys), sync)
            })
            .collect();
        let extra: Vec<Component> =
            Component::all_in(options.flux).into_iter().filter(|c| !Component::USUAL.contains(c)).collect();
        handles.iter().for_each(|(handle, _)| known.add(handle));
        for (handle, _) in &handles {
            if let Some(backup) = options.sealing_keys.get(&handle.name) {
                backup.restore(handle).await?;
            }
        }
        bootstrap_all(&setting, &mut handles, &repo, &extra)
            .await
            .map_err(|(cluster, source)| TrialError::Bootstrap { cluster, source })?;
        let base_made = repo.head(&source.branch)?;

        let hosts: Arc<dyn GitHosts> = Arc::new(forge.clone());
        let store = Store { artifacts: &artifacts, renderer: &renderer, hosts: &hosts, flux: options.flux };
        let nothing = BTreeMap::new();
        let befores = handles.iter().map(|(handle, _)| collect(handle, &clock, &store, &nothing));
        let befores = try_join_all(befores).await?;

        let kept = kept_files(&found, &at_base, &at_head);
        let started = clock.now();
        let marks: Vec<u64> = handles.iter().map(|(handle, _)| handle.history.end()).collect();
        let head_made = repo.commit_snapshot(&source.branch, head, &kept, "Head of the preview")?;
        for (handle, _) in &handles {
            request(handle, &clock).await?;
        }
        let afters = handles
            .iter()
            .zip(&befores)
            .map(|((handle, _), before)| collect(handle, &clock, &store, &before.objects));
        let afters = try_join_all(afters).await?;

        let mut redactor = Redactor::default();
        let names = Names {
            revision: head_made.revision(&source.branch),
            made: [
                (head_made.to_string(), shown_commit(compared)),
                (base_made.to_string(), compared.base.shown.commit.clone()),
            ],
        };
        let mut clusters = Vec::new();
        for ((found, (handle, _)), ((mut before, mut after), mark)) in
            found.iter().zip(&handles).zip(befores.into_iter().zip(afters).zip(marks))
        {
            let known = cover(&mut redactor, handle, &mut before, &mut after);
            let tried = before.kustomizations.iter();
            let tried = tried.filter_map(|(name, it)| Some((name.clone(), it.tried.clone()?))).collect();
            let past = history::read(&*handle.history, mark, &names.revision, started, tried);
            let follows = |name: &ObjectName| follows(&forge, &repo, &after, name);
            let (problems, mended) = problems::problems(&before, &after);
            let side = |state| compare::Side::of(state);
            let changes = compare(side(&before), side(&after), &past);
            let paths = before.kustomizations.values().chain(after.kustomizations.values());
            let paths = paths.filter_map(|kustomization| kustomization.spec["path"].as_str());
            clusters.push(ClusterPreview {
                name: found.name.clone(),
                path: found.path.clone(),
                at_base: Layout::of(&at_base).clusters.contains(found),
                at_head: Layout::of(&at_head).clusters.contains(found),
                ending: after.ending,
                services: services::gates(&repo, base, head, paths)?,
                order: order::order(&before, &after, &past, follows),
                added: changes.added,
                changed: changes.changed,
                pruned: changes.pruned,
                kept: changes.kept,
                workloads_pruned: changes.workloads,
                problems: problems
                    .into_iter()
                    .map(|mut problem| {
                        problem.message = names.real(&problem.message);
                        problem
                    })
                    .collect(),
                mended,
                hints: hints(&forge, &repo, &after.flux)
                    .iter()
                    .map(|hint| redactor.cover_text(&redact::cover_refusal(hint), &known))
                    .collect(),
            });
        }
        let mut notes: Vec<String> = source.notes.iter().chain(&compared.notes).cloned().collect();
        notes.extend(not_played(&repo, base, head, &found)?);
        Ok(Preview {
            api_version: "seatrial.dev/v1alpha1",
            kind: "Preview",
            repository: source.name.clone(),
            branch: source.branch.clone(),
            base: compared.base.shown.clone(),
            head: compared.head.shown.clone(),
            notes,
            clusters,
        })
    }
}

/// Commits that exist only in the play, and what stands for them in the output.
struct Names {
    /// The head, as Flux writes it.
    revision: String,
    made: [(String, String); 2],
}

impl Names {
    fn real(&self, text: &str) -> String {
        self.made.iter().fold(text.to_owned(), |text, (made, real)| text.replace(made, real))
    }
}

fn shown_commit(compared: &Compared) -> String {
    match compared.head.is_working_tree() {
        true => "<working tree>".to_owned(),
        false => compared.head.shown.commit.clone(),
    }
}

/// The files that bootstrap wrote and that the head has to have, too: those of clusters that it still has, but for files that
/// the change itself removes.
fn kept_files(clusters: &[Cluster], at_base: &[String], at_head: &[String]) -> Vec<String> {
    let (base, head): (BTreeSet<&String>, BTreeSet<&String>) =
        (at_base.iter().collect(), at_head.iter().collect());
    let still = Layout::of(at_head).clusters;
    let mut kept = Vec::new();
    for cluster in clusters.iter().filter(|cluster| still.contains(cluster)) {
        let file = |name: &str| format!("{}/flux-system/{name}", cluster.path);
        let stays = |path: &String| !base.contains(path) || head.contains(path);
        kept.extend(BOOTSTRAPPED.iter().map(|name| file(name)).filter(stays));
        kept.extend(Some(file(LIST)).filter(|path| !base.contains(path) && !head.contains(path)));
    }
    kept
}

/// Changes that the play does not show, since it has files of its own in their place.
fn not_played(
    repo: &Repo,
    base: Snapshot,
    head: Snapshot,
    clusters: &[Cluster],
) -> Result<Vec<String>, PreviewError> {
    let mut notes = Vec::new();
    for cluster in clusters {
        for name in BOOTSTRAPPED {
            let path = format!("{}/flux-system/{name}", cluster.path);
            let (before, after) = (repo.snapshot_file(base, &path)?, repo.snapshot_file(head, &path)?);
            if before.is_some() && after.is_some() && before != after {
                notes.push(format!(
                    "{path} changes, which is not played: clusters are bootstrapped with Seatrial's own Flux"
                ));
            }
        }
    }
    Ok(notes)
}

/// Has all sources fetch now, as a webhook does.
async fn request(handle: &Handle, clock: &Clock) -> kube::Result<()> {
    let patch = Patch::Merge(json!({"metadata": {"annotations": {REQUESTED_AT: clock.now().to_string()}}}));
    let (version, kind) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
    for source in handle.objects.list(version, kind, None).await? {
        let metadata = &source["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        handle.objects.patch(version, kind, metadata["namespace"].as_str(), name, "flux", &patch).await?;
    }
    Ok(())
}

/// Whether a source leads to the repository that was changed.
fn follows(forge: &Forge, repo: &Repo, state: &State, source: &ObjectName) -> bool {
    let found = state.flux.iter().find(|object| object.name == *source);
    match found.and_then(|object| object.url.as_deref()) {
        Some(url) => forge.by_url(url).is_ok_and(|found| found.name() == repo.name()),
        // What is composed changes only where what it is composed of does; one that is missing can only be meant to.
        None => found.is_none(),
    }
}

/// The values that the patches of a Kustomization bring into Secrets, whether or not these are there.
fn patched(kustomization: &Value) -> Vec<Vec<u8>> {
    if kustomization["kind"] != "Kustomization" {
        return Vec::new();
    }
    let patches = kustomization["spec"]["patches"].as_array().into_iter().flatten();
    let texts = patches.filter_map(|patch| patch["patch"].as_str());
    texts.flat_map(|text| documents(text.as_bytes())).flat_map(|patch| redact::values(&patch)).collect()
}

/// Covers the values of Secrets in all that can be shown, but for the hints, which say what the sources are; for these it gives all
/// values that there are.
fn cover(redactor: &mut Redactor, handle: &Handle, before: &mut State, after: &mut State) -> Known {
    let mut secrets: BTreeMap<ObjectName, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, kustomization) in before.kustomizations.iter().chain(&after.kustomizations) {
        secrets.entry(name.clone()).or_default().extend(kustomization.secrets.iter().cloned());
    }
    let mut all = handle.secret_values();
    all.extend(secrets.values().flatten().cloned());
    all.extend(before.objects.values().chain(after.objects.values()).flat_map(|held| patched(&held.object)));
    let all: Vec<Vec<u8>> = all.into_iter().filter(|value| !value.is_empty()).collect();
    let secrets: BTreeMap<ObjectName, Known> =
        secrets.into_iter().map(|(name, values)| (name, Known::new(&values))).collect();
    let all = Known::new(&all);
    for state in [before, after] {
        for held in state.objects.values_mut() {
            redactor.cover_secret(&mut held.object);
            // Patches are texts, and may be of Secrets.
            if held.object["kind"] == "Kustomization"
                && let Some(patches) = held.object.pointer_mut("/spec/patches")
            {
                redactor.cover_values(patches, &all);
            }
            for values in held.by.iter().filter_map(|by| secrets.get(by)) {
                redactor.cover_values(&mut held.object, values);
            }
        }
        for problem in &mut state.unready {
            problem.why = redact::cover_refusal(&problem.why);
            if let Some(values) = secrets.get(&problem.object) {
                problem.why = redactor.cover_text(&problem.why, values);
            }
        }
    }
    all
}
