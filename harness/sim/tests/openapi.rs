//! What kubectl needs of the OpenAPI documents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http_client;

use http_body_util::BodyExt as _;
use http_client::Server;
use rstest::rstest;
use seatrial_time::{Simulation, simulate};
use serde_json::{Value, json};

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "description": "A widget.", "properties": {"spec": {"type": "object",
                    "properties": {"size": {"type": "integer", "default": 1},
                        "port": {"x-kubernetes-int-or-string": true}}}}}}}]}})
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Server) -> F) {
    simulate(Simulation::default(), |clock| async move {
        let server = Server::start(clock.clone());
        server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition()).await;
        clock.sleep(std::time::Duration::from_secs(1)).await;
        test(server).await;
    })
    .unwrap();
}

/// The address of a document, as the index gives it.
async fn address(server: &Server, path: &str) -> String {
    let index = server.get("/openapi/v3").await.json();
    index["paths"][path]["serverRelativeURL"].as_str().expect("the index has the path").to_owned()
}

#[rstest]
#[case::built_in("apis/apps/v1", "io.k8s.api.apps.v1.Deployment", "Deployment", "apps")]
#[case::core("api/v1", "io.k8s.api.core.v1.Pod", "Pod", "")]
#[case::custom("apis/example.com/v1", "com.example.v1.Widget", "Widget", "example.com")]
fn kinds_stand_in_the_document_of_their_version(
    #[case] path: &'static str,
    #[case] name: &'static str,
    #[case] kind: &'static str,
    #[case] group: &'static str,
) {
    run(|server| async move {
        let document = server.get(&address(&server, path).await).await.json();
        let schema = &document["components"]["schemas"][name];
        let gvk = json!({"group": group, "version": "v1", "kind": kind});
        assert!(schema["x-kubernetes-group-version-kind"].as_array().unwrap().contains(&gvk), "{schema}");
        // kubectl looks here for what a patch may ask for.
        let mut operations = document["paths"].as_object().unwrap().values().map(|item| &item["patch"]);
        let patch = operations.find(|o| o["x-kubernetes-group-version-kind"] == gvk).unwrap();
        let parameters: Vec<&str> =
            patch["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(parameters, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    });
}

#[test]
fn every_reference_of_a_document_is_in_it() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                    found.push(target.rsplit('/').next().unwrap().to_owned());
                }
                map.values().for_each(|v| references(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| references(v, found)),
            _ => {}
        }
    }
    run(|server| async move {
        let index = server.get("/openapi/v3").await.json();
        let mut addresses: Vec<(String, &str)> = index["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|p| (p["serverRelativeURL"].as_str().unwrap().to_owned(), "/components/schemas"))
            .collect();
        addresses.push(("/openapi/v2".to_owned(), "/definitions"));
        for (address, schemas) in addresses {
            let document = server.get(&address).await.json();
            let mut found = Vec::new();
            references(&document, &mut found);
            let known = document.pointer(schemas).unwrap();
            let missing: Vec<&String> =
                found.iter().filter(|name| known.get(name.as_str()).is_none()).collect();
            assert!(missing.is_empty(), "{address}: {missing:?}");
        }
    });
}

#[test]
fn merge_keys_and_list_types_are_published() {
    run(|server| async move {
        let document = server.get(&address(&server, "apis/apps/v1").await).await.json();
        let containers =
            &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(containers["x-kubernetes-patch-strategy"], "merge");
        assert_eq!(containers["x-kubernetes-list-map-keys"], json!(["name"]));
        let custom = server.get(&address(&server, "apis/example.com/v1").await).await.json();
        let spec =
            &custom["components"]["schemas"]["com.example.v1.Widget"]["properties"]["spec"]["properties"];
        assert_eq!(spec["size"], json!({"type": "integer", "default": 1}));
        assert_eq!(spec["port"]["anyOf"], json!([{"type": "integer"}, {"type": "string"}]));
    });
}

#[test]
fn a_document_that_a_client_has_is_not_sent_again() {
    run(|server| async move {
        let address = address(&server, "apis/apps/v1").await;
        let first = server.open("GET", &address, &[], String::new()).await;
        assert_eq!(first.headers()["cache-control"], "public, immutable");
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = server.open("GET", &address, &[("if-none-match", &tag)], String::new()).await;
        assert_eq!(again.status(), 304);
        assert!(again.into_body().collect().await.unwrap().to_bytes().is_empty());
        let stale = server.open("GET", "/openapi/v3/apis/apps/v1?hash=OLD", &[], String::new()).await;
        assert_eq!(
            (stale.status().as_u16(), stale.headers()["location"].to_str().unwrap()),
            (301, address.as_str())
        );
    });
}

#[test]
fn a_changed_definition_has_another_address() {
    run(|server| async move {
        let before = address(&server, "apis/example.com/v1").await;
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com";
        let patch = json!([{"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status",
            "value": {"type": "object"}}]);
        assert_eq!(server.patch(path, "application/json-patch+json", patch).await.code, 200);
        assert_ne!(address(&server, "apis/example.com/v1").await, before);
    });
}

#[rstest]
#[case::json("application/json", 200, "application/json")]
#[case::client_go(
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    200,
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
)]
#[case::older_client_go(
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    200,
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
)]
#[case::neither("text/html", 406, "application/json")]
fn version_two_comes_as_json_and_protobuf(
    #[case] accept: &'static str,
    #[case] code: u16,
    #[case] media: &'static str,
) {
    run(|server| async move {
        let reply = server.open("GET", "/openapi/v2", &[("accept", accept)], String::new()).await;
        assert_eq!(
            (reply.status().as_u16(), reply.headers()["content-type"].to_str().unwrap()),
            (code, media)
        );
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        if media.ends_with("protobuf") {
            // Document{swagger: "2.0", ...}
            assert!(body.starts_with(b"\x0a\x032.0"));
            assert!(body.windows(21).any(|w| w == b"com.example.v1.Widget"));
        }
    });
}
