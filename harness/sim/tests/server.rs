//! The server as clients see it, on the virtual clock: lifecycle, watches, background work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http_client;

use std::time::Duration;

use http_body_util::BodyExt as _;
use http_client::Server;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use rstest::rstest;
use seatrial_sim::{ChangeKind, ClusterOptions, Identity};
use seatrial_time::{Simulation, simulate};
use serde_json::{Value, json};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn run<T, F: Future<Output = T>>(test: impl FnOnce(Server) -> F) -> T {
    simulate(Simulation::default(), |clock| async move { test(Server::start(clock)).await }).unwrap()
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

fn owned_by(name: &str, owner: &Value, block: bool) -> Value {
    let mut object = config_map(name);
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}]);
    object
}

/// Lets everything that is ready run.
async fn settle(server: &Server) {
    server.clock.sleep(Duration::from_millis(10)).await;
}

/// The events of a watch that ends by itself.
async fn events(server: &Server, query: &str) -> Vec<Value> {
    let path = format!("{CONFIG_MAPS}?watch=true&{query}");
    let reply = server.get(&path).await;
    assert_eq!(reply.code, 200, "{}", reply.text);
    reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn summary(events: &[Value]) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    events
        .iter()
        .map(|e| format!("{} {}", text(&e["type"]), text(&e["object"]["metadata"]["name"])))
        .collect()
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

#[test]
fn writes_that_change_nothing_take_no_resource_version() {
    run(|server| async move {
        let path = format!("{CONFIG_MAPS}/x");
        let first = server.apply(&path, "m", config_map("x")).await.expect(201);
        settle(&server).await;
        server.clock.sleep(Duration::from_secs(60)).await;
        let before = server.cluster.log().len();
        for _ in 0..3 {
            assert_eq!(server.apply(&path, "m", config_map("x")).await.expect(200), first);
        }
        assert_eq!(server.put(&path, first.clone()).await.expect(200), first);
        let merge = "application/merge-patch+json";
        assert_eq!(server.patch(&path, merge, json!({"data": {"a": "b"}})).await.expect(200), first);
        assert_eq!(server.cluster.log().len(), before);
    });
}

#[test]
fn a_dry_run_changes_nothing_and_a_dry_create_has_no_resource_version() {
    run(|server| async move {
        let before = server.cluster.log().len();
        let dry = server.post(&format!("{CONFIG_MAPS}?dryRun=All"), config_map("x")).await.expect(201);
        assert_eq!(dry["metadata"].get("resourceVersion"), None);
        assert_eq!(server.cluster.log().len(), before);
    });
}

#[test]
fn a_watch_shows_changes_in_order_and_ends_at_its_timeout_with_a_bookmark() {
    let seen = run(|server| async move {
        server.post(CONFIG_MAPS, config_map("before")).await.expect(201);
        let version =
            server.get(CONFIG_MAPS).await.json()["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let writer = server.clone();
        let task = server.clock.spawn("writer", async move {
            writer.clock.sleep(Duration::from_secs(1)).await;
            writer.post(CONFIG_MAPS, config_map("x")).await.expect(201);
            let patch = json!({"data": {"a": "c"}});
            writer
                .patch(&format!("{CONFIG_MAPS}/x"), "application/merge-patch+json", patch)
                .await
                .expect(200);
            writer.delete(&format!("{CONFIG_MAPS}/x")).await.expect(200);
        });
        let query = format!("resourceVersion={version}&timeoutSeconds=30&allowWatchBookmarks=true");
        let seen = events(&server, &query).await;
        drop(task);
        seen
    });
    assert_eq!(summary(&seen), ["ADDED x", "MODIFIED x", "DELETED x", "BOOKMARK "]);
    let versions: Vec<u64> = seen
        .iter()
        .map(|e| e["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(versions.is_sorted(), "{versions:?}");
}

#[test]
fn a_change_between_list_and_watch_is_not_lost() {
    let seen = run(|server| async move {
        server.post(CONFIG_MAPS, config_map("x")).await.expect(201);
        let list = server.get(CONFIG_MAPS).await.json();
        server.delete(&format!("{CONFIG_MAPS}/x")).await.expect(200);
        let version = list["metadata"]["resourceVersion"].as_str().unwrap();
        events(&server, &format!("resourceVersion={version}&timeoutSeconds=1")).await
    });
    assert_eq!(summary(&seen), ["DELETED x"]);
}

#[test]
fn initial_events_end_with_a_marked_bookmark() {
    let seen = run(|server| async move {
        server.post(CONFIG_MAPS, config_map("x")).await.expect(201);
        let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";
        events(&server, query).await
    });
    assert_eq!(summary(&seen)[..2], ["ADDED x", "BOOKMARK "]);
    assert_eq!(seen[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[test]
fn an_object_that_begins_or_ceases_to_match_is_added_or_deleted() {
    let seen = run(|server| async move {
        let path = format!("{CONFIG_MAPS}/x");
        let version =
            server.post(CONFIG_MAPS, config_map("x")).await.expect(201)["metadata"]["resourceVersion"]
                .clone();
        let merge = "application/merge-patch+json";
        server.patch(&path, merge, json!({"metadata": {"labels": {"a": "b"}}})).await.expect(200);
        server.patch(&path, merge, json!({"metadata": {"labels": null}})).await.expect(200);
        let query =
            format!("resourceVersion={}&labelSelector=a%3Db&timeoutSeconds=1", version.as_str().unwrap());
        events(&server, &query).await
    });
    assert_eq!(summary(&seen), ["ADDED x", "DELETED x"]);
}

#[test]
fn a_watch_that_begins_too_far_back_is_gone() {
    let seen = simulate(Simulation::default(), |clock| async move {
        let options = ClusterOptions { watch_window: 2, ..ClusterOptions::default() };
        let server = Server::with_options(clock, options);
        let version =
            server.post(CONFIG_MAPS, config_map("x")).await.expect(201)["metadata"]["resourceVersion"]
                .clone();
        for i in 0..5 {
            server.post(CONFIG_MAPS, config_map(&format!("x{i}"))).await.expect(201);
        }
        events(&server, &format!("resourceVersion={}&timeoutSeconds=1", version.as_str().unwrap())).await
    })
    .unwrap();
    assert_eq!((&seen[0]["type"], &seen[0]["object"]["code"]), (&json!("ERROR"), &json!(410)));
}

#[test]
fn a_list_in_pieces_shows_one_moment() {
    run(|server| async move {
        for name in ["a", "b", "c"] {
            server.post(CONFIG_MAPS, config_map(name)).await.expect(201);
        }
        let first = server.get(&format!("{CONFIG_MAPS}?limit=2")).await.expect(200);
        assert_eq!(first["metadata"]["remainingItemCount"], 1);
        server.delete(&format!("{CONFIG_MAPS}/c")).await.expect(200);
        server.post(CONFIG_MAPS, config_map("d")).await.expect(201);
        let token = first["metadata"]["continue"].as_str().unwrap();
        let second = server.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}")).await.expect(200);
        let names: Vec<&Value> =
            second["items"].as_array().unwrap().iter().map(|i| &i["metadata"]["name"]).collect();
        assert_eq!(names, ["c"]);
        assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    });
}

#[rstest]
#[case::background("Background", &[])]
#[case::foreground("Foreground", &[])]
#[case::orphan("Orphan", &["child", "grandchild"])]
fn dependents_follow_their_owner(#[case] policy: &'static str, #[case] left: &'static [&str]) {
    run(|server| async move {
        let owner = server.post(CONFIG_MAPS, config_map("owner")).await.expect(201);
        let child = server.post(CONFIG_MAPS, owned_by("child", &owner, true)).await.expect(201);
        server.post(CONFIG_MAPS, owned_by("grandchild", &child, true)).await.expect(201);
        server.delete(&format!("{CONFIG_MAPS}/owner?propagationPolicy={policy}")).await.expect(200);
        settle(&server).await;
        let list = server.get(CONFIG_MAPS).await.expect(200);
        let names: Vec<&str> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, left);
        if let Some(child) = list["items"].get(0) {
            assert_eq!(child["metadata"].get("ownerReferences"), None);
        }
        let deleted: Vec<String> = server
            .cluster
            .log()
            .iter()
            .filter(|c| c.kind == ChangeKind::Deleted)
            .map(|c| c.object()["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        match policy {
            "Foreground" => assert_eq!(deleted, ["grandchild", "child", "owner"]),
            "Background" => assert_eq!(deleted, ["owner", "child", "grandchild"]),
            _ => assert_eq!(deleted, ["owner"]),
        }
    });
}

#[test]
fn a_dependent_whose_owner_never_was_is_collected_and_one_with_another_owner_stays() {
    run(|server| async move {
        let owner = server.post(CONFIG_MAPS, config_map("owner")).await.expect(201);
        let ghost = json!({"metadata": {"name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"}});
        server.post(CONFIG_MAPS, owned_by("lost", &ghost, false)).await.expect(201);
        let mut shared = owned_by("shared", &owner, false);
        let second = owned_by("x", &ghost, false)["metadata"]["ownerReferences"][0].clone();
        shared["metadata"]["ownerReferences"].as_array_mut().unwrap().push(second);
        server.post(CONFIG_MAPS, shared).await.expect(201);
        settle(&server).await;
        server.get(&format!("{CONFIG_MAPS}/lost")).await.expect(404);
        let shared = server.get(&format!("{CONFIG_MAPS}/shared")).await.expect(200);
        assert_eq!(shared["metadata"]["ownerReferences"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn a_namespace_is_emptied_and_then_goes_and_takes_nothing_new_meanwhile() {
    run(|server| async move {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}});
        server.post("/api/v1/namespaces", body).await.expect(201);
        let held = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
        let path = "/api/v1/namespaces/ns/configmaps";
        server.post(path, held).await.expect(201);
        server.post(path, config_map("free")).await.expect(201);
        let answer = server.delete("/api/v1/namespaces/ns").await.expect(200);
        assert_eq!(answer["status"]["phase"], "Terminating");
        settle(&server).await;
        server.get(&format!("{path}/free")).await.expect(404);
        let refused = server.post(path, config_map("late")).await.expect(403);
        assert_eq!(refused["details"]["causes"][0]["reason"], "NamespaceTerminating");
        let namespace = server.get("/api/v1/namespaces/ns").await.expect(200);
        let messages = namespace["status"]["conditions"].to_string();
        assert!(messages.contains("example.com/hold in 1 resource instances"), "{messages}");
        let patch = json!({"metadata": {"finalizers": null}});
        server.patch(&format!("{path}/held"), "application/merge-patch+json", patch).await.expect(200);
        settle(&server).await;
        server.get("/api/v1/namespaces/ns").await.expect(404);
    });
}

#[test]
fn a_definition_is_served_and_takes_its_objects_with_it() {
    run(|server| async move {
        let version = |name: &str, storage: bool| {
            json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}}}}})
        };
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"}, "versions": [version("v1", true), version("v1beta1", false)]}});
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        server.post(path, definition).await.expect(201);
        settle(&server).await;
        let thing = json!({"apiVersion": "example.com/v1beta1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"x": 1}});
        let things = "/apis/example.com/v1beta1/namespaces/default/things";
        let reply = server.post(things, thing).await;
        assert_eq!(reply.warnings, ["299 - \"unknown field \\\"spec.x\\\"\""]);
        assert_eq!(reply.expect(201)["spec"], json!({"n": 1}));
        let read = server.get("/apis/example.com/v1/namespaces/default/things/t").await.expect(200);
        assert_eq!(read["apiVersion"], "example.com/v1");
        server.delete(&format!("{path}/things.example.com")).await.expect(200);
        settle(&server).await;
        server.get(&format!("{path}/things.example.com")).await.expect(404);
        assert_eq!(server.get(things).await.code, 404);
        let log = server.cluster.log();
        // The server takes its APIServices back as well, whenever it comes to it.
        let others = log.iter().rev().filter(|c| !c.resource.starts_with("apiservices."));
        let last: Vec<String> = others.take(2).map(|c| c.resource.to_string()).collect();
        assert_eq!(last, ["customresourcedefinitions.apiextensions.k8s.io", "things.example.com"]);
    });
}

#[rstest]
#[case::it_was_never_stored(&["v1"], &["v1beta1", "v1"], &["v1"], None)]
#[case::it_was_stored(&["v1beta1"], &["v1beta1"], &["v1"], Some("v1beta1"))]
#[case::it_was_migrated(&["v1"], &["v1beta1"], &["v1"], None)]
fn a_definition_keeps_the_versions_that_were_stored(
    #[case] stored: &'static [&'static str],
    #[case] before: &'static [&'static str],
    #[case] after: &'static [&'static str],
    #[case] missing: Option<&'static str>,
) {
    run(move |server| async move {
        let definition = |versions: &[&str]| {
            let version = |name: &&str| {
                json!({"name": name, "served": true, "storage": *name == *versions.last().unwrap(),
                    "schema": {"openAPIV3Schema": {"type": "object"}}})
            };
            let versions: Vec<Value> = versions.iter().map(version).collect();
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"kind": "Thing", "plural": "things"}, "versions": versions}})
        };
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        server.post(path, definition(before)).await.expect(201);
        settle(&server).await;
        let path = format!("{path}/things.example.com");
        let merge = "application/merge-patch+json";
        let patch = json!({"status": {"storedVersions": stored}});
        server.patch(&format!("{path}/status"), merge, patch).await.expect(200);
        let reply = server.patch(&path, merge, json!({"spec": definition(after)["spec"]})).await;
        let Some(version) = missing else {
            reply.expect(200);
            return;
        };
        assert_eq!(
            reply.expect(422)["message"],
            format!(
                "CustomResourceDefinition.apiextensions.k8s.io \"things.example.com\" is invalid: \
                 status.storedVersions[0]: Invalid value: \"{version}\": missing from spec.versions; {version} was \
                 previously a storage version, and must remain in spec.versions until a storage migration ensures no \
                 data remains persisted in {version} and removes {version} from status.storedVersions"
            )
        );
    });
}

#[test]
fn a_claim_that_a_pod_uses_goes_after_the_pod() {
    run(|server| async move {
        let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
        server.post(claims, claim).await.expect(201);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}});
        server.post("/api/v1/namespaces/default/pods", pod).await.expect(201);
        server.delete(&format!("{claims}/c")).await.expect(200);
        settle(&server).await;
        server.get(&format!("{claims}/c")).await.expect(200);
        server.delete("/api/v1/namespaces/default/pods/p").await.expect(200);
        settle(&server).await;
        server.get(&format!("{claims}/c")).await.expect(404);
    });
}

#[test]
fn a_kube_client_works_on_it() {
    run(|server| async move {
        let api: Api<ConfigMap> = Api::default_namespaced(server.cluster.client(Identity::admin()));
        let object: ConfigMap = serde_json::from_value(config_map("x")).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
        let mut events = Box::pin(api.watch(&WatchParams::default(), "0").await.unwrap());
        let patch = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"c": "d"}}));
        let patched = api.patch("x", &PatchParams::apply("me"), &patch).await.unwrap();
        assert_eq!(patched.data.unwrap().len(), 2);
        assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 1);
        api.delete("x", &DeleteParams::default()).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let event = futures::TryStreamExt::try_next(&mut events).await.unwrap().unwrap();
            seen.push(match event {
                WatchEvent::Added(_) => "added",
                WatchEvent::Modified(_) => "modified",
                WatchEvent::Deleted(_) => "deleted",
                _ => "other",
            });
        }
        assert_eq!(seen, ["added", "modified", "deleted"]);
        let missing = api.get("x").await.unwrap_err();
        assert!(
            matches!(missing, kube::Error::Api(status) if status.code == 404 && status.reason == "NotFound")
        );
    });
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = || {
        run(|server| async move {
            for i in 0..10 {
                let mut object = config_map("");
                object["metadata"] = json!({"generateName": format!("x{i}-")});
                server.post(CONFIG_MAPS, object).await.expect(201);
            }
            let log = server.cluster.log();
            log.iter().map(|c| c.object().to_string()).collect::<Vec<_>>()
        })
    };
    assert_eq!(log(), log());
}

#[test]
fn a_dropped_watch_leaves_nothing_behind() {
    run(|server| async move {
        let path = format!("{CONFIG_MAPS}?watch=true");
        let mut body = server.open("GET", &path, &[], String::new()).await.into_body();
        let task = server.clock.spawn("reader", async move { while body.frame().await.is_some() {} });
        settle(&server).await;
        drop(task);
        settle(&server).await;
        server.post(CONFIG_MAPS, config_map("x")).await.expect(201);
    });
}

#[rstest]
#[case::too_large("POST", CONFIG_MAPS, "application/json", "x", 4_000_000, 413)]
#[case::no_json("POST", CONFIG_MAPS, "application/json", "{", 1, 400)]
#[case::a_list("POST", CONFIG_MAPS, "application/json", "[]", 1, 400)]
#[case::no_protobuf("POST", CONFIG_MAPS, "application/vnd.kubernetes.protobuf", "x", 1, 400)]
#[case::unknown_type("POST", CONFIG_MAPS, "text/plain", "x", 1, 415)]
#[case::json_patch_that_is_none(
    "PATCH",
    "/api/v1/namespaces/default",
    "application/json-patch+json",
    "{}",
    1,
    400
)]
fn bodies_that_cannot_be_read_are_refused(
    #[case] method: &'static str,
    #[case] path: &'static str,
    #[case] media: &'static str,
    #[case] body: &'static str,
    #[case] times: usize,
    #[case] code: u16,
) {
    run(|server| async move {
        let reply = server.send(method, path, &[("content-type", media)], body.repeat(times)).await;
        assert_eq!(reply.code, code, "{}", reply.text);
        assert_eq!(reply.json()["kind"], "Status");
    });
}

/// Forty copies of copies: of all fields beside each other, and of a map into its own innermost one.
#[rstest]
#[case::wide((0..40).map(|n| json!({"op": "copy", "from": "/data", "path": format!("/data/x{n}")})).collect())]
#[case::deep((0..40).map(|n| {
    let place = "/x".repeat((1 << n.min(12)) - 1);
    json!({"op": "copy", "from": "/data", "path": format!("/data{place}/x")})
}).collect())]
fn copies_of_copies_are_refused_before_they_fill_the_memory(#[case] patch: Vec<Value>) {
    run(|server| async move {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
        let created = server.send("POST", CONFIG_MAPS, &[], object.to_string()).await;
        assert_eq!(created.code, 201, "{}", created.text);
        let headers = [("content-type", "application/json-patch+json")];
        let body = Value::from(patch).to_string();
        let reply = server.send("PATCH", &format!("{CONFIG_MAPS}/a"), &headers, body).await;
        assert_eq!(reply.code, 413, "{}", reply.text);
    });
}

async fn plan(server: &Server, path: &str, body: Value) -> http_client::Reply {
    server.patch(&format!("{path}?fieldManager=m&dryRun=All"), "application/apply-patch+yaml", body).await
}

/// An object without what differs from run to run.
fn comparable(mut object: Value) -> Value {
    for field in ["uid", "resourceVersion"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

#[rstest]
#[case::created(None)]
#[case::changed(Some("b"))]
fn an_apply_after_its_dry_run_stores_what_an_apply_alone_would(#[case] before: Option<&'static str>) {
    let applied = |dry_run: bool| {
        run(move |server| async move {
            let path = format!("{CONFIG_MAPS}/x");
            if let Some(value) = before {
                let mut object = config_map("x");
                object["data"] = json!({"a": value, "gone": "soon"});
                server.apply(&path, "m", object).await.expect(201);
            }
            let mut object = config_map("x");
            object["data"] = json!({"a": "c", "new": "d"});
            if dry_run {
                let planned = plan(&server, &path, object.clone()).await;
                assert_eq!(planned.json()["data"], object["data"]);
            }
            let answer = server.apply(&path, "m", object).await;
            let stored = server.get(&path).await.expect(200);
            assert_eq!(answer.json(), stored);
            (answer.code, comparable(stored))
        })
    };
    assert_eq!(applied(true), applied(false));
}

#[test]
fn a_definition_that_is_applied_after_its_dry_run_is_served() {
    let applied = |dry_run: bool| {
        run(move |server| async move {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/owls.farm.test";
            let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "owls.farm.test"},
                "spec": {"group": "farm.test", "scope": "Namespaced", "names": {"plural": "owls", "kind": "Owl"},
                    "versions": [{"name": "v1", "served": true, "storage": true,
                        "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                            "spec": {"type": "object", "properties": {"age": {"type": "integer"}}}}}}}]}});
            if dry_run {
                plan(&server, path, definition.clone()).await.expect(201);
            }
            server.apply(path, "m", definition).await.expect(201);
            settle(&server).await;
            let owl = |age: Value| json!({"apiVersion": "farm.test/v1", "kind": "Owl", "metadata": {"name": "a"}, "spec": {"age": age}});
            let owls = "/apis/farm.test/v1/namespaces/default/owls";
            server.post(owls, owl("old".into())).await.expect(422);
            server.post(owls, owl(3.into())).await.expect(201);
            comparable(server.get(path).await.expect(200))
        })
    };
    assert_eq!(applied(true), applied(false));
}

#[test]
fn a_dry_run_is_worked_out_anew_where_something_has_changed_since() {
    run(|server| async move {
        let path = format!("{CONFIG_MAPS}/x");
        server.apply(&path, "m", config_map("x")).await.expect(201);
        let mut object = config_map("x");
        object["data"] = json!({"a": "c"});
        plan(&server, &path, object.clone()).await.expect(200);
        let mut other = config_map("x");
        other["data"] = json!({"other": "field"});
        server.apply(&path, "other", other).await.expect(200);
        let stored = server.apply(&path, "m", object).await.expect(200);
        assert_eq!(stored["data"], json!({"a": "c", "other": "field"}));
    });
}

#[test]
fn a_protected_class_goes_with_the_last_claim_that_names_it() {
    run(|server| async move {
        let classes = "/apis/storage.k8s.io/v1/volumeattributesclasses";
        let class = json!({"metadata": {"name": "fast"}, "driverName": "d", "parameters": {"a": "b"}});
        server.post(classes, class).await.expect(201);
        let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        let claim = json!({"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}}, "volumeAttributesClassName": "fast"}});
        server.post(claims, claim).await.expect(201);
        let path = format!("{classes}/fast");
        server.delete(&path).await.expect(200);
        settle(&server).await;
        assert!(server.get(&path).await.expect(200)["metadata"]["deletionTimestamp"].is_string());
        server.delete(&format!("{claims}/c")).await.expect(200);
        settle(&server).await;
        server.get(&path).await.expect(404);
    });
}

#[test]
fn labels_that_a_patch_takes_from_a_job_come_back_from_its_template() {
    run(|server| async move {
        let jobs = "/apis/batch/v1/namespaces/default/jobs";
        let pod = json!({"metadata": {"labels": {"a": "b"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
        let created = server
            .post(jobs, json!({"metadata": {"name": "j"}, "spec": {"template": pod}}))
            .await
            .expect(201);
        assert_eq!(created["metadata"]["labels"]["a"], "b");
        let patch = json!({"metadata": {"labels": null}});
        let patched =
            server.patch(&format!("{jobs}/j"), "application/merge-patch+json", patch).await.expect(200);
        assert_eq!(patched["metadata"]["labels"]["a"], "b");
    });
}

#[test]
fn a_dry_run_is_not_carried_out_where_its_namespace_is_going() {
    run(|server| async move {
        server.post("/api/v1/namespaces", json!({"metadata": {"name": "n"}})).await.expect(201);
        let path = "/api/v1/namespaces/n/configmaps/x";
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}});
        plan(&server, path, object.clone()).await.expect(201);
        server.delete("/api/v1/namespaces/n").await.expect(200);
        let refused = server.apply(path, "m", object).await;
        assert!(matches!(refused.code, 403 | 404), "{}", refused.text);
    });
}

#[test]
fn an_apply_after_its_dry_run_asks_for_the_rights_anew() {
    run(|server| async move {
        const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
        let role = |verbs: &[&str]| {
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
                "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]})
        };
        server.post(ROLES, role(&["get", "patch", "create"])).await.expect(201);
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "r"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}]});
        server.post(&ROLES.replace("/roles", "/rolebindings"), binding).await.expect(201);
        let apply = async |query: &str| {
            let headers = [("content-type", "application/apply-patch+yaml"), ("impersonate-user", "jane")];
            let path = format!("{CONFIG_MAPS}/x?fieldManager=m{query}");
            server.send("PATCH", &path, &headers, config_map("x").to_string()).await.code
        };
        assert_eq!(apply("&dryRun=All").await, 201);
        server.put(&format!("{ROLES}/r"), role(&["get", "patch"])).await.expect(200);
        assert_eq!(apply("").await, 403);
        server.put(&format!("{ROLES}/r"), role(&["get", "patch", "create"])).await.expect(200);
        assert_eq!(apply("").await, 201);
    });
}
