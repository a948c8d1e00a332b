//! Which resource serves a kind.

use super::{Cluster, ClusterError};
use crate::object::ObjectRef;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The resource that serves a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// API version, with the group.
    pub(crate) api_version: String,
    /// Plural, as in URLs.
    pub(crate) plural: String,
    /// Whether objects have a namespace.
    pub(crate) namespaced: bool,
}

impl Resource {
    /// The path of all objects, in one namespace or in all.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') { "/apis" } else { "/api" };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural),
            None => format!("{root}/{}/{}", self.api_version, self.plural),
        }
    }
}

type Kinds = BTreeMap<String, Resource>;

/// What was learnt of the server, shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Discovery(Arc<Mutex<BTreeMap<String, Kinds>>>);

impl Discovery {
    fn known(&self, api_version: &str, kind: &str) -> Option<Resource> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(api_version)?.get(kind).cloned()
    }

    fn learn(&self, api_version: &str, kinds: Kinds) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(api_version.to_owned(), kinds);
    }
}

impl Cluster {
    /// The resource that serves the kind of `object`; asks the server when it is not known yet.
    pub(crate) async fn resource(&self, object: &ObjectRef) -> Result<Resource, ClusterError> {
        let api_version = object.api_version();
        if let Some(resource) = self.discovery.known(&api_version, &object.kind) {
            return Ok(resource);
        }
        let no_match =
            || ClusterError::NoMatch { kind: object.kind.clone(), api_version: api_version.clone() };
        if api_version.is_empty() || object.kind.is_empty() {
            return Err(no_match());
        }
        let root = if object.group.is_empty() { "/api" } else { "/apis" };
        let answer = match self.read(&format!("{root}/{api_version}")).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Err(no_match()),
            Err(error) => return Err(error),
        };
        self.discovery.learn(&api_version, kinds(&api_version, &answer));
        self.discovery.known(&api_version, &object.kind).ok_or_else(no_match)
    }

    /// Whether an object is in a namespace, by what is known of its kind; one of a kind that has not been met is.
    pub(crate) fn is_namespaced(&self, object: &ObjectRef) -> bool {
        self.discovery.known(&object.api_version(), &object.kind).is_none_or(|resource| resource.namespaced)
    }
}

fn kinds(api_version: &str, list: &Value) -> Kinds {
    let resources = list["resources"].as_array().into_iter().flatten();
    resources
        .filter_map(|resource| {
            let plural = resource["name"].as_str().filter(|name| !name.contains('/'))?;
            let kind = resource["kind"].as_str()?;
            let namespaced = resource["namespaced"].as_bool().unwrap_or_default();
            let known =
                Resource { api_version: api_version.to_owned(), plural: plural.to_owned(), namespaced };
            Some((kind.to_owned(), known))
        })
        .collect()
}
