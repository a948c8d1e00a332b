//! The engine on a real API server. Opt-in: `SEATRIAL_TEST_API=http://127.0.0.1:8001` (a `kubectl proxy`) names it.
//!
//! The server is taken as it is, and objects of an earlier run are removed first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use seatrial_time::Clock;
use serde_json::{Value, json};
use support::*;

async fn clear(world: &World) {
    for name in ["apps", "infra", "bad"] {
        if !world.get(&ks(name)).await.is_null() {
            world.delete(&ks(name)).await;
            world.until(&ks(name), 30, Value::is_null).await;
        }
    }
    if !world.get(SOURCE).await.is_null() {
        world.delete(SOURCE).await;
        world.until(SOURCE, 30, Value::is_null).await;
    }
    for name in ["one", "two"] {
        if !world.get(&cm(name)).await.is_null() {
            world.delete(&cm(name)).await;
        }
    }
}

#[test]
fn a_fleet_is_brought_to_a_real_api_server() {
    let Ok(url) = std::env::var("SEATRIAL_TEST_API") else {
        eprintln!("skipped: SEATRIAL_TEST_API names no API server");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = kube::Config::new(url.parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let mut world = World::new(Clock::wall(), client, None).await;
        clear(&world).await;
        world.write("apps/one.yaml", &cm_file("one", "1")).write("apps/two.yaml", &cm_file("two", "2"));
        let revision = world.commit("Start");
        world.source().await;
        let source = world.until(SOURCE, 70, |s| s["status"]["artifact"]["revision"] == revision).await;
        assert_eq!(ready(&source)["message"], format!("stored artifact for revision '{revision}'"));
        world.kustomization("apps", "./apps", json!({})).await;
        let apps = world.ready("apps", &revision).await;
        assert_eq!(ready(&apps)["message"], format!("Applied revision: {revision}"));
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
        world.remove("apps/two.yaml");
        let revision = world.commit("Remove two");
        world
            .merge(SOURCE, json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}))
            .await;
        world.ready("apps", &revision).await;
        assert!(world.get(&cm("two")).await.is_null());
        world.delete(&ks("apps")).await;
        world.until(&ks("apps"), 30, Value::is_null).await;
        assert!(world.get(&cm("one")).await.is_null());
    });
}
