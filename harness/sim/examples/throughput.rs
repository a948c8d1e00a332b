//! How fast objects are applied in process: 3,000 Deployments, created and then applied again unchanged.
#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures wall time and prints it")]

use std::time::Instant;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ListParams, Patch, PatchParams};
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Simulation, simulate};
use serde_json::json;

fn main() {
    simulate(Simulation::default(), |clock| async move {
        let start = Instant::now();
        let cluster = Cluster::new(clock, ClusterOptions::default());
        let api: Api<Deployment> = Api::default_namespaced(cluster.client(Identity::admin()));
        api.list(&ListParams::default()).await.unwrap();
        println!("first answer after {:?}", start.elapsed());
        for round in ["create", "unchanged"] {
            let start = Instant::now();
            for i in 0..3000 {
                let name = format!("app-{i}");
                let labels = json!({"app": name});
                let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                    "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "c", "image": "nginx:1", "ports": [{"containerPort": 80}]}]}}}});
                api.patch(&name, &PatchParams::apply("bench").force(), &Patch::Apply(object)).await.unwrap();
            }
            let took = start.elapsed();
            println!("{round}: {:.0} objects/s", 3000.0 / took.as_secs_f64());
        }
        let start = Instant::now();
        let list = api.list(&ListParams::default()).await.unwrap();
        println!("list of {}: {:?}", list.items.len(), start.elapsed());
    })
    .unwrap();
}
