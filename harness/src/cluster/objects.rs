//! The objects of a cluster, by kind and name, over the Kubernetes API.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams};
use kube::core::Request;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The objects of a cluster. It asks the API server which kinds there are, and remembers the answers.
pub struct Objects {
    client: Client,
    /// By API version.
    known: Mutex<BTreeMap<String, APIResourceList>>,
}

/// A kind, as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// The word for it in URLs.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// The URL of the collection: of all namespaces where none is given.
    pub(crate) fn url(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural),
            None => format!("{root}/{}/{}", self.api_version, self.plural),
        }
    }
}

impl Objects {
    /// The objects that `client` reaches.
    pub fn new(client: Client) -> Objects {
        Objects { client, known: Mutex::default() }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The kind, if the API server serves it.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn resource(&self, api_version: &str, kind: &str) -> kube::Result<Option<Resource>> {
        let find = |list: &APIResourceList| {
            let is_it = |r: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource| {
                r.kind == kind && !r.name.contains('/')
            };
            list.resources.iter().find(is_it).map(|r| Resource {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                plural: r.name.clone(),
                namespaced: r.namespaced,
            })
        };
        let known = self.lock().get(api_version).and_then(find);
        if known.is_some() {
            return Ok(known);
        }
        let list = match api_version.contains('/') {
            true => self.client.list_api_group_resources(api_version).await,
            false => self.client.list_core_api_resources(api_version).await,
        };
        let Some(list) = missing(list)? else { return Ok(None) };
        let found = find(&list);
        self.lock().insert(api_version.to_owned(), list);
        Ok(found)
    }

    /// All kinds that can be listed, each in the version that the API server prefers.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn resources(&self) -> kube::Result<Vec<Resource>> {
        self.resources_with("list").await
    }

    /// All kinds that know this verb, each in the version that the API server prefers. Groups whose own server does not
    /// answer (aggregated ones that are still starting) are left out.
    ///
    /// # Errors
    /// What the API server answered.
    pub(crate) async fn resources_with(&self, verb: &str) -> kube::Result<Vec<Resource>> {
        let mut versions = vec!["v1".to_owned()];
        for group in self.client.list_api_groups().await?.groups {
            let preferred = group.preferred_version.or_else(|| group.versions.into_iter().next());
            versions.extend(preferred.map(|v| v.group_version));
        }
        let mut found = Vec::new();
        for version in versions {
            let list = match version.contains('/') {
                true => self.client.list_api_group_resources(&version).await,
                false => self.client.list_core_api_resources(&version).await,
            };
            let list = match list {
                Err(kube::Error::Api(status)) if status.code == 503 => continue,
                list => list,
            };
            let Some(list) = missing(list)? else { continue };
            let knowing =
                list.resources.iter().filter(|r| !r.name.contains('/') && r.verbs.iter().any(|v| v == verb));
            found.extend(knowing.map(|r| Resource {
                api_version: version.clone(),
                kind: r.kind.clone(),
                plural: r.name.clone(),
                namespaced: r.namespaced,
            }));
        }
        Ok(found)
    }

    /// The resource version that the API server has come to.
    ///
    /// # Errors
    /// What the API server answered.
    pub(crate) async fn version(&self) -> kube::Result<u64> {
        let request = Request::new("/api/v1/namespaces").list(&ListParams::default().limit(1));
        let list = self.send(request).await?;
        Ok(list["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// One object; `None` where it, its namespace or its kind does not exist.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> kube::Result<Option<Arc<Value>>> {
        let Some(resource) = self.resource(api_version, kind).await? else { return Ok(None) };
        let request = Request::new(resource.url(namespace)).get(name, &GetParams::default());
        missing(self.send(request).await)
    }

    /// All objects of a kind, in one namespace or in all; none where the kind does not exist. Each says its kind.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
    ) -> kube::Result<Vec<Value>> {
        match self.resource(api_version, kind).await? {
            Some(resource) => self.list_of(&resource, namespace).await,
            None => Ok(Vec::new()),
        }
    }

    /// As [`Objects::list`], for a kind that is there.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn list_of(&self, resource: &Resource, namespace: Option<&str>) -> kube::Result<Vec<Value>> {
        let request = Request::new(resource.url(namespace)).list(&ListParams::default());
        let Some(list) = missing(self.send(request).await)? else { return Ok(Vec::new()) };
        let items = match Arc::unwrap_or_clone(list)["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let complete = |mut item: Value| {
            if let Some(map) = item.as_object_mut() {
                map.entry("apiVersion").or_insert_with(|| resource.api_version.as_str().into());
                map.entry("kind").or_insert_with(|| resource.kind.as_str().into());
            }
            item
        };
        Ok(items.into_iter().map(complete).collect())
    }

    /// Applies an object (server-side apply), in the namespace that it names, else in `default`.
    ///
    /// # Errors
    /// What the API server answered; 404 where it does not have the kind.
    pub async fn apply(&self, object: &Value, manager: &str, force: bool) -> kube::Result<Arc<Value>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        let resource = self.needed(&api_version, &kind).await?;
        let mut params = PatchParams::apply(manager);
        params.force = force;
        let name = text(&object["metadata"]["name"]);
        self.send(Request::new(resource.url(Some(namespace))).patch(&name, &params, &Patch::Apply(object)))
            .await
    }

    /// Patches an object.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn patch<P: serde::Serialize + std::fmt::Debug>(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        manager: &str,
        patch: &Patch<P>,
    ) -> kube::Result<Arc<Value>> {
        let resource = self.needed(api_version, kind).await?;
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let url = resource.url(Some(namespace.unwrap_or("default")));
        self.send(Request::new(url).patch(name, &params, patch)).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn delete(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> kube::Result<Arc<Value>> {
        let resource = self.needed(api_version, kind).await?;
        let url = resource.url(Some(namespace.unwrap_or("default")));
        self.send(Request::new(url).delete(name, &DeleteParams::background())).await
    }

    async fn needed(&self, api_version: &str, kind: &str) -> kube::Result<Resource> {
        self.resource(api_version, kind).await?.ok_or_else(|| {
            let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
            kube::Error::Api(Box::new(kube::core::Status::failure(&message, "NotFound").with_code(404)))
        })
    }

    async fn send(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> kube::Result<Arc<Value>> {
        let request = request.map_err(kube::Error::BuildRequest)?;
        let mut value = seatrial_wire::answer(&self.client, request).await?.value()?;
        // Users of these objects know nothing of how a server in the same process hands them over.
        if value["metadata"]["managedFields"].is_array() {
            seatrial_wire::expand(Arc::make_mut(&mut value));
        }
        Ok(value)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, APIResourceList>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes "not found" as an answer.
fn missing<T>(result: kube::Result<T>) -> kube::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// The API server's own words, where there are some.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        // An error of the connection says why only in its causes.
        other => crate::causes(other),
    }
}
