//! How fast objects are applied in process, created and then applied again unchanged, by eight clients at once.
//!
//! The clients speak as the engine and the harness do, by `seatrial-wire`: values are handed over beside their text.
//! Without an argument 3,000 Deployments; else those of a file with lines of a path, a tab and the object in JSON.
#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures wall time and prints it")]

use futures::future::join_all;
use http::Request;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Simulation, simulate};
use seatrial_wire::{Sent, answer};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// As the command line tool allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CLIENTS: usize = 8;

fn main() {
    let objects: Vec<(String, Arc<Value>)> = match std::env::args().nth(1) {
        Some(file) => std::fs::read_to_string(file).unwrap().lines().map(split).collect(),
        None => (0..3000).map(deployment).collect(),
    };
    simulate(Simulation::default(), |clock| async move {
        let start = Instant::now();
        let cluster = Cluster::new(clock, ClusterOptions::default());
        let client = cluster.client(Identity::admin());
        answer(&client, Request::get("/api/v1/namespaces").body(Vec::new()).unwrap()).await.unwrap();
        println!("first answer after {:?}", start.elapsed());
        for round in ["create", "no-op"] {
            let start = Instant::now();
            let work =
                (0..CLIENTS).map(|first| apply(client.clone(), objects.iter().skip(first).step_by(CLIENTS)));
            join_all(work).await;
            println!("{round} {:.0}", objects.len() as f64 / start.elapsed().as_secs_f64());
        }
    })
    .unwrap();
}

async fn apply(client: kube::Client, objects: impl Iterator<Item = &(String, Arc<Value>)>) {
    for (path, object) in objects {
        let mut request = Request::patch(format!("{path}?fieldManager=bench&force=true"))
            .header("content-type", "application/apply-patch+yaml")
            .body(object.to_string().into_bytes())
            .unwrap();
        request.extensions_mut().insert(Sent(object.clone()));
        answer(&client, request).await.unwrap();
    }
}

fn split(line: &str) -> (String, Arc<Value>) {
    let (path, object) = line.split_once('\t').unwrap();
    (path.to_owned(), Arc::new(serde_json::from_str(object).unwrap()))
}

fn deployment(i: usize) -> (String, Arc<Value>) {
    let name = format!("app-{i}");
    let labels = json!({"app": name});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}]}]}}}});
    (format!("/apis/apps/v1/namespaces/default/deployments/{name}"), Arc::new(object))
}
