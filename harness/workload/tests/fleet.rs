//! What two clusters of a usual size cost. `cargo test --release -p seatrial-workload --test fleet -- --nocapture`

#[allow(dead_code, reason = "each test target uses its part of it")]
mod world;

use serde_json::json;
use world::{deployment, is_current, run};

#[test]
#[allow(clippy::disallowed_methods, reason = "measures")]
fn two_clusters_of_fifty_objects() {
    let mut requests = 0;
    let start = std::time::Instant::now();
    for seed in [1, 2] {
        requests += run(seed, json!([]), |world| async move {
            for i in 0..15 {
                world.create("apps/v1/deployments", deployment(&format!("web-{i}"), "app:1", 2)).await;
                let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("web-{i}")},
                    "spec": {"selector": {"app": format!("web-{i}")}, "ports": [{"port": 80}]}});
                world.create("v1/services", service).await;
                let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("web-{i}")}});
                world.create("v1/configmaps", map).await;
            }
            for i in 0..15 {
                world.until("apps/v1/deployments", &format!("web-{i}"), 20, is_current).await;
            }
            world.sleep(1).await;
            world.cluster.log().len()
        });
    }
    println!("{requests} writes in {:?}", start.elapsed());
    assert!(requests > 300, "everything was made");
}
