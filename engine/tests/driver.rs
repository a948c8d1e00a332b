//! How many reconcile at once, which objects, when failures are tried again, and how an engine stops.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use rstest::rstest;
use seatrial_api::FluxRelease::V2_9;
use seatrial_engine::{DriverOptions, Engine};
use serde_json::{Value, json};
use std::time::Duration;
use support::*;

const SHARD: &str = "sharding.fluxcd.io/key";

fn claim(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n  namespace: default\n\
         spec:\n  accessModes: [ReadWriteOnce]\n  resources: {{requests: {{storage: 1Gi}}}}\n"
    )
}

fn claim_path(name: &str) -> String {
    format!("/api/v1/namespaces/default/persistentvolumeclaims/{name}")
}

async fn bind(world: &World, name: &str) {
    world.merge(&format!("{}/status", claim_path(name)), json!({ "status": { "phase": "Bound" } })).await;
}

/// Which of the claims a, b, c, … have been applied.
async fn applied(world: &World, names: &[&'static str]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for name in names {
        if !world.get(&claim_path(name)).await.is_null() {
            found.push(*name);
        }
    }
    found
}

#[rstest]
#[case::one(Some(1), 1)]
#[case::two(Some(2), 2)]
#[case::as_in_flux(None, 4)]
#[case::many(Some(20), 6)]
fn so_many_reconcile_at_once_and_the_others_wait_their_turn(
    #[case] concurrent: Option<usize>,
    #[case] expected: usize,
) {
    play(V2_9, |mut world, _| async move {
        let names = ["a", "b", "c", "d", "e", "f"];
        world.options().driver.concurrent = concurrent;
        world.start();
        for name in names {
            world.write(&format!("{name}/claim.yaml"), &claim(name));
        }
        let revision = world.commit("Start");
        world.source().await;
        for name in names {
            world.kustomization(name, &format!("./{name}"), json!({ "wait": true, "timeout": "20m" })).await;
        }
        world.clock.sleep(Duration::from_secs(120)).await;
        // Each waits for its claim, and keeps its turn.
        let first = applied(&world, &names).await;
        assert_eq!(first.len(), expected, "{first:?}");
        if expected < names.len() {
            bind(&world, first[0]).await;
            world.ready(first[0], &revision).await;
            world.clock.sleep(Duration::from_secs(30)).await;
            assert_eq!(applied(&world, &names).await.len(), expected + 1);
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_order_under_a_limit() {
    let order = || {
        let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let out = order.clone();
        play(V2_9, |mut world, _| async move {
            let gate = Gate::open();
            world.gate(&gate);
            world.options().driver.concurrent = Some(2);
            world.start();
            for name in ["a", "b", "c", "d", "e", "f"] {
                world.write(&format!("{name}/one.yaml"), &cm_file(name, "1"));
                world.kustomization(name, &format!("./{name}"), json!({})).await;
            }
            let revision = world.commit("Start");
            world.source().await;
            for name in ["a", "b", "c", "d", "e", "f"] {
                world.ready(name, &revision).await;
            }
            *out.lock().unwrap() = gate.writes();
        });
        std::mem::take(&mut *order.lock().unwrap())
    };
    let (first, second) = (order(), order());
    assert!(first.len() > 30, "{first:?}");
    assert_eq!(first, second);
}

#[rstest]
#[case::one_shard("sharding.fluxcd.io/key=shard1", ["one"])]
#[case::the_rest("!sharding.fluxcd.io/key", ["none"])]
#[case::a_set("sharding.fluxcd.io/key in (shard2, shard3)", ["two"])]
fn an_engine_reconciles_its_shard_alone(
    #[case] selector: &'static str,
    #[case] expected: [&'static str; 1],
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    play_at(place, V2_9, &[], |mut world, _| async move {
        // The source is of no shard: another engine fetches it, into the storage that both share.
        let mut options = world.options().clone();
        options.driver.selector = Some(format!("!{SHARD}"));
        world.engine = None;
        let _sources = Engine::start(options.clone());
        options.driver.selector = Some(selector.to_owned());
        let _shard = (selector != format!("!{SHARD}")).then(|| Engine::start(options));
        for name in ["one", "two", "none"] {
            world.write(&format!("{name}/one.yaml"), &cm_file(name, "1"));
        }
        let revision = world.commit("Start");
        world.source().await;
        for (name, shard) in [("one", Some("shard1")), ("two", Some("shard2")), ("none", None)] {
            world.kustomization(name, &format!("./{name}"), json!({})).await;
            world.merge(&ks(name), json!({ "metadata": { "labels": { SHARD: shard } } })).await;
            // What had no label for a moment was nobody's but the rest's.
            if shard.is_some() {
                world.merge(&ks(name), json!({ "spec": { "interval": "11m" } })).await;
            }
        }
        for name in expected {
            world.ready(name, &revision).await;
        }
        // A new revision of a source that this engine does not reconcile wakes it all the same.
        for name in expected {
            world.write(&format!("{name}/one.yaml"), &cm_file(name, "2"));
        }
        let revision = world.commit("Change");
        for name in expected {
            world.until(&ks(name), 90, |ks| ks["status"]["lastAppliedRevision"] == revision).await;
        }
    });
}

#[test]
fn an_object_that_changes_its_shard_changes_its_engine() {
    play(V2_9, |mut world, _| async move {
        let (one, rest) = (Gate::open(), Gate::open());
        world.engine = None;
        let start = |world: &mut World, gate: &Gate, selector: String| {
            let mut options = world.options().clone();
            options.client = gate.client(&world.client);
            options.driver.selector = Some(selector);
            Engine::start(options)
        };
        let _rest = start(&mut world, &rest, format!("!{SHARD}"));
        let _one = start(&mut world, &one, format!("{SHARD}=shard1"));
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        assert_eq!(one.writes(), [] as [String; 0]);
        world.merge(&ks("apps"), json!({ "metadata": { "labels": { SHARD: "shard1" } } })).await;
        world.clock.sleep(Duration::from_secs(5)).await;
        let before = rest.writes().len();
        world.write("apps/one.yaml", &cm_file("one", "2"));
        let revision = world.commit("Change");
        world.ready("apps", &revision).await;
        let applied = format!("PATCH {}", cm("one"));
        assert!(one.writes().contains(&applied));
        assert!(!rest.writes()[before..].contains(&applied));
    });
}

#[test]
fn an_engine_of_one_namespace_leaves_the_others_alone() {
    play(V2_9, |mut world, _| async move {
        world.options().driver.namespace = Some("flux-system".to_owned());
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        let other = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "apps", "namespace": "default" },
            "spec": { "interval": "1m", "prune": true, "path": "./apps",
                      "sourceRef": { "kind": "GitRepository", "name": "fleet", "namespace": "flux-system" } } });
        world.apply(other).await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.clock.sleep(Duration::from_secs(300)).await;
        let path = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations/apps";
        let other = world.get(path).await;
        assert_eq!(other["spec"]["path"], "./apps");
        assert_eq!(
            (&other["status"]["conditions"], &other["metadata"]["finalizers"]),
            (&Value::Null, &Value::Null)
        );
    });
}

#[test]
fn an_engine_that_stops_says_where_it_stands_and_the_next_goes_on() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/claim.yaml", &claim("data"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "wait": true, "timeout": "20m" })).await;
        world.until(&ks("apps"), 60, |ks| condition(ks, "Healthy")["status"] == "Unknown").await;
        let before = world.clock.now();
        let stopped = world.engine.take().unwrap().stop(Duration::from_secs(30)).await;
        assert_eq!(stopped, Ok(()));
        assert!(world.clock.now().duration_since(before).as_secs() < 10);
        let apps = world.get(&ks("apps")).await;
        assert_eq!(ready(&apps)["reason"], "HealthCheckCanceled");
        assert_eq!(apps["status"]["inventory"]["entries"].as_array().map(Vec::len), Some(1));
        bind(&world, "data").await;
        world.clock.sleep(Duration::from_secs(120)).await;
        assert_eq!(ready(&world.get(&ks("apps")).await)["status"], "False", "somebody still reconciles");
        world.start();
        world.ready("apps", &revision).await;
    });
}

#[test]
fn what_does_not_end_in_time_is_named() {
    play(V2_9, |mut world, _| async move {
        // Its third write is never answered.
        world.gate(&Gate::deadly(Kill::Before(3)));
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        world.commit("Start");
        world.source().await;
        world.clock.sleep(Duration::from_secs(60)).await;
        let stopped = world.engine.take().unwrap().stop(Duration::from_secs(5)).await;
        let text = stopped.unwrap_err().to_string();
        assert_eq!(text, "end the reconciles of GitRepository/flux-system/fleet in time");
    });
}

#[test]
fn a_fetch_that_fails_is_tried_ever_later_and_at_once_when_it_is_asked_for() {
    play(V2_9, |mut world, _| async move {
        // Nobody tells this engine of changes, as on real clusters, so that every try is made.
        world.options().cluster_changes = None;
        world.options().driver =
            DriverOptions { max_retry_delay: Duration::from_secs(60), ..DriverOptions::default() };
        world.start();
        let git = world.git.clone();
        let tries = || *git.opened.lock().unwrap();
        world.source().await;
        world.fails_at(SOURCE, "GitOperationFailed").await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let before = tries();
            world.clock.sleep(Duration::from_secs(60)).await;
            seen.push(tries() - before);
        }
        // 0.75, 1.5, 3, …, 48 seconds, and then every minute.
        assert!(seen[0] >= 5 && seen[1] <= 2 && seen[3] == 1, "{seen:?}");
        let before = tries();
        let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
        world.merge(SOURCE, asked).await;
        world.clock.sleep(Duration::from_secs(1)).await;
        assert!(tries() > before);
    });
}

#[test]
fn events_on_a_cluster_elsewhere_hold_up_nothing_but_the_end() {
    play_at(Place::Elsewhere, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        let delay = Duration::from_secs(40);
        world.gate(&Gate::slow_for_events(&world.clock, delay));
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        let began = world.clock.now();
        world.ready("apps", &revision).await;
        assert!(world.clock.now().duration_since(began).as_secs() < 10, "it waits for events");
        assert_eq!(world.events("apps").await, [] as [String; 0]);
        world.engine.take().unwrap().stop(Duration::from_secs(300)).await.unwrap();
        let events = world.events("apps").await;
        let reasons: Vec<_> = events.iter().filter_map(|event| event.split(':').next()).collect();
        assert_eq!(reasons, ["Progressing", "ReconciliationSucceeded"]);
    });
}

#[test]
fn events_that_are_not_written_in_time_are_told_with_their_objects() {
    play_at(Place::Elsewhere, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        world.gate(&Gate::slow_for_events(&world.clock, Duration::from_secs(3600)));
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        let stopped = world.engine.take().unwrap().stop(Duration::from_secs(5)).await;
        let text = stopped.unwrap_err().to_string();
        assert!(text.contains("Kustomization/flux-system/apps"), "{text}");
    });
}
