//! Requests, and what the server says to them.

use crate::wait::DEADLINE;
use kube::Client;
use seatrial_api::FluxKind;
use seatrial_wire::Stream;
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The server refused; the message is its own.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Reason, such as `NotFound`; may be empty.
        reason: String,
        /// Message.
        message: String,
    },
    /// The server does not serve the kind.
    #[error("no matches for kind {kind:?} in group {group:?}")]
    NoMatch {
        /// Kind.
        kind: String,
        /// API group.
        group: String,
    },
    /// No server answered.
    #[error("no answer from {server}: {reason}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What happened instead.
        reason: String,
    },
    /// The answer was not understood.
    #[error("{0}")]
    Answer(String),
}

impl ApiError {
    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, ApiError::Refused { code: 404, .. })
    }

    /// Whether somebody else wrote in between.
    pub fn is_conflict(&self) -> bool {
        matches!(self, ApiError::Refused { code: 409, .. })
    }
}

/// A kind as a server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// API version, with the group.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Plural, as in URLs.
    pub plural: String,
    /// Whether objects have a namespace.
    pub namespaced: bool,
}

impl Resource {
    /// The path of all objects, in one namespace or in all.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural),
            None => format!("{root}/{}/{}", self.api_version, self.plural),
        }
    }

    /// The path of one object.
    pub fn object(&self, namespace: Option<&str>, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }
}

/// The requests of a [`Session`](crate::Session).
pub(crate) struct Api {
    client: Client,
    server: String,
    groups: Mutex<BTreeMap<String, Arc<Vec<Resource>>>>,
}

const JSON: &str = "application/json";

impl Api {
    pub(crate) fn new(client: Client, server: String) -> Api {
        Api { client, server, groups: Mutex::default() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request; `content` has its media type in front.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, &Value)>,
    ) -> Result<Arc<Value>, ApiError> {
        let request = self.request(method, path, content)?;
        let answer = seatrial_wire::answer(&self.client, request).await;
        answer.and_then(|answer| answer.value()).map_err(|error| self.error(error))
    }

    /// What is said where no answer came in time.
    pub(crate) fn silent(&self) -> ApiError {
        ApiError::Unreachable { server: self.server.clone(), reason: DEADLINE.to_owned() }
    }

    /// Watches what is at `path`.
    pub(crate) async fn watch(&self, path: &str) -> Result<Stream, ApiError> {
        let request = self.request("GET", path, None)?;
        seatrial_wire::events(&self.client, request).await.map_err(|error| self.error(error))
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, &Value)>,
    ) -> Result<http::Request<Vec<u8>>, ApiError> {
        let mut request = http::Request::builder().method(method).uri(path).header("accept", JSON);
        if let Some((media, _)) = content {
            request = request.header("content-type", media);
        }
        let body = content.map(|(_, value)| value.to_string().into_bytes()).unwrap_or_default();
        request.body(body).map_err(|error| ApiError::Answer(error.to_string()))
    }

    fn error(&self, error: kube::Error) -> ApiError {
        match error {
            kube::Error::Api(status) => ApiError::Refused {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            kube::Error::Service(error) => {
                let mut deepest: &(dyn std::error::Error + 'static) = error.as_ref();
                while let Some(source) = deepest.source() {
                    deepest = source;
                }
                ApiError::Unreachable { server: self.server.clone(), reason: deepest.to_string() }
            }
            other => {
                let source = other.source().map(|source| format!(": {source}")).unwrap_or_default();
                ApiError::Answer(format!("{other}{source}"))
            }
        }
    }

    /// The kinds of a group, in its preferred version first. Empty: the server does not serve the group.
    pub(crate) async fn group(&self, group: &str) -> Result<Arc<Vec<Resource>>, ApiError> {
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner).get(group).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut resources = Vec::new();
        for version in self.versions(group).await? {
            let root = if version.contains('/') { "/apis" } else { "/api" };
            let list = self.send("GET", &format!("{root}/{version}"), None).await?;
            resources.extend(kinds(&version, &list));
        }
        let resources = Arc::new(resources);
        if resources.is_empty() {
            // A definition may come, and be served, while the verb works.
            return Ok(resources);
        }
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.insert(group.to_owned(), Arc::clone(&resources));
        Ok(resources)
    }

    /// Asks for the group anew the next time: a definition may have come.
    pub(crate) fn forget(&self, group: &str) {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).remove(group);
    }

    async fn versions(&self, group: &str) -> Result<Vec<String>, ApiError> {
        if group.is_empty() {
            return Ok(vec!["v1".to_owned()]);
        }
        match self.send("GET", &format!("/apis/{group}"), None).await {
            Ok(found) => {
                let preferred = found["preferredVersion"]["groupVersion"].as_str();
                let all = found["versions"].as_array().into_iter().flatten();
                let all = all.filter_map(|version| version["groupVersion"].as_str());
                let others = all.filter(|version| Some(*version) != preferred);
                Ok(preferred.into_iter().chain(others).map(ToOwned::to_owned).collect())
            }
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// How the server serves a kind of Flux: in its group's preferred version, or the next one that has it.
    pub(crate) async fn flux(&self, kind: &FluxKind) -> Result<Resource, ApiError> {
        let resources = self.group(kind.group).await?;
        let found = resources.iter().find(|resource| resource.kind == kind.kind).cloned();
        found.ok_or_else(|| ApiError::NoMatch { kind: kind.kind.to_owned(), group: kind.group.to_owned() })
    }
}

fn kinds(version: &str, list: &Value) -> Vec<Resource> {
    let resources = list["resources"].as_array().into_iter().flatten();
    let kinds = resources.filter_map(|resource| {
        let plural = resource["name"].as_str().filter(|name| !name.contains('/'))?;
        Some(Resource {
            api_version: version.to_owned(),
            kind: resource["kind"].as_str()?.to_owned(),
            plural: plural.to_owned(),
            namespaced: resource["namespaced"].as_bool().unwrap_or_default(),
        })
    });
    kinds.collect()
}
