//! How soon a cluster answers, and what clusters and objects weigh: one cluster, 1,000 of them, 100,000 ConfigMaps, and large
//! definitions of custom resources.
//!
//! Times are processor time.
//!
//! `cargo run --release -p seatrial-sim --example footprint [clusters|configmaps|definitions]`
#![allow(clippy::unwrap_used, clippy::panic, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use mimalloc::MiMalloc;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Clock, Simulation, simulate};
use serde_json::{Value, json};
use tower::ServiceExt as _;

// As in the command line tool.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const CLUSTERS: usize = 1000;
const OBJECTS: usize = 100_000;

/// The processor time of this process: on a machine with other work, wall time says little. Linux only.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// Measures from now on.
struct Stopwatch(Duration);

impl Stopwatch {
    fn now() -> Stopwatch {
        Stopwatch(spent())
    }

    fn elapsed(&self) -> Duration {
        spent().saturating_sub(self.0)
    }
}

/// The memory of this process, in KiB.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn send(cluster: &Cluster, method: &str, path: &str, media: &str, body: String) -> (u16, Bytes) {
    let request = Request::builder().method(method).uri(path).header("content-type", media);
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = cluster.mount(Identity::admin()).oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    (code, response.into_body().collect().await.unwrap().to_bytes())
}

async fn get(cluster: &Cluster, path: &str) -> Bytes {
    let (code, text) = send(cluster, "GET", path, "application/json", String::new()).await;
    assert_eq!(code, 200, "{path}");
    text
}

fn start(clock: &Clock, index: usize) -> Cluster {
    let options = ClusterOptions { name: format!("cluster-{index}"), ..ClusterOptions::default() };
    Cluster::new(clock.clone(), options)
}

fn main() {
    let what = std::env::args().nth(1).unwrap_or_else(|| "clusters".to_owned());
    simulate(Simulation::default(), |clock| async move {
        match what.as_str() {
            "clusters" => clusters(&clock).await,
            "configmaps" => configmaps(&clock).await,
            "definitions" => definitions(&clock).await,
            other => panic!("no measure is called {other}"),
        }
    })
    .unwrap();
}

async fn clusters(clock: &Clock) {
    let before = resident();
    let began = Stopwatch::now();
    let mut all = vec![start(clock, 0)];
    get(&all[0], "/api/v1/namespaces").await;
    println!("first cluster: first answer {:?} after the call that starts it", began.elapsed());
    println!("first cluster: {:.2} MB", (resident() - before) as f64 / 1024.0);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}});
    let path = "/apis/apps/v1/namespaces/default/deployments/a?fieldManager=m";
    let began = Stopwatch::now();
    let (code, _) =
        send(&all[0], "PATCH", path, "application/apply-patch+yaml", deployment.to_string()).await;
    assert_eq!(code, 201);
    println!("first cluster: first Deployment applied in {:?}", began.elapsed());
    println!("first cluster: {:.2} MB after it", (resident() - before) as f64 / 1024.0);
    get(&all[0], "/openapi/v2").await;
    get(&all[0], "/openapi/v3/apis/apps/v1").await;
    println!("first cluster: {:.2} MB after OpenAPI", (resident() - before) as f64 / 1024.0);
    let (memory, began) = (resident(), Stopwatch::now());
    for index in 1..CLUSTERS {
        let cluster = start(clock, index);
        get(&cluster, "/api/v1/namespaces").await;
        all.push(cluster);
    }
    let took = began.elapsed() / (CLUSTERS as u32 - 1);
    println!(
        "each of {CLUSTERS} clusters: {:.0} KB, answers after {took:?}",
        (resident() - memory) as f64 / CLUSTERS as f64
    );
    let memory = resident();
    for cluster in &all[1..] {
        let body = deployment.to_string();
        assert_eq!(send(cluster, "PATCH", path, "application/apply-patch+yaml", body).await.0, 201);
        get(cluster, "/apis").await;
    }
    println!("each after it has a Deployment: {:.0} KB more", (resident() - memory) as f64 / CLUSTERS as f64);
}

async fn configmaps(clock: &Clock) {
    let cluster = start(clock, 0);
    get(&cluster, "/api/v1/namespaces").await;
    let (memory, began) = (resident(), Stopwatch::now());
    for index in 0..OBJECTS {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("config-{index}"), "labels": {"app": format!("app-{}", index % 100)}},
            "data": {"FOO": "beta-foo", "BAR": "bar", "NAME": format!("svc-{index}")}});
        let path = "/api/v1/namespaces/default/configmaps?fieldManager=bench";
        assert_eq!(send(&cluster, "POST", path, "application/json", body.to_string()).await.0, 201);
    }
    let rate = OBJECTS as f64 / began.elapsed().as_secs_f64();
    println!("{OBJECTS} ConfigMaps created: {rate:.0}/s");
    println!("memory per object: {:.0} bytes", (resident() - memory) as f64 * 1024.0 / OBJECTS as f64);
    for round in ["first", "second"] {
        let began = Stopwatch::now();
        let text = get(&cluster, "/api/v1/configmaps").await;
        println!("{round} list: {:?}, {} MB", began.elapsed(), text.len() / 1_000_000);
    }
    println!(
        "memory per object after the list: {:.0} bytes",
        (resident() - memory) as f64 * 1024.0 / OBJECTS as f64
    );
    let began = Stopwatch::now();
    let text = get(&cluster, "/api/v1/configmaps?limit=500").await;
    println!("one page of 500: {:?}, {} KB", began.elapsed(), text.len() / 1000);
    let began = Stopwatch::now();
    let path = "/api/v1/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
    let text = get(&cluster, path).await;
    let events = text.iter().filter(|byte| **byte == b'\n').count();
    println!("watch with {events} initial events: {:?}", began.elapsed());
}

/// A schema as generators write them: objects within objects, lists of objects, maps, enums, defaults and descriptions.
fn schema(depth: usize, width: usize) -> Value {
    let mut properties = json!({
        "name": {"type": "string", "minLength": 1, "maxLength": 253, "description": "The name of the part, as it is shown to its users."},
        "mode": {"type": "string", "enum": ["Auto", "Manual", "Off"], "default": "Auto", "description": "How the part is managed by its controller."},
        "replicas": {"type": "integer", "format": "int32", "minimum": 0, "default": 1},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    });
    if depth > 0 {
        for index in 0..width {
            let inner = schema(depth - 1, width);
            let part = if index % 2 == 0 {
                inner
            } else {
                json!({"type": "array", "items": inner, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "maxItems": 64})
            };
            properties[format!("part{index}")] = part;
        }
    }
    json!({"type": "object", "required": ["name"], "properties": properties, "description": "A part of the resource, which has parts of its own."})
}

async fn definitions(clock: &Clock) {
    let cluster = start(clock, 0);
    get(&cluster, "/api/v1/namespaces").await;
    let (mut size, memory, began) = (0, resident(), Stopwatch::now());
    let schema = schema(4, 4);
    let mut spent = Duration::ZERO;
    for index in 0..20 {
        let (plural, kind) = (format!("bulks{index}"), format!("Bulk{index}"));
        let group = "bulk.example.com";
        let body = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}});
        let text = body.to_string();
        size += text.len();
        let began = Stopwatch::now();
        let path = format!(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}?fieldManager=m"
        );
        let (code, answer) = send(&cluster, "PATCH", &path, "application/apply-patch+yaml", text).await;
        assert_eq!(code, 201, "{}", String::from_utf8_lossy(&answer[..answer.len().min(500)]));
        spent += began.elapsed();
    }
    println!(
        "20 definitions of {:.1} MB in all: {spent:?} ({:?} with making them), {} MB of memory",
        size as f64 / 1e6,
        began.elapsed(),
        (resident() - memory) / 1024
    );
    clock.sleep(Duration::from_millis(10)).await;
    let mut body =
        String::from(r#"{"apiVersion":"bulk.example.com/v1","kind":"Bulk0","metadata":{"name":"a"},"spec":"#);
    let deep = |last: &str| {
        let mut text = String::new();
        for level in 0..4 {
            let _ = write!(text, r#"{{"name":"n{level}","part1":["#);
        }
        let _ = write!(text, r#"{{"name":"last","mode":"{last}","unknown":1}}"#);
        text.push_str(&"]}".repeat(4));
        text
    };
    let wrong = format!("{body}{}}}", deep("Never"));
    body.push_str(&deep("Off"));
    body.push('}');
    let began = Stopwatch::now();
    let path = "/apis/bulk.example.com/v1/namespaces/default/bulks0";
    let (code, text) = send(&cluster, "POST", path, "application/json", body).await;
    println!("an object in them: {code} after {:?}", began.elapsed());
    let object: Value = serde_json::from_slice(&text).unwrap();
    let last = &object["spec"]["part1"][0]["part1"][0]["part1"][0]["part1"][0];
    // Defaults are filled in, and what the schema does not have is gone.
    assert_eq!(*last, json!({"name": "last", "mode": "Off", "replicas": 1}));
    assert_eq!(code, 201);
    let (code, text) = send(&cluster, "POST", path, "application/json", wrong).await;
    let text: Value = serde_json::from_slice(&text).unwrap();
    println!("a wrong one: {code} {}", text["message"]);
    assert_eq!(code, 422);
    let began = Stopwatch::now();
    let text = get(&cluster, "/openapi/v3/apis/bulk.example.com/v1").await;
    println!("their OpenAPI document: {:?}, {} MB", began.elapsed(), text.len() / 1_000_000);
}
