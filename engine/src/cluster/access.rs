//! Requests.

use super::discovery::Discovery;
use super::{ClusterError, Resource};
use crate::object::ObjectRef;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// A cluster, as one identity. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(super) client: Client,
    pub(super) discovery: Discovery,
    user: Option<String>,
}

const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";

/// An object as the server sent it. Texts are compared much faster than what they say.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Text(String);

impl Text {
    /// The object.
    pub(crate) fn parse(&self) -> Result<Value, ClusterError> {
        serde_json::from_str(&self.0).map_err(|error| ClusterError::Transport(error.to_string()))
    }
}

impl Cluster {
    pub(crate) fn new(client: Client) -> Cluster {
        Cluster { client, discovery: Discovery::default(), user: None }
    }

    /// The same cluster, acting as `user`.
    pub(crate) fn impersonate(&self, user: String) -> Cluster {
        Cluster { user: Some(user), ..self.clone() }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, Vec<u8>)>,
    ) -> Result<Value, ClusterError> {
        let request = self.request(method, path, content)?;
        Ok(self.client.request::<Value>(request).await?)
    }

    async fn send_for_text(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, Vec<u8>)>,
    ) -> Result<Text, ClusterError> {
        let request = self.request(method, path, content)?;
        Ok(Text(self.client.request_text(request).await?))
    }

    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, Vec<u8>)>,
    ) -> Result<http::Request<Vec<u8>>, ClusterError> {
        let mut request = http::Request::builder().method(method).uri(path).header("accept", JSON);
        if let Some(user) = &self.user {
            request = request.header("impersonate-user", user);
        }
        let (type_, body) = content.unzip();
        if let Some(type_) = type_ {
            request = request.header("content-type", type_);
        }
        request.body(body.unwrap_or_default()).map_err(|error| ClusterError::Transport(error.to_string()))
    }

    /// Reads what is at `path`.
    pub(crate) async fn read(&self, path: &str) -> Result<Value, ClusterError> {
        self.send("GET", path, None).await
    }

    async fn path(&self, object: &ObjectRef) -> Result<String, ClusterError> {
        let resource = self.resource(object).await?;
        Ok(format!("{}/{}", collection(&resource, object)?, object.name))
    }

    /// The object, or an error that [is not found](ClusterError::is_not_found).
    pub(crate) async fn get(&self, object: &ObjectRef) -> Result<Value, ClusterError> {
        self.read(&self.path(object).await?).await
    }

    /// The object, if it exists.
    pub(crate) async fn find(&self, object: &ObjectRef) -> Result<Option<Value>, ClusterError> {
        match self.get(object).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object as text, if it exists.
    pub(crate) async fn find_text(&self, object: &ObjectRef) -> Result<Option<Text>, ClusterError> {
        match self.send_for_text("GET", &self.path(object).await?, None).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Server-side apply, forced.
    pub(crate) async fn apply(
        &self,
        who: &ObjectRef,
        object: String,
        manager: &str,
    ) -> Result<Text, ClusterError> {
        let path = format!("{}?fieldManager={manager}&force=true", self.path(who).await?);
        self.send_for_text("PATCH", &path, Some((APPLY, object.into_bytes()))).await
    }

    /// What a server-side apply, forced, would make of the object. Nothing is stored.
    pub(crate) async fn dry_run(
        &self,
        who: &ObjectRef,
        object: String,
        manager: &str,
    ) -> Result<Text, ClusterError> {
        let path = format!("{}?fieldManager={manager}&force=true&dryRun=All", self.path(who).await?);
        self.send_for_text("PATCH", &path, Some((APPLY, object.into_bytes()))).await
    }

    /// A JSON merge patch of the object, or of its subresource (`/status`).
    pub(crate) async fn merge(
        &self,
        object: &ObjectRef,
        subresource: &str,
        patch: &Value,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let path = format!("{}{subresource}?fieldManager={manager}", self.path(object).await?);
        self.send("PATCH", &path, Some(("application/merge-patch+json", bytes(patch)))).await
    }

    /// A JSON patch (RFC 6902) of the object.
    pub(crate) async fn json_patch(
        &self,
        object: &ObjectRef,
        patch: &Value,
        manager: &str,
    ) -> Result<Value, ClusterError> {
        let path = format!("{}?fieldManager={manager}", self.path(object).await?);
        self.send("PATCH", &path, Some(("application/json-patch+json", bytes(patch)))).await
    }

    /// Creates the object.
    pub(crate) async fn create(&self, object: &Value, manager: &str) -> Result<Value, ClusterError> {
        let who = ObjectRef::of(object);
        let resource = self.resource(&who).await?;
        let path = format!("{}?fieldManager={manager}", collection(&resource, &who)?);
        self.send("POST", &path, Some((JSON, bytes(object)))).await
    }

    /// Deletes the object, and later its dependents; one that is gone already is no error.
    pub(crate) async fn delete(&self, object: &ObjectRef) -> Result<(), ClusterError> {
        let options =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        match self.send("DELETE", &self.path(object).await?, Some((JSON, bytes(&options)))).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The server's answer to a request, as a stream of lines.
    pub(super) async fn stream(&self, path: &str) -> Result<http::Response<Body>, ClusterError> {
        let mut request = self.request("GET", path, None)?.map(Body::from);
        request.headers_mut().insert("accept-encoding", http::HeaderValue::from_static("identity"));
        Ok(self.client.send(request).await?)
    }
}

fn collection(resource: &Resource, object: &ObjectRef) -> Result<String, ClusterError> {
    match (resource.namespaced, object.namespace.as_str()) {
        (true, "") => Err(ClusterError::NoNamespace),
        (_, namespace) => Ok(resource.path(Some(namespace))),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
