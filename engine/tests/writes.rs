//! A reconcile of what is as it should be writes nothing: counted in front of the API server, request by request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use rstest::rstest;
use seatrial_api::FluxRelease::{self, V2_2_3, V2_9};
use serde_json::{Value, json};
use std::time::Duration;
use support::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A claim, which is healthy when somebody binds it.
const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n  namespace: default\n\
                     spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
const CLAIM_PATH: &str = "/api/v1/namespaces/default/persistentvolumeclaims/data";

/// A cluster on which the revision of a Kustomization with these fields is applied, by an engine behind the gate.
async fn settle(world: &mut World, gate: &Gate, fields: &Value) {
    world.gate(gate);
    world.start();
    world.write("apps/one.yaml", &cm_file("one", "v${value:-1}")).write("apps/claim.yaml", CLAIM);
    world.write("apps/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: apps\n");
    let revision = world.commit("Start");
    world.source().await;
    world.kustomization("apps", "./apps", fields.clone()).await;
    world.until(CLAIM_PATH, 60, |claim| !claim.is_null()).await;
    world.merge(&format!("{CLAIM_PATH}/status"), json!({ "status": { "phase": "Bound" } })).await;
    world.ready("apps", &revision).await;
    world.clock.sleep(MINUTE * 2).await;
}

/// Changes something that nobody manages, so that what was idle looks again.
async fn stir(world: &World, round: u32) {
    world
        .apply(json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "other", "namespace": "default" }, "data": { "round": round.to_string() } }))
        .await;
}

#[rstest]
#[case::plain(json!({}))]
#[case::wait(json!({ "wait": true }))]
#[case::health_checks(json!({ "healthChecks": [{ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "data",
    "namespace": "default" }] }))]
#[case::health_expressions(json!({ "wait": true, "healthCheckExprs": [{ "apiVersion": "v1",
    "kind": "PersistentVolumeClaim", "current": "status.phase == 'Bound'" }] }))]
#[case::substitution(json!({ "postBuild": { "substitute": { "value": "2" } }, "wait": true }))]
#[case::labels(json!({ "commonMetadata": { "labels": { "team": "x" }, "annotations": { "a": "b" } } }))]
#[case::without_prune(json!({ "prune": false, "force": true }))]
fn a_second_reconcile_of_an_unchanged_revision_writes_nothing(
    #[case] fields: Value,
    #[values(V2_9, V2_2_3)] flux: FluxRelease,
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    if flux == V2_2_3 && fields.get("healthCheckExprs").is_some() {
        // It has no such field, and refuses it.
        return;
    }
    play_at(place, flux, &[], |mut world, cluster| async move {
        let gate = Gate::open();
        let mut fields = fields;
        fields["interval"] = "1m".into();
        settle(&mut world, &gate, &fields).await;
        let (before, log) = (gate.writes().len(), cluster.log().len());
        assert!(before > 5, "the engine writes through the gate: {:?}", gate.writes());
        for round in 1..=3 {
            let reads = gate.reads();
            stir(&world, round).await;
            world.clock.sleep(MINUTE * 3).await;
            assert!(gate.reads() > reads, "nothing was reconciled");
        }
        assert_eq!(gate.writes()[before..], [] as [String; 0]);
        assert_eq!(cluster.log().len() - log, 3, "somebody else writes");
    });
}

#[rstest]
#[case::same_storage(false)]
#[case::empty_storage(true)]
fn the_first_reconcile_after_a_restart_writes_nothing(
    #[case] empty: bool,
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    play_at(place, V2_9, &[], |mut world, cluster| async move {
        settle(&mut world, &Gate::open(), &json!({ "interval": "1m", "wait": true })).await;
        let (gate, log) = (Gate::open(), cluster.log().len());
        world.gate(&gate);
        if empty {
            world.restart_empty();
        } else {
            world.start();
        }
        world.clock.sleep(MINUTE * 3).await;
        assert!(gate.reads() > 10, "nothing was reconciled");
        assert_eq!(gate.writes(), [] as [String; 0]);
        assert_eq!(cluster.log().len(), log);
    });
}

#[rstest]
fn a_failure_that_goes_on_is_written_once(#[values(Place::Here, Place::Elsewhere)] place: Place) {
    play_at(place, V2_9, &[], |mut world, _| async move {
        let gate = Gate::open();
        world.gate(&gate);
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1").replace("default", "missing"));
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "retryInterval": "1m" })).await;
        world.fails("apps", "ReconciliationFailed").await;
        world.clock.sleep(MINUTE * 2).await;
        let (before, reads) = (gate.writes().len(), gate.reads());
        for round in 1..=3 {
            stir(&world, round).await;
            world.clock.sleep(MINUTE * 3).await;
        }
        assert!(gate.reads() > reads, "nothing was tried again");
        assert_eq!(gate.writes()[before..], [] as [String; 0]);
    });
}

#[rstest]
fn a_request_is_answered_in_the_status_and_nowhere_else(
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    play_at(place, V2_9, &[], |mut world, _| async move {
        let gate = Gate::open();
        settle(&mut world, &gate, &json!({ "wait": true })).await;
        let before = gate.writes().len();
        let at = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
        world.merge(&ks("apps"), at).await;
        world.until(&ks("apps"), 30, |ks| ks["status"]["lastHandledReconcileAt"] == "now").await;
        world.clock.sleep(MINUTE * 2).await;
        let writes = gate.writes()[before..].to_vec();
        let status = format!("PATCH {}/status", ks("apps"));
        assert!(writes.contains(&status), "{writes:?}");
        let event = "POST /api/v1/namespaces/flux-system/events";
        assert!(writes.iter().all(|write| *write == status || write == event), "{writes:?}");
    });
}

#[rstest]
fn a_drift_is_one_write_and_what_is_said_of_it(#[values(Place::Here, Place::Elsewhere)] place: Place) {
    play_at(place, V2_9, &[], |mut world, _| async move {
        let gate = Gate::open();
        settle(&mut world, &gate, &json!({ "interval": "1m" })).await;
        let before = gate.writes().len();
        world.merge(&cm("one"), json!({ "data": { "key": "drifted" } })).await;
        world.until(&cm("one"), 120, |one| one["data"]["key"] == "v${value:-1}").await;
        world.clock.sleep(MINUTE * 3).await;
        let writes = gate.writes()[before..].to_vec();
        let objects: Vec<&String> = writes.iter().filter(|write| !write.contains("/events")).collect();
        let applied = format!("PATCH {}", cm("one"));
        assert_eq!(objects.iter().filter(|write| **write == &applied).count(), 1, "{writes:?}");
        let status = format!("PATCH {}/status", ks("apps"));
        assert!(objects.iter().all(|write| **write == applied || **write == status), "{writes:?}");
    });
}

#[test]
fn on_a_cluster_elsewhere_a_new_revision_takes_a_dry_run_and_an_apply_for_each_object_and_one_status() {
    play_at(Place::Elsewhere, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        let gate = Gate::open();
        world.gate(&gate);
        world.start();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.clock.sleep(MINUTE / 2).await;
        let reads = || [ks("apps"), SOURCE.to_owned(), cm("one"), cm("two")].map(|path| gate.reads_of(&path));
        let (writes, before) = (gate.writes().len(), reads());
        world.write("apps/two.yaml", &cm_file("two", "1")).write("apps/three.yaml", &cm_file("three", "1"));
        let revision = world.commit("More");
        world
            .merge(
                SOURCE,
                json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } }),
            )
            .await;
        world.ready("apps", &revision).await;
        world.clock.sleep(Duration::from_secs(2)).await;
        let mut found = gate.writes()[writes..].to_vec();
        found.sort();
        let event = "POST /api/v1/namespaces/flux-system/events".to_owned();
        let mut expected = vec![
            format!("PATCH {}", cm("three")),
            format!("PATCH {}", cm("two")),
            format!("PATCH {}/status", ks("apps")),
            format!("PATCH {SOURCE}/status"),
            event.clone(),
            event.clone(),
            event,
        ];
        expected.sort();
        assert_eq!(found, expected);
        // What is there is read and planned, what is new is planned alone.
        let made: Vec<usize> = reads().iter().zip(before).map(|(now, before)| now - before).collect();
        assert_eq!(made, [0, 0, 2, 1]);
    });
}

#[test]
fn work_that_takes_long_on_a_cluster_elsewhere_says_what_it_does() {
    play_at(Place::Elsewhere, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        world.write("apps/claim.yaml", CLAIM);
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "wait": true })).await;
        world.until(CLAIM_PATH, 60, |claim| !claim.is_null()).await;
        world.clock.sleep(Duration::from_secs(3)).await;
        let found = world.get(&ks("apps")).await;
        for type_ in ["Reconciling", "Healthy"] {
            let said = condition(&found, type_)["message"].as_str().unwrap_or_default().to_owned();
            assert!(said.starts_with("Running health checks"), "{type_}: {said}");
        }
        assert_eq!(ready(&found)["status"], "Unknown");
        world.merge(&format!("{CLAIM_PATH}/status"), json!({ "status": { "phase": "Bound" } })).await;
        let found = world.ready("apps", &revision).await;
        assert_eq!(condition(&found, "Healthy")["status"], "True");
        assert!(condition(&found, "Reconciling").is_null());
    });
}

#[test]
fn what_somebody_else_has_deleted_or_made_anew_is_no_ghost_on_a_cluster_elsewhere() {
    play_at(Place::Elsewhere, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "interval": "1m" })).await;
        world.ready("apps", &revision).await;
        for round in 0..3 {
            // Without its finalizer nobody waits for the engine.
            world.merge(&ks("apps"), json!({ "metadata": { "finalizers": null } })).await;
            world.delete(&ks("apps")).await;
            if round == 1 {
                world.clock.sleep(MINUTE * 3).await;
                assert!(world.get(&ks("apps")).await.is_null());
            }
            world.kustomization("apps", "./apps", json!({ "interval": "1m" })).await;
            let made = world.ready("apps", &revision).await;
            assert!(made["metadata"]["finalizers"].is_array(), "{made:#}");
            world.clock.sleep(MINUTE * 2).await;
        }
        world.delete(&ks("apps")).await;
        world.until(&ks("apps"), 60, Value::is_null).await;
        world.until(&cm("one"), 60, Value::is_null).await;
    });
}
