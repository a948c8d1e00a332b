//! A small world for the engine: one cluster, one Git repository, and what people do to them.

#![allow(dead_code, reason = "not every test binary uses all of it")]

mod gate;
pub(crate) mod registry;
mod snapshot;

#[allow(unused_imports, reason = "not every test binary uses all of it")]
pub(crate) use {
    gate::{Gate, Kill},
    snapshot::snapshot,
};

use futures::future::BoxFuture;
use git2::{Repository, Signature, Time};
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_engine::{
    ArtifactStore, ClusterHosts, DriverOptions, Engine, EngineOptions, GitAccess, GitAuth, GitError,
    GitHosts, GitPush, GitPushError, GitRemote, NoRegistries, OciRegistries, RemoteCluster, push_to,
};
use seatrial_render::Renderer;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Clock, Signal, Simulation, simulate};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// URL of the repository.
pub(crate) const URL: &str = "https://git.test/fleet";
/// Its branch.
pub(crate) const BRANCH: &str = "main";

/// A bare repository that is served at [`URL`].
pub(crate) struct TestGit {
    folder: TempDir,
    /// Other repositories, by URL.
    others: Mutex<BTreeMap<String, TempDir>>,
    changes: Signal,
    seconds: Mutex<i64>,
    /// What pushes are refused with.
    pub(crate) refuses: Mutex<Option<String>>,
    /// What happens just before the next push.
    pub(crate) overtaken: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// What was pushed, or tried to be.
    pub(crate) pushes: Mutex<Vec<GitPush>>,
    /// How often it was asked for a repository.
    pub(crate) opened: Mutex<usize>,
}

impl TestGit {
    pub(crate) fn new() -> Arc<TestGit> {
        let folder = tempfile::tempdir().unwrap();
        Repository::init_bare(folder.path()).unwrap();
        let others = Mutex::default();
        let seconds = Mutex::new(1_767_225_600);
        let (refuses, overtaken, pushes, opened) = Default::default();
        let changes = Signal::new();
        Arc::new(TestGit { folder, others, changes, seconds, refuses, overtaken, pushes, opened })
    }

    /// Commits exactly these files to [`BRANCH`]; gives the revision as statuses have it.
    pub(crate) fn commit(&self, message: &str, files: &BTreeMap<String, String>) -> String {
        let repository = Repository::open_bare(self.folder.path()).unwrap();
        let mut index = git2::Index::new().unwrap();
        for (path, content) in files {
            let id = repository.blob(content.as_bytes()).unwrap();
            index
                .add(&git2::IndexEntry {
                    ctime: git2::IndexTime::new(0, 0),
                    mtime: git2::IndexTime::new(0, 0),
                    dev: 0,
                    ino: 0,
                    mode: 0o100_644,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id,
                    flags: 0,
                    flags_extended: 0,
                    path: path.clone().into_bytes(),
                })
                .unwrap();
        }
        let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
        let seconds = {
            let mut seconds = self.seconds.lock().unwrap();
            *seconds += 60;
            *seconds
        };
        let author = Signature::new("Test", "test@git.test", &Time::new(seconds, 0)).unwrap();
        let reference = format!("refs/heads/{BRANCH}");
        let parent = repository.find_reference(&reference).and_then(|r| r.peel_to_commit()).ok();
        let parents: Vec<_> = parent.iter().collect();
        let commit = repository.commit(Some(&reference), &author, &author, message, &tree, &parents).unwrap();
        self.changes.bump();
        format!("{BRANCH}@sha1:{commit}")
    }

    /// The repository itself.
    pub(crate) fn repository(&self) -> Repository {
        Repository::open_bare(self.folder.path()).unwrap()
    }

    /// Points a reference at an object.
    pub(crate) fn point(&self, reference: &str, id: git2::Oid) {
        self.repository().reference(reference, id, true, "").unwrap();
        self.changes.bump();
    }

    /// Serves one more repository, with a commit of these files; gives the commit.
    pub(crate) fn serve(&self, url: &str, files: &[(&str, &str)], links: &[(&str, git2::Oid)]) -> git2::Oid {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let commit = commit_with(&repository, files, links);
        self.others.lock().unwrap().insert(url.to_owned(), folder);
        commit
    }

    /// Refuses pushes no more.
    pub(crate) fn let_in(&self) {
        *self.refuses.lock().unwrap() = None;
        self.changes.bump();
    }

    pub(crate) fn tag(&self, name: &str) {
        let repository = Repository::open_bare(self.folder.path()).unwrap();
        let head = repository.revparse_single(&format!("refs/heads/{BRANCH}")).unwrap();
        repository.tag_lightweight(name, &head, true).unwrap();
        self.changes.bump();
    }
}

impl GitHosts for TestGit {
    fn open(&self, url: &str, _auth: &GitAuth) -> Result<GitRemote, GitError> {
        *self.opened.lock().unwrap() += 1;
        if url == URL {
            return Ok(GitRemote { path: PathBuf::from(self.folder.path()), changes: self.changes.clone() });
        }
        if let Some(other) = self.others.lock().unwrap().get(url) {
            return Ok(GitRemote { path: PathBuf::from(other.path()), changes: self.changes.clone() });
        }
        Err(GitError::NotServed {
            url: url.to_owned(),
            hint: Some(format!("serve it with --serve {url}=PATH")),
        })
    }

    fn may_push(&self, _url: &str, _access: &GitAccess) -> Result<(), GitPushError> {
        let refused = self.refuses.lock().unwrap().clone();
        refused.map_or(Ok(()), |message| Err(GitPushError::Refused { message }))
    }

    fn push<'a>(
        &'a self,
        _url: &'a str,
        _access: &'a GitAccess,
        push: &'a GitPush,
    ) -> BoxFuture<'a, Result<(), GitPushError>> {
        if let Some(overtaking) = self.overtaken.lock().unwrap().take() {
            overtaking();
        }
        let refused = self.refuses.lock().unwrap().clone();
        let pushed = match refused {
            Some(message) => Err(GitPushError::Refused { message }),
            None => push_to(self.folder.path(), push),
        };
        self.pushes.lock().unwrap().push(push.clone());
        self.changes.bump();
        Box::pin(std::future::ready(pushed))
    }
}

/// A commit of these files and submodules, on [`BRANCH`].
pub(crate) fn commit_with(
    repository: &Repository,
    files: &[(&str, &str)],
    links: &[(&str, git2::Oid)],
) -> git2::Oid {
    let mut index = git2::Index::new().unwrap();
    let blobs =
        files.iter().map(|(path, text)| (*path, 0o100_644, repository.blob(text.as_bytes()).unwrap()));
    let links = links.iter().map(|(path, id)| (*path, 0o160_000, *id));
    for (path, mode, id) in blobs.chain(links) {
        let time = git2::IndexTime::new(0, 0);
        let entry = git2::IndexEntry {
            ctime: time,
            mtime: time,
            dev: 0,
            ino: 0,
            mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(repository).unwrap()).unwrap();
    let author = Signature::new("Test", "test@git.test", &Time::new(1_767_225_600, 0)).unwrap();
    repository.commit(Some(&format!("refs/heads/{BRANCH}")), &author, &author, "Files", &tree, &[]).unwrap()
}

/// The server of the kubeconfig that leads to the cluster itself.
pub(crate) const SERVER: &str = "https://cluster.test";

/// The cluster, as a kubeconfig finds it.
struct Itself {
    client: Client,
    changes: Option<Signal>,
}

impl ClusterHosts for Itself {
    fn open(&self, server: &str, _token: Option<&str>) -> Option<Result<RemoteCluster, String>> {
        let found = RemoteCluster { client: self.client.clone(), changes: self.changes.clone() };
        (server == SERVER).then_some(Ok(found))
    }
}

/// One cluster with the engine, and one repository.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) client: Client,
    pub(crate) git: Arc<TestGit>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) engine: Option<Engine>,
    options: EngineOptions,
}

impl World {
    /// A cluster with the Flux kinds and a running engine.
    pub(crate) async fn new(clock: Clock, client: Client, changes: Option<Signal>) -> World {
        World::with(clock, client, changes, FluxRelease::V2_9, &[]).await
    }

    pub(crate) async fn with(
        clock: Clock,
        client: Client,
        changes: Option<Signal>,
        flux: FluxRelease,
        kinds: &[&str],
    ) -> World {
        let git = TestGit::new();
        let options = EngineOptions {
            clock: clock.clone(),
            client: client.clone(),
            git: git.clone(),
            registries: Arc::new(NoRegistries),
            clusters: Arc::new(Itself { client: client.clone(), changes: changes.clone() }),
            artifacts: Arc::new(ArtifactStore::new()),
            renderer: Arc::new(Renderer::new()),
            flux,
            cluster_changes: changes,
            driver: DriverOptions::default(),
            name: "test".to_owned(),
        };
        let world = World { clock, client, git, files: BTreeMap::new(), engine: None, options };
        World::prepared(world, kinds).await
    }

    /// With the definitions of the kinds that are asked for, or of all, and a running engine.
    async fn prepared(mut world: World, kinds: &[&str]) -> World {
        for crd in seatrial_api::crds(world.options.flux) {
            if kinds.is_empty() || kinds.iter().any(|kind| crd["spec"]["names"]["kind"] == *kind) {
                world.apply(crd).await;
            }
        }
        world
            .apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "flux-system" } }))
            .await;
        world
            .apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "default" } }))
            .await;
        world.start();
        world
    }

    /// Starts the engine, after stopping the one that runs.
    pub(crate) fn start(&mut self) {
        self.engine = None;
        self.engine = Some(Engine::start(self.options.clone()));
    }

    /// Starts the engine anew, with these registries.
    pub(crate) fn ask(&mut self, registries: Arc<dyn OciRegistries>) {
        self.options.registries = registries;
        self.start();
    }

    /// An engine on another cluster, which shares repositories and storage with this one.
    pub(crate) async fn beside(&self, client: Client, changes: Option<Signal>) -> World {
        let options =
            EngineOptions { client: client.clone(), cluster_changes: changes, ..self.options.clone() };
        let files = BTreeMap::new();
        let clock = self.clock.clone();
        let world = World { clock, client, git: self.git.clone(), files, engine: None, options };
        World::prepared(world, &[]).await
    }

    /// Where artifacts are kept.
    pub(crate) fn artifacts(&self) -> &ArtifactStore {
        &self.options.artifacts
    }

    /// From the next start on, the engine reaches the cluster through `gate`.
    pub(crate) fn gate(&mut self, gate: &Gate) {
        self.options.client = gate.client(&self.client);
    }

    /// What the engine is started with.
    pub(crate) fn options(&mut self) -> &mut EngineOptions {
        &mut self.options
    }

    /// The same options with nothing in storage: what is left after a restart of the process.
    pub(crate) fn restart_empty(&mut self) {
        self.options.artifacts = Arc::new(ArtifactStore::new());
        self.start();
    }

    pub(crate) fn write(&mut self, path: &str, content: &str) -> &mut World {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }

    pub(crate) fn remove(&mut self, path: &str) -> &mut World {
        self.files.remove(path);
        self
    }

    pub(crate) fn commit(&mut self, message: &str) -> String {
        self.git.commit(message, &self.files)
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        type_: &str,
        body: &Value,
    ) -> Result<Value, kube::Error> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", type_)
            .body(body)
            .unwrap();
        self.client.request(request).await
    }

    /// Server-side apply as a person.
    pub(crate) async fn apply(&self, object: Value) -> Value {
        self.apply_as("test", &object).await
    }

    /// Server-side apply as a field manager.
    pub(crate) async fn apply_as(&self, manager: &str, object: &Value) -> Value {
        let path = format!("{}?fieldManager={manager}&force=true", path_of(object));
        self.request("PATCH", &path, "application/apply-patch+yaml", object).await.unwrap()
    }

    /// Creates an object as a field manager.
    pub(crate) async fn create_as(&self, manager: &str, object: &Value) -> Value {
        let path = path_of(object);
        let (collection, _) = path.rsplit_once('/').unwrap();
        let path = format!("{collection}?fieldManager={manager}");
        self.request("POST", &path, "application/json", object).await.unwrap()
    }

    pub(crate) async fn merge(&self, path: &str, patch: Value) -> Value {
        self.request("PATCH", path, "application/merge-patch+json", &patch).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.request("DELETE", path, "application/json", &Value::Null).await.unwrap();
    }

    /// The object at `path`, or null.
    pub(crate) async fn get(&self, path: &str) -> Value {
        match self.request("GET", path, "application/json", &Value::Null).await {
            Ok(object) => object,
            Err(kube::Error::Api(status)) if status.code == 404 => Value::Null,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    /// The GitRepository of the repository.
    pub(crate) async fn source(&self) {
        self.apply(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "flux-system" },
            "spec": { "interval": "1m", "url": URL, "ref": { "branch": BRANCH } },
        }))
        .await;
    }

    /// A Kustomization of `path`, with further fields.
    pub(crate) async fn kustomization(&self, name: &str, path: &str, rest: Value) {
        let mut spec = json!({
            "interval": "10m", "retryInterval": "1m", "path": path, "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "fleet" },
        });
        for (key, value) in rest.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.apply(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": { "name": name, "namespace": "flux-system" },
            "spec": spec,
        }))
        .await;
    }

    /// Waits until the object at `path` is as wanted; gives it.
    pub(crate) async fn until(&self, path: &str, seconds: u64, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..=seconds {
            last = self.get(path).await;
            if wanted(&last) {
                return last;
            }
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        panic!("{path} is not as wanted after {seconds} s: {last:#}");
    }

    /// Waits until the Kustomization has applied `revision`, and is ready.
    pub(crate) async fn ready(&self, name: &str, revision: &str) -> Value {
        self.until(&ks(name), 900, |ks| {
            ks["status"]["lastAppliedRevision"] == revision && ready(ks)["status"] == "True"
        })
        .await
    }

    /// Waits until the Kustomization is not ready for `reason`.
    pub(crate) async fn fails(&self, name: &str, reason: &str) -> Value {
        self.until(&ks(name), 900, |ks| ready(ks)["status"] == "False" && ready(ks)["reason"] == reason).await
    }

    /// Waits until the object at `path` is not ready for `reason`.
    pub(crate) async fn fails_at(&self, path: &str, reason: &str) -> Value {
        self.until(path, 900, |it| ready(it)["status"] == "False" && ready(it)["reason"] == reason).await
    }

    /// Messages of all events on an object, by name.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let list = self.get("/api/v1/namespaces/flux-system/events").await;
        let mut events: Vec<Value> = list["items"].as_array().cloned().unwrap_or_default();
        events.retain(|event| event["involvedObject"]["name"] == name);
        events.sort_by_key(|event| {
            event["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok())
        });
        events
            .iter()
            .map(|event| {
                format!(
                    "{}: {}",
                    event["reason"].as_str().unwrap_or_default(),
                    event["message"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }
}

/// Path of a Kustomization.
pub(crate) fn ks(name: &str) -> String {
    format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/{name}")
}

/// Path of the GitRepository.
pub(crate) const SOURCE: &str =
    "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/fleet";

/// Path of a config map in `default`.
pub(crate) fn cm(name: &str) -> String {
    format!("/api/v1/namespaces/default/configmaps/{name}")
}

/// A config map as a file.
pub(crate) fn cm_file(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndata:\n  key: \"{value}\"\n"
    )
}

pub(crate) fn condition<'a>(object: &'a Value, type_: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == type_).unwrap_or(&Value::Null)
}

pub(crate) fn ready(object: &Value) -> &Value {
    condition(object, "Ready")
}

fn path_of(object: &Value) -> String {
    let version = object["apiVersion"].as_str().unwrap();
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let kind = object["kind"].as_str().unwrap();
    let lower = kind.to_lowercase();
    let plural = match kind {
        "GitRepository" => "gitrepositories".to_owned(),
        "OCIRepository" => "ocirepositories".to_owned(),
        "HelmRelease" => "helmreleases".to_owned(),
        "ImageRepository" => "imagerepositories".to_owned(),
        "ImagePolicy" => "imagepolicies".to_owned(),
        _ => format!("{lower}s"),
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/{version}/namespaces/{namespace}/{plural}/{name}"),
        None => format!("{root}/{version}/{plural}/{name}"),
    }
}

/// Plays `story` on a simulated cluster in virtual time.
pub(crate) fn play<F: Future<Output = ()>>(flux: FluxRelease, story: impl FnOnce(World, Cluster) -> F) {
    play_kinds(flux, &[], story);
}

/// As [`play`], where only these Flux kinds are served: they are most of what a start costs.
pub(crate) fn play_kinds<F: Future<Output = ()>>(
    flux: FluxRelease,
    kinds: &[&str],
    story: impl FnOnce(World, Cluster) -> F,
) {
    play_at(Place::Here, flux, kinds, story);
}

/// Where the cluster is, as the engine knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the process: somebody tells of each change.
    Here,
    /// Elsewhere, as real clusters are: the engine remembers what watches show, and writes events beside the work.
    Elsewhere,
}

/// As [`play_kinds`], on a cluster that the engine takes to be there.
pub(crate) fn play_at<F: Future<Output = ()>>(
    place: Place,
    flux: FluxRelease,
    kinds: &[&str],
    story: impl FnOnce(World, Cluster) -> F,
) {
    let end = simulate(Simulation::seeded(7), |clock| async move {
        let cluster = Cluster::new(clock.clone(), ClusterOptions::default());
        let changes = (place == Place::Here).then(|| cluster.changes());
        let world = World::with(clock, cluster.client(Identity::admin()), changes, flux, kinds).await;
        story(world, cluster).await;
    });
    if let Err(stuck) = end {
        panic!("{stuck}");
    }
}
