//! No request makes the server panic, and each gets an answer: seeded random requests over paths, queries, media types, patches
//! and the schemas of definitions. `SEATRIAL_FUZZ=N` plays N requests; the default is 3,000.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http_client;

use http_client::Server;
use seatrial_time::{Rng, Simulation, simulate};
use serde_json::{Map, Value, json};

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.below(from.len() as u64) as usize]
}

const WORDS: &[&str] = &[
    "",
    "a",
    "spec",
    "metadata",
    "status",
    "name",
    "data",
    "namespaces",
    "default",
    "pods",
    "configmaps",
    "widgets",
    "deployments",
    "services",
    "events",
    "customresourcedefinitions",
    "scale",
    "log",
    "exec",
    "token",
    "%3",
    "%2F",
    "..",
    "v1",
    "api",
    "apis",
    "apps",
    "batch",
    "fuzz.example.com",
    "openapi",
    "v2",
    "v3",
    "version",
    "finalize",
    "eviction",
    "x\u{e9}",
];

fn path(rng: &mut Rng) -> String {
    const ROOTS: &[&str] = &[
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/fuzz.example.com/v1/namespaces/default/widgets",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/api/v1/namespaces/default/services",
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        "/apis/batch/v1/namespaces/default/jobs",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/openapi/v3",
        "/openapi/v2",
        "/apis",
        "/api",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/api/v1/namespaces/default/serviceaccounts",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    ];
    let mut path = (*pick(rng, ROOTS)).to_owned();
    for _ in 0..rng.below(4) {
        path.push('/');
        const NAMES: &[&str] = &["a", "b", "status", "scale", "log", "w", "default"];
        let name: &&str = pick(rng, NAMES);
        path.push_str(name);
    }
    if rng.below(8) == 0 {
        path = (0..rng.below(7)).map(|_| format!("/{}", pick(rng, WORDS))).collect();
    }
    let query: Vec<String> = (0..rng.below(4))
        .map(|_| {
            let key = pick(
                rng,
                &[
                    "dryRun",
                    "fieldManager",
                    "force",
                    "fieldValidation",
                    "limit",
                    "continue",
                    "labelSelector",
                    "fieldSelector",
                    "resourceVersion",
                    "resourceVersionMatch",
                    "propagationPolicy",
                    "includeObject",
                    "hash",
                    "gracePeriodSeconds",
                    "sendInitialEvents",
                ],
            );
            let value = pick(
                rng,
                &[
                    "All",
                    "m",
                    "true",
                    "Strict",
                    "Warn",
                    "1",
                    "0",
                    "-1",
                    "99999999999999999999",
                    "a%3Db",
                    "a+in+(b",
                    "!a",
                    "a%3E1",
                    "metadata.name%3Da",
                    "Exact",
                    "NotOlderThan",
                    "Foreground",
                    "Orphan",
                    "None",
                    "Object",
                    "%zz",
                    "6131",
                ],
            );
            format!("{key}={value}")
        })
        .collect();
    if path.is_empty() {
        path.push('/');
    }
    // What the client's own URL type cannot hold does not reach a server.
    let path: String = path.chars().filter(|c| c.is_ascii_graphic()).collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn value(rng: &mut Rng, depth: u32) -> Value {
    match rng.below(if depth == 0 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.below(2) == 0),
        2 => json!(rng.below(5)),
        3 => json!(-(rng.below(1_000_000_000_000) as i64)),
        4 => json!(rng.below(100) as f64 / 7.0),
        5 | 6 => json!(pick(rng, WORDS)),
        7 => (0..rng.below(4)).map(|_| value(rng, depth - 1)).collect(),
        _ => object(rng, depth - 1).into(),
    }
}

fn object(rng: &mut Rng, depth: u32) -> Map<String, Value> {
    const KEYS: &[&str] = &[
        "metadata",
        "spec",
        "status",
        "data",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
        "containers",
        "template",
        "selector",
        "matchLabels",
        "ports",
        "port",
        "replicas",
        "image",
        "$patch",
        "$retainKeys",
        "$deleteFromPrimitiveList/finalizers",
        "$setElementOrder/containers",
        "kind",
        "apiVersion",
        "type",
        "resourceVersion",
        "uid",
        "generateName",
        "conditions",
        "env",
        "value",
        "schema",
        "openAPIV3Schema",
        "versions",
        "properties",
        "items",
        "x-kubernetes-validations",
        "rule",
        "default",
        "pattern",
        "enum",
        "required",
        "additionalProperties",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-preserve-unknown-fields",
        "group",
        "names",
        "plural",
        "scope",
        "served",
        "storage",
        "metrics",
        "time",
        "fieldsV1",
        "deletionTimestamp",
        "creationTimestamp",
        "size",
        "tags",
    ];
    (0..rng.below(6)).map(|_| ((*pick(rng, KEYS)).to_owned(), value(rng, depth))).collect()
}

/// A good body with a few places changed.
fn body(rng: &mut Rng, path: &str) -> Value {
    let mut body = if path.contains("customresourcedefinitions") {
        definition()
    } else if path.contains("widgets") {
        json!({"apiVersion": "fuzz.example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
            "spec": {"size": 1, "tags": ["a"]}})
    } else if path.contains("deployments") {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"selector":
            {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 1}]}]}}}})
    } else if path.contains("pods") {
        json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "x"}]}})
    } else if path.contains("services") {
        json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})
    } else {
        json!({"metadata": {"name": "a"}, "data": {"a": "b"}})
    };
    for _ in 0..rng.below(4) {
        change(rng, &mut body);
    }
    if rng.below(10) == 0 { value(rng, 4) } else { body }
}

fn change(rng: &mut Rng, at: &mut Value) {
    match at {
        Value::Object(map) if !map.is_empty() && rng.below(4) > 0 => {
            let index = rng.below(map.len() as u64) as usize;
            if let Some(inner) = map.values_mut().nth(index) {
                change(rng, inner);
            }
        }
        Value::Object(map) => map.extend(object(rng, 2)),
        Value::Array(list) if !list.is_empty() && rng.below(4) > 0 => {
            let index = rng.below(list.len() as u64) as usize;
            change(rng, &mut list[index]);
        }
        Value::Array(list) => list.push(value(rng, 2)),
        other => *other = value(rng, 2),
    }
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.fuzz.example.com"},
        "spec": {"group": "fuzz.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}, "scale":
                {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer", "minimum": 0, "default": 1},
                        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                        "x-kubernetes-validations": [{"rule": "self.size < 1000"}]},
                    "status": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
}

fn patch(rng: &mut Rng) -> Value {
    if rng.below(2) == 0 {
        return object(rng, 4).into();
    }
    let operations = (0..rng.below(4)).map(|_| {
        json!({"op": pick(rng, &["add", "remove", "replace", "test", "move", "copy", "x"]),
            "path": pick(rng, &["/metadata/labels", "/metadata/name", "/spec/replicas", "/data/a", "", "/", "/spec/tags/-",
                "/spec/tags/0", "/metadata", "/kind", "/a~1b", "/~"]),
            "from": pick(rng, &["/data", "/spec", "/metadata/name"]), "value": value(rng, 2)})
    });
    operations.collect()
}

#[test]
fn no_request_makes_the_server_panic() {
    let count: u64 = std::env::var("SEATRIAL_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    simulate(Simulation::seeded(7), |clock| async move {
        let mut rng = clock.rng("fuzz");
        let server = Server::start(clock.clone());
        server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition()).await;
        for number in 0..count {
            let method = *pick(&mut rng, &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
            let path = path(&mut rng);
            let media = *pick(
                &mut rng,
                &[
                    "application/json",
                    "application/merge-patch+json",
                    "application/strategic-merge-patch+json",
                    "application/json-patch+json",
                    "application/apply-patch+yaml",
                    "application/yaml",
                    "application/vnd.kubernetes.protobuf",
                    "",
                ],
            );
            let accept = *pick(
                &mut rng,
                &[
                    "application/json",
                    "application/json;as=Table;v=v1;g=meta.k8s.io",
                    "*/*",
                    "a;b=c;;",
                    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
                ],
            );
            let value =
                if method == "PATCH" && rng.below(2) == 0 { patch(&mut rng) } else { body(&mut rng, &path) };
            let mut text = value.to_string();
            if rng.below(20) == 0 {
                text.truncate(rng.below(text.len() as u64 + 1) as usize);
                text = text.chars().filter(char::is_ascii).collect();
            }
            if media.ends_with("protobuf") {
                let bytes: String = (0..rng.below(40)).map(|_| char::from(rng.below(128) as u8)).collect();
                text = format!("k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12{bytes}");
            }
            let headers = [("content-type", media), ("accept", accept), ("user-agent", "fuzz/1")];
            let response = server.open(method, &path, &headers, text.clone()).await;
            let code = response.status().as_u16();
            assert!((200..600).contains(&code), "{number}: {method} {path} {media} {text}: {code}");
            if rng.below(50) == 0 {
                clock.sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    })
    .unwrap();
}
