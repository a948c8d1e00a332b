//! The sealed-secrets controller on a simulated cluster, case by case as the real one (v0.27.1) did it on kube-apiserver.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::Patch;
use seatrial_harness::cluster::{Handle, simulated};
use seatrial_harness::plan::ClusterPlan;
use seatrial_harness::registry::{Registry, UnknownImages};
use seatrial_harness::sealed::SealingKeys;
use seatrial_seal::secret::seal;
use seatrial_seal::{Certificate, Scope};
use seatrial_time::{Clock, Simulation, simulate};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SEALED: &str = "bitnami.com/v1alpha1";

struct World {
    clock: Clock,
    cluster: Handle,
    certificate: Certificate,
}

impl World {
    async fn new(clock: Clock) -> World {
        let keys = SealingKeys::on(&clock);
        let images = Arc::new(Registry::new().images(UnknownImages::Pull));
        let cluster = simulated(&clock, &ClusterPlan::named("beta"), images, &keys);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/sealed-secrets/controller.yaml");
        let text = std::fs::read(file).unwrap();
        let documents = seatrial_yaml::parse(&text, &seatrial_yaml::ParseOptions::default()).unwrap();
        for document in documents {
            let object = document.root.to_json(seatrial_yaml::Dialect::KubernetesJson).unwrap();
            cluster.objects.apply(&object, "test", true).await.unwrap();
        }
        clock.sleep(Duration::from_secs(20)).await;
        // Its pod is ready: it need not have been so for `minReadySeconds`.
        let deployments = cluster.objects.list("apps/v1", "Deployment", Some("kube-system")).await.unwrap();
        let count = |field: &str| deployments[0]["status"][field].as_i64();
        assert_eq!((count("readyReplicas"), count("availableReplicas")), (Some(1), None));
        let secrets = cluster.objects.list("v1", "Secret", Some("kube-system")).await.unwrap();
        let [key] = secrets.as_slice() else { panic!("{} keys", secrets.len()) };
        assert!(key["metadata"]["name"].as_str().unwrap().starts_with("sealed-secrets-key"));
        assert_eq!(
            key["metadata"]["labels"],
            json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"})
        );
        let pem = STANDARD.decode(key["data"]["tls.crt"].as_str().unwrap()).unwrap();
        World { clock, cluster, certificate: Certificate::from_pem(&pem).unwrap() }
    }

    async fn apply(&self, object: &Value) {
        self.cluster.objects.apply(object, "test", true).await.unwrap();
        self.clock.sleep(Duration::from_secs(5)).await;
    }

    /// Applies a SealedSecret of two values, changed as a case asks.
    async fn seal(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "default", "labels": {"l": "v"}, "annotations": {"an": "v"}},
            "stringData": {"j": "z", "k": "bar"},
        });
        let mut sealed = seal(&secret, &self.certificate.key, Scope::Strict).unwrap();
        change(&mut sealed);
        self.apply(&sealed).await;
    }

    async fn secret(&self, name: &str) -> Option<Value> {
        self.cluster
            .objects
            .get("v1", "Secret", Some("default"), name)
            .await
            .unwrap()
            .map(|o| Value::clone(&o))
    }

    async fn patch(&self, name: &str, patch: Value) {
        let objects = &self.cluster.objects;
        let patch = Patch::Merge(patch);
        objects.patch(SEALED, "SealedSecret", Some("default"), name, "test", &patch).await.unwrap();
        self.clock.sleep(Duration::from_secs(5)).await;
    }

    /// Status and message of the condition, and the generation that it is about.
    async fn status(&self, name: &str) -> Value {
        let found =
            self.cluster.objects.get(SEALED, "SealedSecret", Some("default"), name).await.unwrap().unwrap();
        let condition = &found["status"]["conditions"][0];
        json!([condition["status"], condition["message"], found["status"]["observedGeneration"]])
    }
}

fn play<T: Send + 'static, F: Future<Output = T>>(test: impl FnOnce(World) -> F) -> T {
    simulate(Simulation::seeded(3), |clock| async move { test(World::new(clock).await).await }).unwrap()
}

#[test]
fn a_secret_follows_its_sealed_secret() {
    play(|world| async move {
        world.seal("a", |_| {}).await;
        assert_eq!(world.status("a").await, json!(["True", null, 1]));
        let secret = world.secret("a").await.unwrap();
        assert_eq!(secret["data"], json!({"j": "eg==", "k": "YmFy"}));
        assert_eq!(secret["metadata"]["ownerReferences"][0]["controller"], true);
        world.patch("a", json!({"spec": {"encryptedData": {"j": null}, "template": {"metadata": {"labels": {"n": "1"}}}}})).await;
        let secret = world.secret("a").await.unwrap();
        assert_eq!(
            (&secret["data"], &secret["metadata"]["labels"]),
            (&json!({"k": "YmFy"}), &json!({"l": "v", "n": "1"}))
        );
        world.patch("a", json!({"spec": {"template": {"data": {"conf": "v={{ .k | upper }} {{ .nope }}", "k": "over {{ .k }}"}}}})).await;
        let secret = world.secret("a").await.unwrap();
        assert_eq!(
            secret["data"],
            json!({"conf": STANDARD.encode("v=BAR <no value>"), "k": STANDARD.encode("over bar")})
        );
        world.patch("a", json!({"spec": {"template": {"data": {"conf": "v={{ .k "}}}})).await;
        assert_eq!(world.status("a").await, json!(["False", "template: conf:1: unclosed action (conf)", 4]));
        world.patch("a", json!({"spec": {"template": {"data": null}}})).await;
        // A change by hand stays, a deletion does not.
        let objects = &world.cluster.objects;
        let edit = Patch::Merge(json!({"data": {"k": "eA=="}}));
        objects.patch("v1", "Secret", Some("default"), "a", "test", &edit).await.unwrap();
        world.clock.sleep(Duration::from_secs(600)).await;
        assert_eq!(world.secret("a").await.unwrap()["data"]["k"], "eA==");
        objects.delete("v1", "Secret", Some("default"), "a").await.unwrap();
        world.clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(world.secret("a").await.unwrap()["data"]["k"], "YmFy");
        objects.delete(SEALED, "SealedSecret", Some("default"), "a").await.unwrap();
        world.clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(world.secret("a").await, None, "garbage collection");
    });
}

#[test]
fn what_cannot_be_done_is_told_and_left() {
    play(|world| async move {
        world.seal("a", |sealed| sealed["metadata"]["name"] = "wrong".into()).await;
        assert_eq!(world.status("wrong").await, json!(["False", "no key could decrypt secret (j, k)", 1]));
        assert_eq!(world.secret("wrong").await, None);
        let broken = json!({
            "apiVersion": SEALED, "kind": "SealedSecret", "metadata": {"name": "bb", "namespace": "default"},
            "spec": {"encryptedData": {"a": "!!", "b": "AAAA", "c": ""}},
        });
        world.apply(&broken).await;
        let message = "illegal base64 data at input byte 0 (a)\nno key could decrypt secret (b, c)";
        assert_eq!(world.status("bb").await, json!(["False", message, 1]));
        // A Secret of somebody else, with and without leave to touch it.
        let other = |name: &str, annotations: Value| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default", "annotations": annotations},
                "data": {"own": "MQ=="},
            })
        };
        world.apply(&other("un", json!({}))).await;
        world.seal("un", |_| {}).await;
        let message = "failed update: Resource \"un\" already exists and is not managed by SealedSecret";
        assert_eq!(world.status("un").await, json!(["False", message, 1]));
        assert_eq!(world.secret("un").await.unwrap()["data"], json!({"own": "MQ=="}));
        world.apply(&other("p", json!({"sealedsecrets.bitnami.com/patch": "true"}))).await;
        world.seal("p", |_| {}).await;
        assert_eq!(world.status("p").await, json!(["True", null, 1]));
        let patched = world.secret("p").await.unwrap();
        assert_eq!(patched["data"], json!({"j": "eg==", "k": "YmFy", "own": "MQ=="}));
        assert_eq!(patched["metadata"].get("ownerReferences"), None);
        // What the API server refuses.
        world.seal("im", |sealed| sealed["spec"]["template"]["immutable"] = true.into()).await;
        world.patch("im", json!({"spec": {"encryptedData": {"j": null}}})).await;
        let message = "Secret \"im\" is invalid: data: Forbidden: field is immutable when `immutable` is set";
        assert_eq!(world.status("im").await, json!(["False", message, 2]));
        let events = world.cluster.objects.list("v1", "Event", Some("default")).await.unwrap();
        let told = |name: &str, reason: &str, message: &str| {
            events.iter().any(|event| {
                event["involvedObject"]["name"] == name
                    && event["reason"] == reason
                    && event["message"] == message
                    && event["source"]["component"] == "sealed-secrets"
            })
        };
        assert!(told("wrong", "ErrUnsealFailed", "Failed to unseal: no key could decrypt secret (j, k)"));
        assert!(told(
            "un",
            "ErrUpdateFailed",
            "Resource \"un\" already exists and is not managed by SealedSecret"
        ));
        assert!(told("p", "Unsealed", "SealedSecret unsealed successfully"));
        let log =
            world.cluster.sealed.as_ref().unwrap().log("kube-system", "sealed-secrets-controller").unwrap();
        let said = |what: &str| {
            log.lines().filter(|line| line.contains(what) && line.contains("key=default/un")).count()
        };
        assert_eq!((said("will retry"), said("giving up")), (5, 1), "{log}");
    });
}

#[test]
fn a_controller_has_the_rights_of_its_account_and_the_flags_that_are_known() {
    play(|world| async move {
        let objects = &world.cluster.objects;
        let deployment = |arguments: Value| {
            Patch::Strategic(
                json!({"spec": {"template": {"spec": {"containers": [{"name": "sealed-secrets-controller", "args": arguments}]}}}}),
            )
        };
        let set = async |arguments: Value| {
            let (kind, name) = ("Deployment", "sealed-secrets-controller");
            let patch = deployment(arguments);
            objects.patch("apps/v1", kind, Some("kube-system"), name, "test", &patch).await.unwrap();
            world.clock.sleep(Duration::from_secs(120)).await;
        };
        set(json!(["--all-namespaces=false"])).await;
        let events = objects.list("v1", "Event", Some("kube-system")).await.unwrap();
        let refusal = "Seatrial does not run this sealed-secrets controller: the flag --all-namespaces is not supported";
        assert!(
            events.iter().any(|event| event["message"] == refusal && event["type"] == "Warning"),
            "{events:#?}"
        );
        world.seal("a", |_| {}).await;
        assert_eq!(world.secret("a").await, None, "no controller runs");
        set(json!(["--update-status=false"])).await;
        assert_eq!(world.secret("a").await.unwrap()["data"]["k"], "YmFy");
        assert_eq!(world.status("a").await, json!([null, null, null]));
        objects
            .delete("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None, "sealed-secrets-controller")
            .await
            .unwrap();
        world.seal("b", |_| {}).await;
        assert_eq!(world.secret("b").await, None, "it may not");
    });
}
