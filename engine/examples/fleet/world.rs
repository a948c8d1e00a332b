//! A fleet of Kustomizations on one cluster, and the repository that they are of.

use git2::{Index, IndexEntry, IndexTime, Repository, Signature, Time};
use http::Request;
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_engine::{
    ArtifactStore, DriverOptions, EngineOptions, GitAuth, GitError, GitHosts, GitRemote, NoRegistries,
};
use seatrial_render::Renderer;
use seatrial_time::{Clock, Signal};
use seatrial_wire::answer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// URL of the repository.
pub const URL: &str = "https://git.test/fleet";
const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations";
const SOURCES: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/default/gitrepositories";

/// A bare repository in a folder, served at [`URL`].
pub struct Repo {
    folder: PathBuf,
    changes: Signal,
}

impl Repo {
    /// The repository in `folder`, made where there is none.
    pub fn open(folder: &Path) -> Arc<Repo> {
        if Repository::open_bare(folder).is_err() {
            Repository::init_bare(folder).unwrap();
        }
        Arc::new(Repo { folder: folder.to_owned(), changes: Signal::new() })
    }

    /// Commits exactly these files to the branch `main`; gives the revision as statuses have it.
    pub fn commit(&self, files: &BTreeMap<String, String>) -> String {
        let repository = Repository::open_bare(&self.folder).unwrap();
        let mut index = Index::new().unwrap();
        for (path, content) in files {
            let id = repository.blob(content.as_bytes()).unwrap();
            let zero = IndexTime::new(0, 0);
            let path = path.clone().into_bytes();
            let entry = IndexEntry {
                ctime: zero,
                mtime: zero,
                dev: 0,
                ino: 0,
                mode: 0o100_644,
                uid: 0,
                gid: 0,
                file_size: 0,
                id,
                flags: 0,
                flags_extended: 0,
                path,
            };
            index.add(&entry).unwrap();
        }
        let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
        let author = Signature::new("Bench", "bench@git.test", &Time::new(1_767_225_600, 0)).unwrap();
        let head = repository.find_reference("refs/heads/main").and_then(|head| head.peel_to_commit()).ok();
        let parents: Vec<_> = head.iter().collect();
        let commit =
            repository.commit(Some("refs/heads/main"), &author, &author, "Commit", &tree, &parents).unwrap();
        self.changes.bump();
        format!("main@sha1:{commit}")
    }
}

impl GitHosts for Repo {
    fn open(&self, url: &str, _auth: &GitAuth) -> Result<GitRemote, GitError> {
        match url {
            URL => Ok(GitRemote { path: self.folder.clone(), changes: self.changes.clone() }),
            _ => Err(GitError::NotServed { url: url.to_owned(), hint: None }),
        }
    }
}

/// The options of an engine that works with `repo` alone.
pub fn options(clock: &Clock, client: &Client, repo: Arc<Repo>, changes: Option<Signal>) -> EngineOptions {
    EngineOptions {
        clock: clock.clone(),
        client: client.clone(),
        git: repo,
        registries: Arc::new(NoRegistries),
        clusters: Arc::new(()),
        artifacts: Arc::new(ArtifactStore::new()),
        renderer: Arc::new(Renderer::new()),
        flux: FluxRelease::V2_9,
        cluster_changes: changes,
        driver: DriverOptions::default(),
        name: "bench".to_owned(),
    }
}

/// The files of `count` Kustomizations of `objects` objects each: config maps, services and deployments in turn.
/// The first config map of the first one has this value.
pub fn files(count: usize, objects: usize, value: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for number in 0..count {
        for at in 0..objects {
            let name = format!("app-{number}-{at}");
            let value = if number == 0 && at == 0 { value } else { "1" };
            files.insert(format!("app-{number}/{at}.yaml"), object(&name, at, value));
        }
    }
    files
}

fn object(name: &str, at: usize, value: &str) -> String {
    let meta = format!("metadata:\n  name: {name}\n  namespace: default\n");
    match at % 3 {
        0 => format!("apiVersion: v1\nkind: ConfigMap\n{meta}data:\n  key: \"{value}\"\n"),
        1 => format!(
            "apiVersion: v1\nkind: Service\n{meta}spec:\n  selector: {{app: {name}}}\n  ports: [{{port: 80}}]\n"
        ),
        _ => format!(
            "apiVersion: apps/v1\nkind: Deployment\n{meta}spec:\n  selector:\n    matchLabels: {{app: {name}}}\n  \
             template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n      \
             - name: app\n        image: registry.test/app:1\n"
        ),
    }
}

/// What people do to the fleet.
pub struct Fleet {
    clock: Clock,
    client: Client,
    asked: u64,
}

impl Fleet {
    /// A cluster with Flux's definitions.
    pub async fn install(clock: &Clock, client: &Client) -> Fleet {
        let fleet = Fleet { clock: clock.clone(), client: client.clone(), asked: 0 };
        for crd in seatrial_api::crds(FluxRelease::V2_9) {
            let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
            if matches!(kind, "Kustomization" | "GitRepository") {
                let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
                fleet.apply(path, &crd).await;
            }
        }
        let default = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "default" } });
        fleet.apply("/api/v1/namespaces", &default).await;
        fleet
    }

    /// Makes the source, and `count` Kustomizations of it.
    pub async fn create(&self, count: usize) {
        let source = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "default" },
            "spec": { "interval": "10m", "url": URL, "ref": { "branch": "main" } } });
        self.apply(SOURCES, &source).await;
        for number in 0..count {
            let it = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": { "name": format!("app-{number}"), "namespace": "default" },
                "spec": { "interval": "10m", "path": format!("./app-{number}"), "prune": true,
                          "sourceRef": { "kind": "GitRepository", "name": "fleet" } } });
            self.apply(KUSTOMIZATIONS, &it).await;
        }
    }

    /// Has the source look at its repository now, and waits until everything has applied `revision`.
    pub async fn follow(&mut self, revision: &str) {
        self.asked += 1;
        let asked = json!({ "metadata": { "annotations": {
            "reconcile.fluxcd.io/requestedAt": self.asked.to_string() } } });
        self.send("PATCH", &format!("{SOURCES}/fleet"), "application/merge-patch+json", &asked).await;
        while !self.has_applied(revision).await {
            self.clock.sleep(Duration::from_millis(100)).await;
        }
    }

    /// Changes something that nobody manages, and lets the next reconcile of everything pass.
    pub async fn look_again(&mut self) {
        self.asked += 1;
        let other = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "asked": self.asked.to_string() },
            "metadata": { "name": "other", "namespace": "default" } });
        self.apply("/api/v1/namespaces/default/configmaps", &other).await;
        self.clock.sleep(Duration::from_secs(601)).await;
    }

    async fn has_applied(&self, revision: &str) -> bool {
        let list = self.send("GET", KUSTOMIZATIONS, "application/json", &Value::Null).await;
        list["items"].as_array().into_iter().flatten().all(|it| {
            let ready = it["status"]["conditions"].as_array().into_iter().flatten();
            let mut ready = ready.filter(|condition| condition["type"] == "Ready");
            it["status"]["lastAppliedRevision"] == revision
                && ready.any(|condition| condition["status"] == "True")
        })
    }

    async fn apply(&self, collection: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{collection}/{name}?fieldManager=bench&force=true");
        self.send("PATCH", &path, "application/apply-patch+yaml", object).await;
    }

    async fn send(&self, method: &str, path: &str, type_: &str, body: &Value) -> Arc<Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", type_);
        answer(&self.client, request.body(body).unwrap()).await.unwrap().value().unwrap()
    }
}
