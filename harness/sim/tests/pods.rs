//! Pods that answer: the service proxy and logs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use http::Request;
use seatrial_sim::{Cluster, ClusterOptions, Identity, PodAnswer, PodNetwork, PodRequest};
use seatrial_time::Clock;
use serde_json::{Value, json};

struct Echo;

impl PodNetwork for Echo {
    fn http(&self, pod: &Value, request: &PodRequest<'_>) -> PodAnswer {
        match (pod["metadata"]["name"].as_str(), request.port) {
            (Some("web"), 8080) => PodAnswer::Http {
                code: 409,
                headers: vec![("content-type".to_owned(), "text/x-echo".to_owned())],
                body: format!(
                    "{} {}?{} {}",
                    request.method,
                    request.path,
                    request.query,
                    String::from_utf8_lossy(request.body)
                )
                .into_bytes(),
            },
            (Some("web"), _) => PodAnswer::Closed,
            _ => PodAnswer::Unknown,
        }
    }

    fn log(&self, pod: &Value, container: &str) -> Option<String> {
        (pod["metadata"]["name"] == "web").then(|| format!("one\ntwo\n{container}\n"))
    }
}

async fn ask(cluster: &Cluster, method: &str, path: &str, body: &str) -> (u16, String) {
    use http_body_util::BodyExt as _;
    use tower::Service as _;
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body.to_owned()))).unwrap();
    let response = cluster.mount(Identity::admin()).call(request).await.unwrap();
    let code = response.status().as_u16();
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let message =
        serde_json::from_str::<Value>(&text).ok().and_then(|v| v["message"].as_str().map(str::to_owned));
    (code, message.unwrap_or(text))
}

async fn cluster() -> Cluster {
    let cluster = Cluster::new(Clock::wall(), ClusterOptions::default());
    cluster.set_network(Arc::new(Echo));
    for name in ["web", "other"] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
        create(&cluster, "/api/v1/namespaces/default/pods", &pod).await;
    }
    for (service, pod) in [("web", Some("web")), ("other", Some("other")), ("empty", None), ("none", None)] {
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": service}, "spec": {"ports": [{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 81}]}});
        create(&cluster, "/api/v1/namespaces/default/services", &object).await;
        if service == "none" {
            continue;
        }
        let endpoints = pod.map(|pod| json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod}}));
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}},
            "endpoints": endpoints.into_iter().collect::<Vec<_>>(),
            "ports": [{"name": "a", "port": 8080}, {"name": "b", "port": 81}],
        });
        create(&cluster, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", &slice).await;
    }
    cluster
}

async fn create(cluster: &Cluster, path: &str, object: &Value) {
    let (code, text) = ask(cluster, "POST", path, &object.to_string()).await;
    assert_eq!(code, 201, "{text}");
}

/// The texts of the first six are kube-apiserver's.
#[tokio::test]
async fn services_are_reached_through_the_proxy() {
    let cluster = cluster().await;
    for (path, code, expected) in [
        ("http:nope:/proxy/x", 404, "services \"nope\" not found"),
        ("web:9999/proxy/x", 503, "no service port 9999 found for service \"web\""),
        ("foo:web:80/proxy/x", 400, "invalid service request \"foo:web:80\""),
        ("a:b:c:d/proxy/x", 400, "invalid service request \"a:b:c:d\""),
        ("none:80/proxy/x", 404, "services \"none\" not found"),
        ("empty:80/proxy/x", 503, "no endpoints available for service \"empty\""),
        ("http:web:a/proxy/v1/x?q=1", 409, "POST /v1/x?q=1 body"),
        ("web:80/proxy", 409, "POST /? body"),
        ("web:/proxy/x", 503, "no endpoints available for service \"web\""),
        (
            "other:80/proxy/x",
            501,
            "the simulated API server does not support the subresource services/proxy to a pod that nobody simulates",
        ),
    ] {
        let (seen, text) =
            ask(&cluster, "POST", &format!("/api/v1/namespaces/default/services/{path}"), "body").await;
        assert_eq!((seen, text.as_str()), (code, expected), "{path}");
    }
    let (code, text) = ask(&cluster, "GET", "/api/v1/namespaces/default/services/web:b/proxy/x", "").await;
    assert_eq!(code, 503);
    assert!(text.starts_with("error trying to reach service: dial tcp "), "{text}");
}

#[tokio::test]
async fn pods_that_somebody_simulates_have_logs() {
    let cluster = cluster().await;
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(ask(&cluster, "GET", &format!("{pods}/web/log"), "").await, (200, "one\ntwo\nc\n".to_owned()));
    assert_eq!(ask(&cluster, "GET", &format!("{pods}/web/log?tailLines=1"), "").await.1, "c\n");
    assert_eq!(ask(&cluster, "GET", &format!("{pods}/other/log"), "").await.0, 501);
}
