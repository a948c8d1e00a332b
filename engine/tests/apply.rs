//! How objects reach the cluster: stages, modes, force, health by expressions, crashes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use seatrial_api::FluxRelease::V2_9;
use serde_json::{Value, json};
use std::time::Duration;
use support::*;

const WIDGETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.seatrial.test}
spec:
  group: seatrial.test
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";
const WIDGET: &str = "apiVersion: seatrial.test/v1\nkind: Widget\nmetadata: {name: w, namespace: default}\n";
const WIDGET_PATH: &str = "/apis/seatrial.test/v1/namespaces/default/widgets/w";

#[test]
fn a_definition_and_its_first_object_come_in_one_go() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/a-widget.yaml", WIDGET).write("apps/crd.yaml", WIDGETS);
        world.write("apps/kustomization.yaml", "resources: [a-widget.yaml, crd.yaml]\n");
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        assert!(!world.get(WIDGET_PATH).await.is_null());
    });
}

#[test]
fn a_kind_that_does_not_exist_is_named() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/widget.yaml", WIDGET).write("apps/one.yaml", &cm_file("one", "1"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml, widget.yaml]\n");
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        let apps = world.fails("apps", "ReconciliationFailed").await;
        assert_eq!(
            ready(&apps)["message"],
            "Widget/default/w dry-run failed: no matches for kind \"Widget\" in version \"seatrial.test/v1\"\n"
        );
        // A stage of which one object is refused is not written.
        assert!(world.get(&cm("one")).await.is_null());
    });
}

#[test]
fn health_can_be_told_by_expressions() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/widget.yaml", WIDGET).write("apps/crd.yaml", WIDGETS);
        world.write("apps/kustomization.yaml", "resources: [crd.yaml, widget.yaml]\n");
        let revision = world.commit("Start");
        world.source().await;
        let spec = json!({ "wait": true, "timeout": "2m", "healthCheckExprs": [{
            "apiVersion": "seatrial.test/v1", "kind": "Widget",
            "current": "has(status.phase) && status.phase == 'Up'",
            "failed": "has(status.phase) && status.phase == 'Down'",
        }] });
        world.kustomization("apps", "./apps", spec).await;
        world.until(&ks("apps"), 20, |ks| condition(ks, "Healthy")["status"] == "Unknown").await;
        world.until(WIDGET_PATH, 20, |widget| !widget.is_null()).await;
        world.merge(&format!("{WIDGET_PATH}/status"), json!({ "status": { "phase": "Down" } })).await;
        let apps = world.fails("apps", "HealthCheckFailed").await;
        let message = ready(&apps)["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            message.ends_with("failed early due to stalled resources: [Widget/default/w status: 'Failed']"),
            "{message}"
        );
        world.merge(&format!("{WIDGET_PATH}/status"), json!({ "status": { "phase": "Up" } })).await;
        world.ready("apps", &revision).await;
    });
}

#[test]
fn a_new_revision_ends_the_wait_for_an_old_one() {
    play(V2_9, |mut world, _| async move {
        let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: default}\n\
                     spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
        world.write("apps/claim.yaml", claim);
        world.write("apps/kustomization.yaml", "resources: [claim.yaml]\n");
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "wait": true, "timeout": "30m" })).await;
        world.until(&ks("apps"), 20, |ks| condition(ks, "Healthy")["status"] == "Unknown").await;
        world
            .write("apps/kustomization.yaml", "resources: [one.yaml]\n")
            .write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Repair");
        world.until(&ks("apps"), 90, |ks| ks["status"]["lastAppliedRevision"] == revision).await;
    });
}

#[test]
fn an_object_can_be_kept_as_it_is() {
    play(V2_9, |mut world, _| async move {
        let marked = |name: &str, mode: &str| {
            cm_file(name, "git").replace(
                "metadata:\n",
                &format!("metadata:\n  annotations: {{kustomize.toolkit.fluxcd.io/ssa: {mode}}}\n"),
            )
        };
        for name in ["one", "two"] {
            world
                .apply(json!({ "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": { "name": name, "namespace": "default" }, "data": { "key": "people" } }))
                .await;
        }
        world.write("apps/one.yaml", &marked("one", "IfNotPresent"));
        world.write("apps/two.yaml", &marked("two", "Ignore"));
        world.write("apps/three.yaml", &marked("three", "IfNotPresent"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml, two.yaml, three.yaml]\n");
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        let apps = world.ready("apps", &revision).await;
        for (name, value) in [("one", "people"), ("two", "people"), ("three", "git")] {
            assert_eq!(world.get(&cm(name)).await["data"]["key"], value, "{name}");
        }
        let entries = apps["status"]["inventory"]["entries"].to_string();
        // What is ignored is managed all the same.
        assert!(entries.contains("default_one") && entries.contains("default_two"), "{entries}");
    });
}

#[test]
fn what_cannot_be_changed_is_replaced_by_force_alone() {
    play(V2_9, |mut world, _| async move {
        let fixed = |value: &str| cm_file("one", value) + "immutable: true\n";
        world.write("apps/one.yaml", &fixed("1"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml]\n");
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.write("apps/one.yaml", &fixed("2"));
        let revision = world.commit("Change");
        let apps = world.fails("apps", "ReconciliationFailed").await;
        let message = ready(&apps)["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("ConfigMap/default/one dry-run failed (Invalid): "), "{message}");
        world.merge(&ks("apps"), json!({ "spec": { "force": true } })).await;
        world.ready("apps", &revision).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "2");
    });
}

#[test]
fn a_watched_reference_wakes_its_users() {
    play(V2_9, |mut world, _| async move {
        let vars = |value: &str| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "vars", "namespace": "flux-system",
                    "labels": { "reconcile.fluxcd.io/watch": "Enabled" } },
                "data": { "value": value } })
        };
        world.apply(vars("1")).await;
        world.write("apps/one.yaml", &cm_file("one", "v${value}"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml]\n");
        let revision = world.commit("Start");
        world.source().await;
        let from = json!({ "interval": "24h",
            "postBuild": { "substituteFrom": [{ "kind": "ConfigMap", "name": "vars" }] } });
        world.kustomization("apps", "./apps", from).await;
        world.ready("apps", &revision).await;
        world.apply(vars("2")).await;
        world.until(&cm("one"), 5, |one| one["data"]["key"] == "v2").await;
    });
}

#[test]
fn a_kustomization_that_applies_itself_and_others_waits_for_the_others() {
    play(V2_9, |mut world, _| async move {
        let file = |name: &str, path: &str, rest: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
                 flux-system}}\nspec: {{interval: 10m, path: {path}, prune: true, sourceRef: {{kind: GitRepository, \
                 name: fleet}}{rest}}}\n"
            )
        };
        world.write("clusters/self.yaml", &file("flux-system", "./clusters", ", wait: true, timeout: 3m"));
        world.write("clusters/child.yaml", &file("child", "./nope", ""));
        world.write("clusters/kustomization.yaml", "resources: [self.yaml, child.yaml]\n");
        world.commit("Start");
        world.source().await;
        world.kustomization("flux-system", "./clusters", json!({ "wait": true, "timeout": "3m" })).await;
        let parent = world.fails("flux-system", "HealthCheckFailed").await;
        let message = ready(&parent)["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            message.ends_with("timeout waiting for: [Kustomization/flux-system/child status: 'InProgress']"),
            "{message}"
        );
        world
            .write("nope/one.yaml", &cm_file("one", "1"))
            .write("nope/kustomization.yaml", "resources: [one.yaml]\n");
        let revision = world.commit("Repair");
        world.ready("flux-system", &revision).await;
        world.ready("child", &revision).await;
    });
}

/// A fleet that changes; the engine is stopped and started again after `writes` further changes of the cluster, if given.
fn end_state(writes: Option<usize>) -> (Vec<Value>, usize) {
    let (sender, receiver) = std::sync::mpsc::channel();
    play(V2_9, move |mut world, cluster| async move {
        world.write("apps/one.yaml", &cm_file("one", "1")).write("apps/two.yaml", &cm_file("two", "2"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml, two.yaml]\n");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        let start = cluster.log().len();
        let revision = world.commit("Start");
        crash(&mut world, &cluster, start, writes).await;
        world.ready("apps", &revision).await;
        world.remove("apps/two.yaml").write("apps/one.yaml", &cm_file("one", "3"));
        world.write("apps/three.yaml", &cm_file("three", "3"));
        world.write("apps/kustomization.yaml", "resources: [one.yaml, three.yaml]\n");
        let revision = world.commit("Change");
        let written = cluster.log().len() - start;
        crash(&mut world, &cluster, start, writes.filter(|writes| *writes > written)).await;
        let apps = world.ready("apps", &revision).await;
        let mut objects = vec![apps["status"]["inventory"].clone()];
        for name in ["one", "two", "three"] {
            objects.push(world.get(&cm(name)).await["data"].clone());
        }
        sender.send((objects, cluster.log().len() - start)).unwrap();
    });
    receiver.recv().unwrap()
}

async fn crash(world: &mut World, cluster: &seatrial_sim::Cluster, start: usize, writes: Option<usize>) {
    let Some(writes) = writes else { return };
    for _ in 0..200_000 {
        if cluster.log().len() >= start + writes {
            world.restart_empty();
            return;
        }
        world.clock.turn().await;
    }
    // Nothing is written for now: time has to move.
    for _ in 0..120 {
        if cluster.log().len() >= start + writes {
            world.restart_empty();
            return;
        }
        world.clock.sleep(Duration::from_secs(1)).await;
    }
}

#[test]
fn an_engine_that_is_killed_at_any_write_converges_to_the_same_state() {
    let (expected, writes) = end_state(None);
    assert_eq!(expected[2], Value::Null);
    for at in 0..writes {
        assert_eq!(end_state(Some(at)).0, expected, "killed after {at} of {writes} writes");
    }
}
