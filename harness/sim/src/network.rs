//! Pods that answer: what stands behind the service proxy, and behind the log of a pod.
//!
//! The simulation runs no containers. Who simulates what a container does can say here what it answers and logs.

use http::Method;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::meta;
use crate::object::{Key, Object};
use crate::request::Request;
use crate::route::Target;
use crate::serve::{Answer, Content, Ctx};
use crate::status::{Refusal, Result};

/// A request to a pod.
#[derive(Clone, Copy, Debug)]
pub struct PodRequest<'r> {
    /// The port of the pod.
    pub port: u16,
    /// The method.
    pub method: &'r Method,
    /// The path, with its slash.
    pub path: &'r str,
    /// The query, without its question mark.
    pub query: &'r str,
    /// The body.
    pub body: &'r [u8],
}

/// What a pod answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodAnswer {
    /// Nobody simulates this pod.
    Unknown,
    /// The pod runs, and nobody listens on the port.
    Closed,
    /// An answer.
    Http {
        /// Status.
        code: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
}

/// What pods answer and log. Logs are asked for inside a request, where the cluster must not be asked.
pub trait PodNetwork: Send + Sync {
    /// Answers a request to a pod.
    fn http(&self, pod: &Value, request: &PodRequest<'_>) -> PodAnswer;

    /// The log of a container; `None`: nobody simulates it.
    fn log(&self, pod: &Value, container: &str) -> Option<String>;
}

/// The network of a cluster, once it has one.
#[derive(Default)]
pub(crate) struct Network(pub(crate) OnceLock<Arc<dyn PodNetwork>>);

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "Network(set)" } else { "Network" })
    }
}

/// The log of a pod that has a node.
pub(crate) fn log(ctx: &Ctx<'_>, pod: &Value) -> Option<Result<Answer>> {
    let network = ctx.cluster.0.network.0.get()?;
    let query: Vec<(&str, &str)> =
        ctx.request.query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let containers = pod["spec"]["containers"].as_array()?;
    let first = containers.first()?["name"].as_str().unwrap_or_default();
    let container = value("container").filter(|name| !name.is_empty()).unwrap_or(first);
    let text = network.log(pod, container)?;
    if value("follow") == Some("true") {
        return Some(Err(Refusal::unsupported("following a log")));
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let tail = value("tailLines").and_then(|count| count.parse::<usize>().ok()).unwrap_or(lines.len());
    let shown = lines[lines.len().saturating_sub(tail)..].concat();
    Some(Ok(Answer { code: 200, content: Content::Text(shown.into()) }))
}

/// A request that a pod answers, once the cluster is not locked any more: it may take long.
pub(crate) struct Ask {
    network: Arc<dyn PodNetwork>,
    pod: Arc<Object>,
    port: u16,
    path: String,
}

impl Ask {
    /// The pod's answer.
    pub(crate) fn answer(&self, request: &Request) -> Result<Answer> {
        let asked = PodRequest {
            port: self.port,
            method: &request.method,
            path: &self.path,
            query: &request.query,
            body: &request.body,
        };
        match self.network.http(self.pod.value(), &asked) {
            PodAnswer::Unknown => Err(unknown()),
            PodAnswer::Closed => {
                let address = meta::text(self.pod.value(), &["status", "podIP"]);
                Err(unavailable(format!(
                    "error trying to reach service: dial tcp {address}:{}: connect: connection refused",
                    self.port
                )))
            }
            PodAnswer::Http { code, headers, body } => {
                Ok(Answer { code, content: Content::Proxied { headers, body: body.into() } })
            }
        }
    }
}

fn unknown() -> Refusal {
    Refusal::unsupported("the subresource services/proxy to a pod that nobody simulates")
}

fn unavailable(message: String) -> Refusal {
    Refusal::new(503, "ServiceUnavailable", message)
}

/// Which pod answers a request to a service: `services/[SCHEME:]NAME[:PORT]/proxy/PATH`.
pub(crate) fn service_proxy(ctx: &Ctx<'_>, target: &Target, path: &str) -> Result<Ask> {
    let id = target.name.as_deref().unwrap_or_default();
    let parts: Vec<&str> = id.split(':').collect();
    let invalid = || Refusal::bad_request(format!("invalid service request {id:?}"));
    let (scheme, name, port) = match parts.as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme @ ("" | "http" | "https"), name, port] => (*scheme, *name, *port),
        _ => return Err(invalid()),
    };
    let not_found =
        || Refusal::new(404, "NotFound", format!("services {name:?} not found")).about(name, "", "services");
    let key = Key::new(&target.namespace, name);
    let service = ctx.state.get("services", &key).ok_or_else(not_found)?;
    let ports = service.value()["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let wanted = match port.parse::<u64>() {
        Ok(number) => {
            let found = ports.iter().find(|port| port["port"] == number);
            let none = || unavailable(format!("no service port {number} found for service {name:?}"));
            meta::text(found.ok_or_else(none)?, &["name"]).to_owned()
        }
        // Without a port, the only one, or the one without a name.
        Err(_) if port.is_empty() && ports.len() == 1 => meta::text(&ports[0], &["name"]).to_owned(),
        Err(_) => port.to_owned(),
    };
    let slices: Vec<Value> = slices(ctx, &target.namespace, name);
    if slices.is_empty() {
        return Err(not_found());
    }
    let none = || unavailable(format!("no endpoints available for service {name:?}"));
    let (pod, number) = slices.iter().find_map(|slice| endpoint(slice, &wanted)).ok_or_else(none)?;
    let network = ctx.cluster.0.network.0.get().ok_or_else(unknown)?;
    let pod = ctx.state.get("pods", &Key::new(&target.namespace, &pod)).ok_or_else(none)?;
    if scheme == "https" {
        return Err(unavailable(
            "error trying to reach service: tls: first record does not look like a TLS handshake".to_owned(),
        ));
    }
    Ok(Ask { network: network.clone(), pod: pod.clone(), port: number, path: path.to_owned() })
}

/// The slices of a service.
fn slices(ctx: &Ctx<'_>, namespace: &str, service: &str) -> Vec<Value> {
    let all = ctx.state.objects("endpointslices.discovery.k8s.io", namespace);
    let of = |slice: &Value| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service;
    all.map(|object| object.value().clone()).filter(of).collect()
}

/// The first ready pod of a slice, and its port of that name.
fn endpoint(slice: &Value, port: &str) -> Option<(String, u16)> {
    let ports = slice["ports"].as_array()?;
    let port = ports.iter().find(|known| meta::text(known, &["name"]) == port)?;
    let number = u16::try_from(port["port"].as_u64()?).ok()?;
    let endpoints = slice["endpoints"].as_array()?;
    let ready = |endpoint: &&Value| endpoint["conditions"]["ready"] != false;
    let endpoint = endpoints.iter().find(ready)?;
    Some((endpoint["targetRef"]["name"].as_str()?.to_owned(), number))
}
