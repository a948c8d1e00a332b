//! One verb's dealings with one cluster.

use crate::api::Api;
use crate::connect::connect;
use crate::{ApiError, Env, Global, Resource, VerbError};
use jiff::Timestamp;
use kube::Client;
use seatrial_api::FluxKind;
use seatrial_time::Clock;
use seatrial_wire::Stream;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A cluster, and the namespace, deadline and clock of a verb.
pub struct Session {
    api: Api,
    /// The namespace of the request.
    pub namespace: String,
    deadline: Timestamp,
    /// The clock: for waiting, and for the times that are written into annotations.
    pub clock: Clock,
}

const JSON: &str = "application/json";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
/// Under which name fields are owned.
const MANAGER: &str = "flux";

impl Session {
    /// The cluster that `env` and the flags say. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// Wrong usage, or that there is no kubeconfig file or no such context.
    pub async fn open(env: &Env, global: &Global) -> Result<Session, VerbError> {
        global.check()?;
        let (api, namespace) = match &env.client {
            Some(client) => (Api::new(client.clone(), "the cluster".to_owned()), global.namespace()?),
            None => {
                let connection = connect(global).await?;
                (Api::new(connection.client, connection.server), connection.namespace)
            }
        };
        let deadline = env.clock.now().checked_add(global.timeout()?).unwrap_or(Timestamp::MAX);
        Ok(Session { api, namespace, deadline, clock: env.clock.clone() })
    }

    /// How long the operation may still take.
    pub fn left(&self) -> Duration {
        self.deadline.duration_since(self.clock.now()).try_into().unwrap_or_default()
    }

    /// The client.
    pub fn client(&self) -> &Client {
        self.api.client()
    }

    /// How the server serves a kind of Flux.
    ///
    /// # Errors
    /// It does not serve it, or could not be asked.
    pub async fn flux(&self, kind: &FluxKind) -> Result<Resource, ApiError> {
        self.api.flux(kind).await
    }

    /// All kinds of an API group (`""`: the core), preferred version first; empty where the server has no such group.
    ///
    /// # Errors
    /// The server could not be asked.
    pub async fn group(&self, group: &str) -> Result<Arc<Vec<Resource>>, ApiError> {
        self.api.group(group).await
    }

    /// Sends a request, within what is left of the time.
    async fn send(
        &self,
        method: &str,
        path: &str,
        content: Option<(&str, &Value)>,
    ) -> Result<Arc<Value>, ApiError> {
        let answer = self.clock.timeout(self.left(), self.api.send(method, path, content)).await;
        answer.unwrap_or_else(|_| Err(self.api.silent()))
    }

    /// An object of Flux, with its kind and API version.
    ///
    /// # Errors
    /// See [`ApiError`]; also where Flux has no such kind.
    pub async fn flux_object(
        &self,
        group: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Value, ApiError> {
        let no_match = || ApiError::NoMatch { kind: kind.to_owned(), group: group.to_owned() };
        let resource = self.flux(FluxKind::find(group, kind).ok_or_else(no_match)?).await?;
        let mut found = self.read(&resource.object(Some(namespace), name)).await?.as_ref().clone();
        found["apiVersion"] = resource.api_version.into();
        found["kind"] = resource.kind.into();
        Ok(found)
    }

    /// Reads what is at `path`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn read(&self, path: &str) -> Result<Arc<Value>, ApiError> {
        self.send("GET", path, None).await
    }

    /// What is at `path`, if it exists.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn find(&self, path: &str) -> Result<Option<Arc<Value>>, ApiError> {
        match self.read(path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects at `path` (which may have a query), each with its kind and API version.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn list(&self, resource: &Resource, path: &str) -> Result<Vec<Value>, ApiError> {
        let list = self.read(path).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let items = items.into_iter().map(|mut item| {
            item["apiVersion"] = resource.api_version.clone().into();
            item["kind"] = resource.kind.clone().into();
            item
        });
        Ok(items.collect())
    }

    /// A JSON merge patch of the object at `path`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn merge(&self, path: &str, patch: &Value) -> Result<Arc<Value>, ApiError> {
        self.send("PATCH", &managed(path), Some((MERGE, patch))).await
    }

    /// Makes an object in the collection at `path`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create(&self, path: &str, object: &Value) -> Result<Arc<Value>, ApiError> {
        self.send("POST", &managed(path), Some((JSON, object))).await
    }

    /// Applies an object (server-side apply), and takes over the fields that others own.
    ///
    /// # Errors
    /// See [`ApiError`]; also where the server does not serve the kind.
    pub async fn apply(&self, object: &Value) -> Result<Arc<Value>, ApiError> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let resources = self.group(group).await?;
        let known = |resource: &&Resource| resource.kind == kind && resource.api_version == version;
        let Some(resource) = resources.iter().find(known) else {
            self.api.forget(group);
            return Err(ApiError::NoMatch { kind, group: group.to_owned() });
        };
        let metadata = &object["metadata"];
        let name = text(&metadata["name"]);
        let path = managed(&resource.object(metadata["namespace"].as_str(), &name));
        self.send("PATCH", &format!("{path}&force=true"), Some((APPLY, object))).await.map_err(|error| {
            match error {
                ApiError::Refused { code, reason, message } => {
                    ApiError::Refused { code, reason, message: format!("{kind}/{name}: {message}") }
                }
                error => error,
            }
        })
    }

    /// Replaces the object at `path`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn replace(&self, path: &str, object: &Value) -> Result<Arc<Value>, ApiError> {
        self.send("PUT", &managed(path), Some((JSON, object))).await
    }

    /// Deletes the object at `path`; what it owns goes in the background.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn delete(&self, path: &str, dry_run: bool) -> Result<Arc<Value>, ApiError> {
        let mut options =
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        if dry_run {
            options["dryRun"] = json!(["All"]);
        }
        self.send("DELETE", path, Some((JSON, &options))).await
    }

    /// Watches what is at `path`, which has the query of a watch.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn watch(&self, path: &str) -> Result<Stream, ApiError> {
        self.api.watch(path).await
    }
}

/// The path, with the name under which fields are owned.
fn managed(path: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}fieldManager={MANAGER}")
}
