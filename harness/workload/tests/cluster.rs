//! Workloads on a simulated cluster, in virtual time.

#[allow(dead_code, reason = "each test target uses its part of it")]
mod world;

use serde_json::{Value, json};
use world::{condition, deployment, is_current, on_cluster, pod_template, run};

const DEPLOYMENTS: &str = "apps/v1/deployments";
const PODS: &str = "v1/pods";

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
}

#[test]
fn a_deployment_becomes_current_rolls_out_and_rolls_back() {
    on_cluster(json!([]), |world| async move {
        world.create(DEPLOYMENTS, deployment("web", "app:1", 3)).await;
        assert!(world.until(DEPLOYMENTS, "web", 5, is_current).await <= 2);
        world.patch(DEPLOYMENTS, "web", image("app:2")).await;
        assert!(!is_current(&world.get(DEPLOYMENTS, "web").await.unwrap()));
        world.until(DEPLOYMENTS, "web", 20, is_current).await;
        // Pods that are being stopped do not count, here as in the status.
        let mut pods = world.list(PODS).await;
        pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        assert!(pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == "app:2"));
        assert_eq!(pods.len(), 3);
        assert_eq!(world.list("apps/v1/replicasets").await.len(), 2);
        world.patch(DEPLOYMENTS, "web", image("app:1")).await;
        world.until(DEPLOYMENTS, "web", 20, is_current).await;
        let web = world.get(DEPLOYMENTS, "web").await.unwrap();
        assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
        assert_eq!(web["metadata"]["generation"], 3, "only changes of the spec count");
        assert_eq!(world.list("apps/v1/replicasets").await.len(), 2, "the old version is used again");
    });
}

#[test]
fn a_missing_image_runs_into_the_progress_deadline_and_recovers() {
    let profiles = json!([{"selector": {"image": "missing:*"}, "outcome": "imagePullBackOff"}]);
    on_cluster(profiles, |world| async move {
        world.create(DEPLOYMENTS, deployment("web", "missing:1", 1)).await;
        let took = world
            .until(DEPLOYMENTS, "web", 700, |web| {
                condition(web, "Progressing")["reason"] == "ProgressDeadlineExceeded"
            })
            .await;
        assert!((600..=602).contains(&took), "{took}");
        let pods = world.list(PODS).await;
        assert_eq!(
            pods[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
            "ImagePullBackOff"
        );
        assert_eq!(pods[0]["status"]["phase"], "Pending");
        world.workloads.set_profiles(vec![]);
        world.until(DEPLOYMENTS, "web", 3, is_current).await;
    });
}

#[test]
fn an_image_that_is_never_pulled_is_found_once_another_pod_has_pulled_it() {
    on_cluster(json!([]), |world| async move {
        let mut quiet = deployment("quiet", "app:1", 1);
        quiet["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Never".into();
        world.create(DEPLOYMENTS, quiet).await;
        world.sleep(3600).await;
        let pod = world.list(PODS).await.remove(0);
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        let message = "Container image \"app:1\" is not present with pull policy of Never";
        assert_eq!(*waiting, json!({"reason": "ErrImageNeverPull", "message": message}));
        let events = world.list("v1/events").await;
        let told = |reason: &str, message: &str| {
            let same = |event: &&Value| event["reason"] == reason && event["message"] == message;
            events.iter().filter(same).count()
        };
        assert_eq!(told("ErrImageNeverPull", message), 1);
        assert_eq!(told("Failed", "Error: ErrImageNeverPull"), 1);
        world.create(DEPLOYMENTS, deployment("loud", "app:1", 1)).await;
        assert!(world.until(DEPLOYMENTS, "quiet", 20, is_current).await <= 14);
    });
}

#[test]
fn an_image_that_is_never_pulled_is_not_looked_for_while_nothing_changes() {
    // Each look draws an id, so that the next container shows how many there were.
    let next_id = |wait| {
        run(1, json!([]), |world| async move {
            let mut quiet = deployment("quiet", "app:1", 1);
            quiet["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Never".into();
            world.create(DEPLOYMENTS, quiet).await;
            world.sleep(wait).await;
            world.create(DEPLOYMENTS, deployment("loud", "app:2", 1)).await;
            world.until(DEPLOYMENTS, "loud", 20, is_current).await;
            let pods = world.list(PODS).await;
            let loud = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == "loud").unwrap();
            loud["status"]["containerStatuses"][0]["containerID"].clone()
        })
    };
    let early = next_id(60);
    assert!(early.is_string());
    assert_eq!(early, next_id(86_400));
}

#[test]
fn a_crash_loop_never_becomes_available_and_restarts_less_and_less() {
    let profiles = json!([{"selector": {"name": "web"}, "outcome": "crashLoop"}]);
    on_cluster(profiles, |world| async move {
        world.create(DEPLOYMENTS, deployment("web", "app:1", 1)).await;
        world.sleep(3600).await;
        let web = world.get(DEPLOYMENTS, "web").await.unwrap();
        assert_eq!(condition(&web, "Available")["status"], "False");
        let pod = world.list(PODS).await.remove(0);
        let restarts = pod["status"]["containerStatuses"][0]["restartCount"].as_i64().unwrap();
        assert!((14..=18).contains(&restarts), "{restarts} restarts in an hour");
        assert_eq!(pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"], "Error");
    });
}

#[test]
fn a_pod_waits_for_the_config_map_that_it_names() {
    on_cluster(json!([]), |world| async move {
        let mut web = deployment("web", "app:1", 1);
        web["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
            json!([{"configMapRef": {"name": "settings"}}]);
        world.create(DEPLOYMENTS, web).await;
        world.sleep(60).await;
        let pod = world.list(PODS).await.remove(0);
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        assert_eq!(waiting["reason"], "CreateContainerConfigError");
        assert_eq!(waiting["message"], "configmap \"settings\" not found");
        let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}});
        world.create("v1/configmaps", settings).await;
        assert!(world.until(DEPLOYMENTS, "web", 2, is_current).await < 1);
    });
}

#[test]
fn stateful_pods_come_in_order_with_their_claims() {
    on_cluster(json!([]), |world| async move {
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
                "template": pod_template("db", "Always"),
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
                    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}});
        world.create("apps/v1/statefulsets", set).await;
        let took = world
            .until("apps/v1/statefulsets", "db", 10, |db| {
                db["status"]["readyReplicas"] == 2
                    && db["status"]["currentRevision"] == db["status"]["updateRevision"]
            })
            .await;
        assert!((1..=3).contains(&took), "one after the other: {took}");
        let claim = world.get("v1/persistentvolumeclaims", "data-db-1").await.unwrap();
        assert_eq!(claim["status"]["phase"], "Bound");
        world.patch("apps/v1/statefulsets", "db", image("db:2")).await;
        world
            .until("apps/v1/statefulsets", "db", 20, |db| {
                db["status"]["updatedReplicas"] == 2
                    && db["status"]["readyReplicas"] == 2
                    && db["status"]["observedGeneration"] == 2
            })
            .await;
        world.delete("apps/v1/statefulsets", "db").await;
        world.sleep(5).await;
        assert!(world.list(PODS).await.is_empty(), "owned pods are collected and stopped");
        assert!(world.get("v1/persistentvolumeclaims", "data-db-1").await.is_some(), "claims stay");
    });
}

#[test]
fn jobs_succeed_fail_and_are_tried_again() {
    let profiles = json!([
        {"selector": {"name": "doomed"}, "outcome": {"jobFail": {}}},
        {"selector": {"name": "second"}, "outcome": {"jobFail": {"times": 1}}},
    ]);
    on_cluster(profiles, |world| async move {
        for name in ["fine", "doomed", "second"] {
            let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                "spec": {"backoffLimit": 1, "ttlSecondsAfterFinished": 100, "template": pod_template(name, "Never")}});
            world.create("batch/v1/jobs", job).await;
        }
        let complete = |job: &Value| condition(job, "Complete")["status"] == "True";
        assert!(world.until("batch/v1/jobs", "fine", 10, complete).await <= 3);
        assert!(world.until("batch/v1/jobs", "second", 30, complete).await >= 9, "after a pause");
        let failed = |job: &Value| condition(job, "Failed")["reason"] == "BackoffLimitExceeded";
        world.until("batch/v1/jobs", "doomed", 30, failed).await;
        world.sleep(120).await;
        assert!(world.list("batch/v1/jobs").await.is_empty(), "their time to live is over");
    });
}

#[test]
fn cron_jobs_fire_in_virtual_time_and_keep_a_short_history() {
    on_cluster(json!([]), |world| async move {
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"},
            "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": pod_template("tick", "Never")}}}});
        world.create("batch/v1/cronjobs", cron).await;
        world.sleep(6 * 3600 + 30).await;
        let jobs = world.list("batch/v1/jobs").await;
        assert_eq!(jobs.len(), 3, "the limit of the history");
        assert!(jobs.iter().all(|job| condition(job, "Complete")["status"] == "True"));
        let tick = world.get("batch/v1/cronjobs", "tick").await.unwrap();
        assert!(tick["status"]["lastSuccessfulTime"].is_string());
    });
}

#[test]
fn services_get_addresses_and_endpoints_of_ready_pods() {
    on_cluster(json!([]), |world| async move {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
        world.create("v1/services", service).await;
        world.create(DEPLOYMENTS, deployment("web", "app:1", 2)).await;
        world.until(DEPLOYMENTS, "web", 5, is_current).await;
        world.sleep(1).await;
        let service = world.get("v1/services", "web").await.unwrap();
        assert_eq!(service["status"]["loadBalancer"]["ingress"][0]["ip"], "172.18.255.1");
        let slices = world.list("discovery.k8s.io/v1/endpointslices").await;
        let slice =
            slices.iter().find(|s| s["metadata"]["labels"]["kubernetes.io/service-name"] == "web").unwrap();
        let ready =
            slice["endpoints"].as_array().unwrap().iter().filter(|e| e["conditions"]["ready"] == true);
        assert_eq!(ready.count(), 2);
    });
}

#[test]
fn nodes_are_ready_and_namespaces_have_their_account_and_certificates() {
    on_cluster(json!([]), |world| async move {
        world.sleep(1).await;
        assert_eq!(condition(&world.get("v1/nodes", "beta").await.unwrap(), "Ready")["status"], "True");
        assert!(world.get("v1/serviceaccounts", "default").await.is_some());
        assert!(world.get("v1/configmaps", "kube-root-ca.crt").await.is_some());
        world.delete("v1/serviceaccounts", "default").await;
        world.until("v1/serviceaccounts", "default", 2, Value::is_object).await;
    });
}

#[test]
fn an_idle_cluster_writes_nothing_and_wakes_for_nothing() {
    on_cluster(json!([]), |world| async move {
        world.create(DEPLOYMENTS, deployment("web", "app:1", 2)).await;
        world.until(DEPLOYMENTS, "web", 5, is_current).await;
        world.sleep(10).await;
        let stamp = world.cluster.changes().stamp();
        world.sleep(30 * 24 * 3600).await;
        assert!(stamp.is_current(), "somebody wrote");
    });
}

#[test]
fn the_same_seed_gives_the_same_cluster() {
    let play = |seed| {
        run(seed, json!([]), |world| async move {
            world.create(DEPLOYMENTS, deployment("web", "app:1", 3)).await;
            world.until(DEPLOYMENTS, "web", 5, is_current).await;
            serde_json::to_string(&world.list(PODS).await).unwrap()
        })
    };
    assert_eq!(play(7), play(7));
    assert_ne!(play(7), play(8));
}
