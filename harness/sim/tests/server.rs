//! The server as clients see it: over raw HTTP, on the virtual clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http_client;

use http_client::Server;
use seatrial_time::{Simulation, simulate};
use serde_json::{Value, json};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn run<F: Future<Output = ()>>(test: impl FnOnce(Server) -> F) {
    simulate(Simulation::default(), |clock| async move { test(Server::start(clock)).await }).unwrap();
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

#[test]
fn an_object_is_created_read_changed_and_deleted() {
    run(|server| async move {
        let created = server.post(CONFIG_MAPS, config_map("x")).await.expect(201);
        assert_eq!(created["metadata"]["namespace"], "default");
        let path = format!("{CONFIG_MAPS}/x");
        assert_eq!(server.get(&path).await.expect(200), created);
        let mut changed = created.clone();
        changed["data"]["a"] = "c".into();
        let updated = server.put(&path, changed).await.expect(200);
        assert_ne!(updated["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"]);
        let status = server.delete(&path).await.expect(200);
        assert_eq!(status["details"]["uid"], created["metadata"]["uid"]);
        server.get(&path).await.expect(404);
    });
}
