//! Requests.

use super::discovery::Discovery;
use super::seen::{Seen, Write};
use super::{ClusterError, Resource};
use crate::object::ObjectRef;
use kube::Client;
use seatrial_time::Clock;
use seatrial_wire::{Answer, Sent};
use serde_json::{Value, json};
use std::sync::Arc;

/// A cluster, as one identity. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(super) client: Client,
    pub(super) discovery: Discovery,
    pub(super) seen: Seen,
    /// Added to the query of each write.
    query: &'static str,
    user: Option<String>,
}

const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";

impl Cluster {
    pub(crate) fn new(client: Client) -> Cluster {
        Cluster { client, discovery: Discovery::default(), seen: Seen::default(), query: "", user: None }
    }

    /// The same cluster, elsewhere, where requests cost time: what watches show is kept, and not asked for again (see
    /// [`Cluster::known`]), and the server is not asked for warnings, which nobody reads: for them it parses each object once more.
    pub(crate) fn elsewhere(self, clock: &Clock) -> Cluster {
        Cluster { seen: Seen::new(clock), query: "&fieldValidation=Ignore", ..self }
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
    ) -> Result<Answer, ClusterError> {
        self.send_value(method, path, content, None).await
    }

    /// As [`Cluster::send`], where the content is known as a value as well.
    async fn send_value(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, Vec<u8>)>,
        value: Option<Arc<Value>>,
    ) -> Result<Answer, ClusterError> {
        let mut request = self.request(method, path, content)?;
        if let Some(value) = value {
            request.extensions_mut().insert(Sent(value));
        }
        Ok(seatrial_wire::answer(&self.client, request).await?)
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
    pub(crate) async fn read(&self, path: &str) -> Result<Arc<Value>, ClusterError> {
        Ok(self.send("GET", path, None).await?.value()?)
    }

    async fn path(&self, object: &ObjectRef) -> Result<String, ClusterError> {
        let resource = self.resource(object).await?;
        Ok(format!("{}/{}", collection(&resource, object)?, object.name))
    }

    /// The object, or an error that [is not found](ClusterError::is_not_found).
    pub(crate) async fn get(&self, object: &ObjectRef) -> Result<Arc<Value>, ClusterError> {
        let asked = self.seen.asks();
        let found = self.read(&self.path(object).await?).await;
        match &found {
            Ok(found) => self.seen.found(object, asked, Some(found)),
            Err(error) if error.is_not_found() => self.seen.found(object, asked, None),
            Err(_) => {}
        }
        found
    }

    /// The object as a watch of this process has last shown it, or an own write left it; else as [`Cluster::get`] has it. What a
    /// watch has not told yet is missed, and told later.
    pub(crate) async fn known(&self, object: &ObjectRef) -> Result<Arc<Value>, ClusterError> {
        // Somebody else may not be allowed to read it.
        match self.remembered(object) {
            Some(known) => Ok(known),
            None => self.get(object).await,
        }
    }

    /// The object as [`Cluster::known`] has it without a request.
    pub(crate) fn remembered(&self, object: &ObjectRef) -> Option<Arc<Value>> {
        self.seen.find(object).filter(|_| self.user.is_none())
    }

    /// As [`Cluster::known`]; none where it does not exist.
    pub(crate) async fn find_known(&self, object: &ObjectRef) -> Result<Option<Arc<Value>>, ClusterError> {
        match self.known(object).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object, if it exists.
    pub(crate) async fn find(&self, object: &ObjectRef) -> Result<Option<Arc<Value>>, ClusterError> {
        match self.get(object).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object as the server sent it, if it exists: answers are compared faster than what they say.
    pub(crate) async fn find_answer(&self, object: &ObjectRef) -> Result<Option<Answer>, ClusterError> {
        match self.send("GET", &self.path(object).await?, None).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Server-side apply, forced, of an object that is given as JSON text and as a value.
    pub(crate) async fn apply(
        &self,
        who: &ObjectRef,
        text: String,
        object: Arc<Value>,
        manager: &str,
    ) -> Result<Answer, ClusterError> {
        let path = format!("{}?fieldManager={manager}&force=true{}", self.path(who).await?, self.query);
        let write = self.seen.write(who);
        noted(write, self.send_value("PATCH", &path, Some((APPLY, text.into_bytes())), Some(object)).await)
    }

    /// What a server-side apply, forced, would make of the object. Nothing is stored.
    pub(crate) async fn dry_run(
        &self,
        who: &ObjectRef,
        text: String,
        object: Arc<Value>,
        manager: &str,
    ) -> Result<Answer, ClusterError> {
        let path =
            format!("{}?fieldManager={manager}&force=true&dryRun=All{}", self.path(who).await?, self.query);
        self.send_value("PATCH", &path, Some((APPLY, text.into_bytes())), Some(object)).await
    }

    /// A JSON merge patch of the object, or of its subresource (`/status`).
    pub(crate) async fn merge(
        &self,
        object: &ObjectRef,
        subresource: &str,
        patch: Value,
        manager: &str,
    ) -> Result<Answer, ClusterError> {
        let path = format!("{}{subresource}?fieldManager={manager}{}", self.path(object).await?, self.query);
        let content = Some(("application/merge-patch+json", bytes(&patch)));
        let write = self.seen.write(object);
        noted(write, self.send_value("PATCH", &path, content, Some(Arc::new(patch))).await)
    }

    /// Puts `object` in the place of the one of its name, or in that of its subresource (`/status`).
    pub(crate) async fn replace(
        &self,
        object: Value,
        subresource: &str,
        manager: &str,
    ) -> Result<Answer, ClusterError> {
        let who = ObjectRef::of(&object);
        let path = format!("{}{subresource}?fieldManager={manager}{}", self.path(&who).await?, self.query);
        let write = self.seen.write(&who);
        noted(
            write,
            self.send_value("PUT", &path, Some((JSON, bytes(&object))), Some(Arc::new(object))).await,
        )
    }

    /// A JSON patch (RFC 6902) of the object.
    pub(crate) async fn json_patch(
        &self,
        object: &ObjectRef,
        patch: &Value,
        manager: &str,
    ) -> Result<Answer, ClusterError> {
        let path = format!("{}?fieldManager={manager}{}", self.path(object).await?, self.query);
        let write = self.seen.write(object);
        noted(write, self.send("PATCH", &path, Some(("application/json-patch+json", bytes(patch)))).await)
    }

    /// Creates the object.
    pub(crate) async fn create(&self, object: Arc<Value>, manager: &str) -> Result<Answer, ClusterError> {
        let who = ObjectRef::of(&object);
        let resource = self.resource(&who).await?;
        let path = format!("{}?fieldManager={manager}{}", collection(&resource, &who)?, self.query);
        let content = Some((JSON, bytes(&object)));
        self.send_value("POST", &path, content, Some(object)).await
    }

    /// Deletes the object, and later its dependents; one that is gone already is no error.
    pub(crate) async fn delete(&self, object: &ObjectRef) -> Result<(), ClusterError> {
        let options =
            json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        let path = self.path(object).await?;
        // It goes, now or later: what is known of it ends here.
        let _write = self.seen.write(object);
        match self.send("DELETE", &path, Some((JSON, bytes(&options)))).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The events of a watch.
    pub(super) async fn events(&self, path: &str) -> Result<seatrial_wire::Stream, ClusterError> {
        Ok(seatrial_wire::events(&self.client, self.request("GET", path, None)?).await?)
    }
}

/// Puts the answer to a write where it is remembered.
fn noted(write: Write<'_>, answer: Result<Answer, ClusterError>) -> Result<Answer, ClusterError> {
    if write.is_kept() {
        let object = answer.as_ref().ok().and_then(|answer| answer.value().ok());
        write.ended(object.as_ref());
    }
    answer
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
