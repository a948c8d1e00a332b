//! Kustomizations on a simulated cluster, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use seatrial_api::FluxRelease::{self, V2_2_3, V2_9};
use serde_json::{Value, json};
use std::time::Duration;
use support::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_git_says_is_applied_and_owned() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world
            .kustomization("apps", "./apps", json!({ "commonMetadata": { "labels": { "team": "x" } } }))
            .await;
        let apps = world.ready("apps", &revision).await;
        assert_eq!(ready(&apps)["reason"], "ReconciliationSucceeded");
        assert_eq!(ready(&apps)["message"], format!("Applied revision: {revision}"));
        assert_eq!(condition(&apps, "Reconciling"), &Value::Null);
        assert_eq!(apps["status"]["observedGeneration"], 1);
        assert_eq!(apps["status"]["lastAttemptedRevision"], revision);
        assert_eq!(
            apps["status"]["inventory"]["entries"],
            json!([{ "id": "default_one__ConfigMap", "v": "v1" }])
        );
        assert_eq!(apps["status"]["history"][0]["lastReconciledStatus"], "ReconciliationSucceeded");
        assert_eq!(apps["metadata"]["finalizers"], json!(["finalizers.fluxcd.io"]));
        let one = world.get(&cm("one")).await;
        assert_eq!(one["data"], json!({ "key": "1" }));
        assert_eq!(
            one["metadata"]["labels"],
            json!({
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                "team": "x",
            })
        );
        let manager = &one["metadata"]["managedFields"][0];
        assert_eq!(
            (&manager["manager"], &manager["operation"]),
            (&json!("kustomize-controller"), &json!("Apply"))
        );
        let events = world.events("apps").await;
        assert!(events.contains(&"Progressing: ConfigMap/default/one created".to_owned()), "{events:?}");
        assert!(
            events.iter().any(|event| {
                event.starts_with("ReconciliationSucceeded: Reconciliation finished in ")
                    && event.ends_with(", next run in 10m0s")
            }),
            "{events:?}"
        );
    });
}

#[test]
fn a_second_reconcile_of_the_same_revision_writes_nothing() {
    play(V2_9, |mut world, cluster| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "interval": "1m", "wait": true })).await;
        world.ready("apps", &revision).await;
        world.clock.sleep(MINUTE * 2).await;
        let before = cluster.log().len();
        world.clock.sleep(MINUTE * 60 * 24).await;
        assert_eq!(cluster.log().len(), before);
        // Now something else changes: the next periods do reconcile, and still write nothing.
        let other = json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "other", "namespace": "default" }, "data": {} });
        for round in 1..=3 {
            let mut other = other.clone();
            other["data"]["round"] = round.to_string().into();
            world.apply(other).await;
            world.clock.sleep(MINUTE * 2).await;
            assert_eq!(cluster.log().len(), before + round);
        }
    });
}

#[test]
fn a_request_by_annotation_is_answered_without_other_changes() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "interval": "24h" })).await;
        world.ready("apps", &revision).await;
        world.merge(&cm("one"), json!({ "data": { "key": "drifted" } })).await;
        let at =
            json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "2026-01-01" } } });
        world.merge(&ks("apps"), at).await;
        world
            .until(&ks("apps"), 10, |ks| {
                ks["status"]["lastHandledReconcileAt"] == "2026-01-01" && ready(ks)["status"] == "True"
            })
            .await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
    });
}

#[test]
fn drift_is_put_back_at_the_next_interval() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.clock.sleep(MINUTE).await;
        world.merge(&cm("one"), json!({ "data": { "key": "drifted" } })).await;
        world.clock.sleep(MINUTE).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "drifted");
        world.until(&cm("one"), 600, |one| one["data"]["key"] == "1").await;
        let events = world.events("apps").await;
        assert!(events.contains(&"Progressing: ConfigMap/default/one configured".to_owned()), "{events:?}");
    });
}

#[test]
fn what_leaves_git_leaves_the_cluster() {
    play(V2_9, |mut world, _| async move {
        let keep = cm_file("keep", "1").replace(
            "metadata:\n",
            "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/prune: Disabled}\n",
        );
        world.write("apps/one.yaml", &cm_file("one", "1")).write("apps/two.yaml", &cm_file("two", "2"));
        world.write("apps/keep.yaml", &keep);
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.remove("apps/two.yaml").remove("apps/keep.yaml");
        let revision = world.commit("Remove");
        let apps = world.ready("apps", &revision).await;
        assert!(world.get(&cm("two")).await.is_null());
        assert_eq!(world.get(&cm("keep")).await["data"]["key"], "1");
        assert_eq!(
            apps["status"]["inventory"]["entries"],
            json!([{ "id": "default_one__ConfigMap", "v": "v1" }])
        );
        let events = world.events("apps").await;
        let pruned = "Progressing: ConfigMap/default/two deleted\nConfigMap/default/keep skipped";
        assert!(events.contains(&pruned.to_owned()), "{events:?}");
    });
}

#[test]
fn without_prune_nothing_is_deleted() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1")).write("apps/two.yaml", &cm_file("two", "2"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "prune": false })).await;
        world.ready("apps", &revision).await;
        world.remove("apps/two.yaml");
        let revision = world.commit("Remove");
        world.ready("apps", &revision).await;
        assert_eq!(world.get(&cm("two")).await["data"]["key"], "2");
        world.delete(&ks("apps")).await;
        world.until(&ks("apps"), 10, Value::is_null).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
    });
}

#[test]
fn a_deleted_kustomization_takes_its_objects_along_unless_it_is_suspended() {
    for (suspended, left) in [(false, false), (true, true)] {
        play(V2_9, |mut world, _| async move {
            world.write("apps/one.yaml", &cm_file("one", "1"));
            let revision = world.commit("Start");
            world.source().await;
            world.kustomization("apps", "./apps", json!({})).await;
            world.ready("apps", &revision).await;
            world.merge(&ks("apps"), json!({ "spec": { "suspend": suspended } })).await;
            world.delete(&ks("apps")).await;
            world.until(&ks("apps"), 10, Value::is_null).await;
            assert_eq!(!world.get(&cm("one")).await.is_null(), left);
        });
    }
}

#[test]
fn a_suspended_kustomization_stands_still() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.merge(&ks("apps"), json!({ "spec": { "suspend": true } })).await;
        world.write("apps/one.yaml", &cm_file("one", "2"));
        let revision = world.commit("Change");
        world.clock.sleep(MINUTE * 30).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
        world.merge(&ks("apps"), json!({ "spec": { "suspend": false } })).await;
        world.ready("apps", &revision).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "2");
    });
}

#[test]
fn a_dependency_holds_its_dependents_back_and_says_so() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        world.write(
            "infra/two.yaml",
            &cm_file("two", "2").replace("namespace: default", "namespace: missing"),
        );
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "dependsOn": [{ "name": "infra" }] })).await;
        let apps = world.fails("apps", "DependencyNotReady").await;
        let message = ready(&apps)["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("dependency 'flux-system/infra' not found: "), "{message}");
        world.kustomization("infra", "./infra", json!({})).await;
        let infra = world.fails("infra", "ReconciliationFailed").await;
        assert_eq!(
            ready(&infra)["message"],
            "ConfigMap/missing/two not found: namespaces \"missing\" not found\n"
        );
        world
            .until(&ks("apps"), 60, |ks| {
                ready(ks)["message"] == "dependency 'flux-system/infra' is not ready"
            })
            .await;
        let events = world.events("apps").await;
        let held = "DependencyNotReady: Dependencies do not meet ready condition, retrying in 30s".to_owned();
        assert!(events.contains(&held), "{events:?}");
        assert!(world.get(&cm("one")).await.is_null());
        world.write("infra/two.yaml", &cm_file("two", "2"));
        let revision = world.commit("Repair");
        world.ready("infra", &revision).await;
        world.ready("apps", &revision).await;
    });
}

#[test]
fn a_cycle_is_reported_and_does_not_spin() {
    play(V2_9, |mut world, cluster| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("a", "./apps", json!({ "dependsOn": [{ "name": "b" }] })).await;
        world.kustomization("b", "./apps", json!({ "dependsOn": [{ "name": "a" }] })).await;
        world.kustomization("self", "./apps", json!({ "dependsOn": [{ "name": "self" }] })).await;
        for (name, message) in [
            ("a", "dependency cycle detected: flux-system/a -> flux-system/b -> flux-system/a"),
            ("b", "dependency cycle detected: flux-system/b -> flux-system/a -> flux-system/b"),
            ("self", "dependency cycle detected: flux-system/self -> flux-system/self"),
        ] {
            let found = world.until(&ks(name), 120, |ks| condition(ks, "Stalled")["status"] == "True").await;
            assert_eq!(ready(&found)["message"], message);
        }
        world.clock.sleep(MINUTE * 2).await;
        let before = cluster.log().len();
        world.clock.sleep(MINUTE * 60).await;
        assert_eq!(cluster.log().len(), before);
        world.merge(&ks("a"), json!({ "spec": { "dependsOn": null } })).await;
        world.ready("b", &revision).await;
    });
}

#[test]
fn a_broken_commit_leaves_the_last_good_state_and_names_the_file() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/kustomization.yaml", "resources: [one.yaml]\n");
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let good = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &good).await;
        world.write("apps/kustomization.yaml", "resources: [one.yaml, missing.yaml]\n");
        let broken = world.commit("Break");
        let apps = world.fails("apps", "BuildFailed").await;
        let message = ready(&apps)["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            message.starts_with("kustomize build failed: ") && message.contains("missing.yaml"),
            "{message}"
        );
        assert_eq!(apps["status"]["lastAttemptedRevision"], broken);
        assert_eq!(apps["status"]["lastAppliedRevision"], good);
        assert_eq!(condition(&apps, "Reconciling")["reason"], "ProgressingWithRetry");
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
    });
}

#[test]
fn a_path_that_is_not_in_the_source_is_named() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./nope", json!({})).await;
        let apps = world.fails("apps", "ArtifactFailed").await;
        let message = ready(&apps)["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with("kustomization path not found: stat /nope: no such file"), "{message}");
    });
}

#[test]
fn an_object_that_never_becomes_healthy_fails_the_check_in_time() {
    play(V2_9, |mut world, _| async move {
        let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n  namespace: default\n\
                     spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
        world.write("apps/claim.yaml", claim);
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({ "wait": true, "timeout": "1m" })).await;
        let apps = world.fails("apps", "HealthCheckFailed").await;
        assert_eq!(
            ready(&apps)["message"],
            "health check failed after 1m0s: timeout waiting for: \
             [PersistentVolumeClaim/default/data status: 'InProgress']"
        );
        assert_eq!(condition(&apps, "Healthy")["status"], "False");
        assert_eq!(apps["status"]["lastAppliedRevision"], Value::Null);
        let path = "/api/v1/namespaces/default/persistentvolumeclaims/data";
        world.merge(&format!("{path}/status"), json!({ "status": { "phase": "Bound" } })).await;
        let apps = world.ready("apps", &revision).await;
        assert_eq!(condition(&apps, "Healthy")["status"], "True");
    });
}

#[test]
fn variables_are_substituted_strictly_from_2_9() {
    let story = |flux: FluxRelease| {
        play(flux, move |mut world, _| async move {
            world.apply(json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "vars", "namespace": "flux-system" }, "data": { "region": "eu", "zone": "a" } })).await;
            world.write("apps/one.yaml", &cm_file("one", "${region}-${zone}-${size:=small}"));
            world.write("bad/two.yaml", &cm_file("two", "x${GONE}x"));
            let revision = world.commit("Start");
            world.source().await;
            let post_build = json!({ "postBuild": {
                "substitute": { "zone": "b" }, "substituteFrom": [{ "kind": "ConfigMap", "name": "vars" }],
            } });
            world.kustomization("apps", "./apps", post_build.clone()).await;
            world.kustomization("bad", "./bad", post_build).await;
            world.ready("apps", &revision).await;
            assert_eq!(world.get(&cm("one")).await["data"]["key"], "eu-b-small");
            if flux == V2_9 {
                let bad = world.fails("bad", "BuildFailed").await;
                assert_eq!(
                    ready(&bad)["message"],
                    "post build failed for 'ConfigMap.v1.[noGrp]/two': envsubst error: variable substitution \
                     failed: variable not set (strict mode): \"GONE\""
                );
            } else {
                world.ready("bad", &revision).await;
                assert_eq!(world.get(&cm("two")).await["data"]["key"], "xx");
            }
        });
    };
    story(V2_9);
    story(V2_2_3);
}

#[test]
fn fields_that_kubectl_set_are_taken_over() {
    play(V2_9, |mut world, _| async move {
        let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "one", "namespace": "default" }, "data": { "key": "0", "old": "x" } });
        let path = "/api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-side-apply";
        world.request("POST", path, "application/json", &object).await.unwrap();
        object["metadata"]["name"] = "two".into();
        world.request("POST", path, "application/json", &object).await.unwrap();
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let merged = cm_file("two", "2")
            .replace("metadata:\n", "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/ssa: Merge}\n");
        world.write("apps/two.yaml", &merged);
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        assert_eq!(world.get(&cm("one")).await["data"], json!({ "key": "1" }));
        assert_eq!(world.get(&cm("two")).await["data"], json!({ "key": "2", "old": "x" }));
    });
}

#[test]
fn fields_that_are_not_supported_are_refused_by_name() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        world.commit("Start");
        world.source().await;
        let metadata = json!({ "name": "remote", "namespace": "flux-system" });
        world
            .apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                "data": { "provider": "generic" } }))
            .await;
        let remote = json!({ "kubeConfig": { "configMapRef": { "name": "remote" } } });
        world.kustomization("apps", "./apps", remote).await;
        let apps = world.fails("apps", "ReconciliationFailed").await;
        assert_eq!(
            ready(&apps)["message"],
            "Seatrial does not support the provider 'generic' of spec.kubeConfig.configMapRef"
        );
    });
}

#[test]
fn an_engine_that_starts_again_with_empty_storage_goes_on() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        world.restart_empty();
        world.merge(&cm("one"), json!({ "data": { "key": "drifted" } })).await;
        world.until(&cm("one"), 700, |one| one["data"]["key"] == "1").await;
        world.ready("apps", &revision).await;
    });
}
