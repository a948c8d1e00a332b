//! A cluster with workloads, and a few words to speak to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Clock, Simulation, simulate};
use seatrial_workload::{Profile, WorkloadOptions, Workloads, start};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) cluster: Cluster,
    pub(crate) workloads: Workloads,
    client: kube::Client,
}

/// Runs `test` on a simulated cluster with these profiles, under several seeds.
pub(crate) fn on_cluster<F: Future<Output = ()>>(profiles: Value, test: impl Fn(World) -> F) {
    for seed in [1, 2, 3] {
        run(seed, profiles.clone(), &test);
    }
}

pub(crate) fn run<T, F: Future<Output = T>>(seed: u64, profiles: Value, test: impl Fn(World) -> F) -> T {
    let profiles: Vec<Profile> = serde_json::from_value(profiles).unwrap();
    simulate(Simulation::seeded(seed), |clock| async {
        let cluster = Cluster::new(clock.clone(), ClusterOptions::default());
        let client = cluster.client(Identity::admin());
        let options = WorkloadOptions { profiles: profiles.clone(), ..WorkloadOptions::for_cluster("beta") };
        let workloads = start(client.clone(), clock.clone(), options);
        test(World { clock, cluster, workloads, client }).await
    })
    .unwrap()
}

/// `apps/v1/deployments` and a name to a path in the namespace `default`.
fn path(kind: &str, name: &str) -> String {
    let (group_version, plural) = kind.rsplit_once('/').unwrap();
    let root = if group_version.contains('/') { "/apis" } else { "/api" };
    match plural {
        "namespaces" | "nodes" | "persistentvolumes" | "customresourcedefinitions" => {
            format!("{root}/{group_version}/{plural}/{name}")
        }
        _ => format!("{root}/{group_version}/namespaces/default/{plural}/{name}"),
    }
}

impl World {
    async fn send(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Value, kube::Error> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(path.trim_end_matches('/'));
        self.client.request(request.header("content-type", kind).body(body).unwrap()).await
    }

    pub(crate) async fn create(&self, kind: &str, object: Value) -> Value {
        self.send("POST", &path(kind, ""), "application/json", &object).await.unwrap()
    }

    pub(crate) async fn patch(&self, kind: &str, name: &str, patch: Value) -> Value {
        self.send("PATCH", &path(kind, name), "application/merge-patch+json", &patch).await.unwrap()
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        self.send("DELETE", &path(kind, name), "application/json", &Value::Null).await.unwrap();
    }

    pub(crate) async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.send("GET", &path(kind, name), "application/json", &Value::Null).await.ok()
    }

    pub(crate) async fn list(&self, kind: &str) -> Vec<Value> {
        let list = self.send("GET", &path(kind, ""), "application/json", &Value::Null).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        self.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// Waits until the object is as wanted; returns the seconds that this took.
    pub(crate) async fn until(
        &self,
        kind: &str,
        name: &str,
        within: u64,
        wanted: impl Fn(&Value) -> bool,
    ) -> i64 {
        let start = self.clock.now();
        loop {
            let stamp = self.cluster.changes().stamp();
            let object = self.get(kind, name).await.unwrap_or_default();
            if wanted(&object) {
                return self.clock.now().duration_since(start).as_secs();
            }
            let waited = self.clock.now().duration_since(start).as_secs();
            assert!(waited < within as i64, "{kind} {name} is not as wanted after {waited} s: {object:#}");
            let left = Duration::from_secs(within.saturating_sub(waited as u64) + 1);
            let _ = self.clock.timeout(left, self.cluster.changes().changed(&stamp)).await;
        }
    }
}

pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

/// What kstatus calls current, for a Deployment.
pub(crate) fn is_current(deployment: &Value) -> bool {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && condition(deployment, "Progressing")["reason"] != "ProgressDeadlineExceeded"
        && ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
            .iter()
            .all(|f| count(f) == wanted)
        && condition(deployment, "Available")["status"] == "True"
}

pub(crate) fn deployment(name: &str, image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

pub(crate) fn pod_template(name: &str, policy: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"restartPolicy": policy, "containers": [{"name": "app", "image": format!("{name}:1")}]},
    })
}
