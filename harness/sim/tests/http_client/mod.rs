//! A small HTTP client for a cluster in this process.
#![allow(dead_code, reason = "each test program uses a part of it")]

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use seatrial_sim::{Cluster, ClusterOptions, Identity, Mount, ResponseBody};
use seatrial_time::Clock;
use serde_json::Value;
use tower::ServiceExt as _;

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) clock: Clock,
    pub(crate) cluster: Cluster,
    mount: Mount,
    /// Bodies of JSON are sent as values as well.
    pub(crate) hands_over: bool,
}

/// What a body says, where it is JSON in which no key stands twice.
fn unambiguous(body: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(body).ok()?;
    let keys = |text: &str| text.matches("\":").count();
    (keys(&value.to_string()) == keys(body)).then_some(value)
}

/// An answer that is complete.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) warnings: Vec<String>,
    pub(crate) media: String,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body, of an answer with this code.
    pub(crate) fn expect(&self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.text);
        self.json()
    }
}

impl Server {
    pub(crate) fn start(clock: Clock) -> Server {
        Server::with_options(clock, ClusterOptions::default())
    }

    pub(crate) fn with_options(clock: Clock, options: ClusterOptions) -> Server {
        let cluster = Cluster::new(clock.clone(), options);
        let mount = cluster.mount(Identity::admin());
        Server { clock, cluster, mount, hands_over: false }
    }

    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> http::Response<ResponseBody> {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(value) = self.hands_over.then(|| unambiguous(&body)).flatten() {
            request = request.extension(seatrial_wire::Sent(value.into()));
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.mount.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let response = self.open(method, path, headers, body).await;
        let code = response.status().as_u16();
        let text = |v: &http::HeaderValue| v.to_str().unwrap_or("").to_owned();
        let warnings = response.headers().get_all("warning").iter().map(text).collect();
        let media = response.headers().get("content-type").map(text).unwrap_or_default();
        let whole = response.extensions().get::<seatrial_wire::Whole>().cloned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        if let Some(seatrial_wire::Whole(value)) = whole {
            // What is handed over within a process is what the text says.
            let mut value = Value::clone(&value);
            seatrial_wire::expand(&mut value);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
        }
        Reply { code, warnings, media, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], String::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, media: &str, body: Value) -> Reply {
        self.send("PATCH", path, &[("content-type", media)], body.to_string()).await
    }

    /// Server-side apply by a manager.
    pub(crate) async fn apply(&self, path: &str, manager: &str, body: Value) -> Reply {
        let path = format!("{path}?fieldManager={manager}");
        self.patch(&path, "application/apply-patch+yaml", body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], String::new()).await
    }
}
