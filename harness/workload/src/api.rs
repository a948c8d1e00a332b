//! Requests to the API server, in terms of kinds, keys and JSON values.

use crate::object::{Key, Object, resource_version, uid};
use http::{Method, Request};
use seatrial_wire::{Sent, Stream};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// A kind of resource, and where its objects are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// `v1`, `apps/v1`.
    pub(crate) api_version: Cow<'static, str>,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) plural: Cow<'static, str>,
    pub(crate) namespaced: bool,
}

impl Kind {
    pub(crate) const fn new(
        api_version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Kind {
        Kind {
            api_version: Cow::Borrowed(api_version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced,
        }
    }

    /// The path of the collection: of all namespaces where `namespace` is empty.
    fn collection(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "/apis/" } else { "/api/" };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}{}/namespaces/{namespace}/{}", self.api_version, self.plural)
        } else {
            format!("{root}{}/{}", self.api_version, self.plural)
        }
    }

    fn path(&self, key: &Key) -> String {
        format!("{}/{}", self.collection(&key.namespace), key.name)
    }
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server refused, or could not be reached.
    #[error("{method} {path}: {source}")]
    Request {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// What the client says.
        source: Box<kube::Error>,
    },
    /// The request could not be put together.
    #[error("build a request for {path}: {source}")]
    Build {
        /// The path.
        path: String,
        /// The reason.
        source: http::Error,
    },
}

impl ApiError {
    /// The HTTP code of the server's answer; 0 where there was none.
    pub(crate) fn code(&self) -> u16 {
        match self {
            ApiError::Request { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => status.code,
                _ => 0,
            },
            ApiError::Build { .. } => 0,
        }
    }

    /// The server's own message, without the request.
    pub(crate) fn message(&self) -> String {
        match self {
            ApiError::Request { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => status.message.clone(),
                other => other.to_string(),
            },
            ApiError::Build { source, .. } => source.to_string(),
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == 404
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == 409
    }
}

/// Takes a missing object as done.
pub(crate) fn ignore_missing<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A client that writes under one field manager's name.
#[derive(Clone)]
pub(crate) struct Api {
    client: kube::Client,
    manager: &'static str,
}

impl Api {
    pub(crate) fn new(client: kube::Client, manager: &'static str) -> Api {
        Api { client, manager }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<(&str, Value)>,
    ) -> Result<Object, ApiError> {
        let uri = match (query, self.manager, method == Method::GET) {
            ("", _, true) => path.to_owned(),
            (query, _, true) => format!("{path}?{query}"),
            ("", manager, false) => format!("{path}?fieldManager={manager}"),
            (query, manager, false) => format!("{path}?{query}&fieldManager={manager}"),
        };
        let mut request = Request::builder().method(method.clone()).uri(uri);
        let mut bytes = Vec::new();
        if let Some((content_type, value)) = body {
            bytes = value.to_string().into_bytes();
            request =
                request.header(http::header::CONTENT_TYPE, content_type).extension(Sent(Arc::new(value)));
        }
        let request =
            request.body(bytes).map_err(|source| ApiError::Build { path: path.to_owned(), source })?;
        let answer = seatrial_wire::answer(&self.client, request).await.and_then(|answer| answer.value());
        answer.map_err(|source| ApiError::Request { method, path: path.to_owned(), source: Box::new(source) })
    }

    pub(crate) async fn list(&self, kind: &Kind) -> Result<Object, ApiError> {
        self.list_in(kind, "").await
    }

    /// Lists the objects of one namespace.
    pub(crate) async fn list_in(&self, kind: &Kind, namespace: &str) -> Result<Object, ApiError> {
        self.send(Method::GET, &kind.collection(namespace), "", None).await
    }

    /// Reads what is at a path.
    pub(crate) async fn read(&self, path: &str) -> Result<Object, ApiError> {
        self.send(Method::GET, path, "", None).await
    }

    /// Writes the finalizers in the spec of a namespace.
    pub(crate) async fn finalize(&self, kind: &Kind, namespace: &Value) -> Result<Object, ApiError> {
        let path = format!("{}/finalize", kind.path(&Key::of(namespace)));
        self.send(Method::PUT, &path, "", Some(("application/json", namespace.clone()))).await
    }

    /// Watches all objects of a kind from a resource version on.
    pub(crate) async fn watch(&self, kind: &Kind, from: &str) -> Result<Stream, ApiError> {
        let path = kind.collection("");
        let request = Request::get(format!("{path}?watch=1&allowWatchBookmarks=true&resourceVersion={from}"))
            .body(Vec::new())
            .map_err(|source| ApiError::Build { path: path.clone(), source })?;
        seatrial_wire::events(&self.client, request).await.map_err(|source| ApiError::Request {
            method: Method::GET,
            path,
            source: Box::new(source),
        })
    }

    pub(crate) async fn get(&self, kind: &Kind, key: &Key) -> Result<Object, ApiError> {
        self.send(Method::GET, &kind.path(key), "", None).await
    }

    pub(crate) async fn create(
        &self,
        kind: &Kind,
        namespace: &str,
        object: &Value,
    ) -> Result<Object, ApiError> {
        let body = Some(("application/json", object.clone()));
        self.send(Method::POST, &kind.collection(namespace), "", body).await
    }

    /// Posts to a subresource.
    pub(crate) async fn post(
        &self,
        kind: &Kind,
        key: &Key,
        subresource: &str,
        body: &Value,
    ) -> Result<Object, ApiError> {
        let path = format!("{}/{subresource}", kind.path(key));
        self.send(Method::POST, &path, "", Some(("application/json", body.clone()))).await
    }

    /// Sends a JSON merge patch for the object as it was read: refused with a conflict when it has changed since.
    pub(crate) async fn patch(
        &self,
        kind: &Kind,
        seen: &Value,
        subresource: Option<&str>,
        mut patch: Value,
    ) -> Result<Object, ApiError> {
        let key = Key::of(seen);
        let path = match subresource {
            Some(subresource) => format!("{}/{subresource}", kind.path(&key)),
            None => kind.path(&key),
        };
        crate::object::set_at(&mut patch, &["metadata", "uid"], json!(uid(seen)));
        let version = resource_version(seen).to_string();
        crate::object::set_at(&mut patch, &["metadata", "resourceVersion"], json!(version));
        let body = Some(("application/merge-patch+json", patch));
        self.send(Method::PATCH, &path, "", body).await
    }

    /// Deletes the object with this uid; the answer is the object as it stands then, or a Status.
    pub(crate) async fn delete(
        &self,
        kind: &Kind,
        object: &Value,
        grace: Option<i64>,
        propagation: Option<&str>,
    ) -> Result<Object, ApiError> {
        let mut options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid(object)},
        });
        if let Some(grace) = grace {
            crate::object::set(&mut options, "gracePeriodSeconds", json!(grace));
        }
        if let Some(propagation) = propagation {
            crate::object::set(&mut options, "propagationPolicy", json!(propagation));
        }
        let body = Some(("application/json", options));
        self.send(Method::DELETE, &kind.path(&Key::of(object)), "", body).await
    }
}
