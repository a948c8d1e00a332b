//! What a cluster says about its Flux objects.

use crate::cluster::Objects;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// The label by which a Kustomization marks what it applied: name, then namespace.
const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// Names one object of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObjectName {
    /// The kind, without its group.
    pub kind: String,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// An object's `Ready` condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// `True`, `False` or `Unknown`; `None` where the object has no such condition yet.
    pub status: Option<String>,
    /// The reason.
    pub reason: String,
    /// The message.
    pub message: String,
}

impl Ready {
    /// Whether the object is ready.
    pub fn is_true(&self) -> bool {
        self.status.as_deref() == Some("True")
    }
}

/// One object of a Flux kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FluxObject {
    /// Which object.
    #[serde(flatten)]
    pub name: ObjectName,
    /// Its `Ready` condition.
    pub ready: Ready,
    /// Whether `spec.suspend` is set.
    pub suspended: bool,
    /// Whether its status is about its present spec.
    pub observed: bool,
    /// The Kustomization that applied it, where one did.
    pub owner: Option<ObjectName>,
    /// The Kustomizations that it waits for.
    pub depends_on: Vec<String>,
    /// What it has applied (the inventory), in order of application.
    pub inventory: Vec<ObjectName>,
    /// `spec.url`, of sources.
    pub url: Option<String>,
}

/// The Flux kinds that the cluster serves: API version and kind.
///
/// # Errors
/// What the API server answered.
pub(crate) async fn flux_kinds(objects: &Objects) -> kube::Result<Vec<(String, String)>> {
    let client = objects.client();
    let mut kinds = Vec::new();
    for group in client.list_api_groups().await?.groups {
        if !group.name.ends_with(".fluxcd.io") {
            continue;
        }
        // The version that a group prefers need not have all of its kinds.
        let mut listed = BTreeSet::new();
        for version in group.preferred_version.iter().chain(&group.versions) {
            let version = &version.group_version;
            for resource in client.list_api_group_resources(version).await?.resources {
                let can_list = !resource.name.contains('/') && resource.verbs.iter().any(|v| v == "list");
                if can_list && listed.insert(resource.kind.clone()) {
                    kinds.push((version.clone(), resource.kind));
                }
            }
        }
    }
    Ok(kinds)
}

/// All objects of these kinds in the cluster, by kind, namespace and name.
///
/// # Errors
/// What the API server answered, where a list failed.
pub(crate) async fn flux_objects(
    objects: &Objects,
    kinds: &[(String, String)],
) -> kube::Result<Vec<FluxObject>> {
    let mut found = Vec::new();
    for (api_version, kind) in kinds {
        found.extend(objects.list(api_version, kind, None).await?.iter().map(read));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read(object: &Value) -> FluxObject {
    let (metadata, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let name = ObjectName {
        kind: text(&object["kind"]),
        namespace: text(&metadata["namespace"]),
        name: text(&metadata["name"]),
    };
    let label = |key: &str| metadata["labels"][key].as_str().map(str::to_owned);
    let owner = label(OWNER_NAME).zip(label(OWNER_NAMESPACE)).map(|(name, namespace)| ObjectName {
        kind: "Kustomization".to_owned(),
        namespace,
        name,
    });
    FluxObject {
        ready: ready(status),
        suspended: spec["suspend"].as_bool().unwrap_or(false),
        observed: status["observedGeneration"].as_i64() == metadata["generation"].as_i64(),
        owner: owner.filter(|owner| *owner != name),
        depends_on: depends_on(spec, &name.namespace),
        inventory: items(&status["inventory"]["entries"])
            .filter_map(|e| inventory_name(e["id"].as_str()?))
            .collect(),
        url: spec["url"].as_str().map(str::to_owned),
        name,
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn ready(status: &Value) -> Ready {
    let condition = items(&status["conditions"]).find(|c| c["type"] == "Ready");
    let text = |key: &str| condition.and_then(|c| c[key].as_str()).unwrap_or_default().to_owned();
    Ready {
        status: condition.and_then(|c| c["status"].as_str()).map(str::to_owned),
        reason: text("reason"),
        message: text("message"),
    }
}

fn depends_on(spec: &Value, namespace: &str) -> Vec<String> {
    items(&spec["dependsOn"])
        .filter_map(|d| {
            Some(format!("{}/{}", d["namespace"].as_str().unwrap_or(namespace), d["name"].as_str()?))
        })
        .collect()
}

fn inventory_name(id: &str) -> Option<ObjectName> {
    inventory_entry(id).map(|(_, name)| name)
}

/// Reads `<namespace>_<name>_<group>_<kind>`: the group, and the rest. A colon in an RBAC name is written as two underscores.
pub(crate) fn inventory_entry(id: &str) -> Option<(&str, ObjectName)> {
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    let name =
        ObjectName { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.replace("__", ":") };
    Some((group, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::namespaced("default_podinfo_apps_Deployment", "Deployment/default/podinfo")]
    #[case::core_group("default_podinfo__Service", "Service/default/podinfo")]
    #[case::cluster_scoped("_flux-system__Namespace", "Namespace/flux-system")]
    #[case::colon_in_a_name("_system__node_rbac.authorization.k8s.io_ClusterRole", "ClusterRole/system:node")]
    fn inventory_ids_name_objects(#[case] id: &str, #[case] name: &str) {
        assert_eq!(inventory_name(id).unwrap().to_string(), name);
    }

    #[test]
    fn an_object_is_read_with_its_owner_and_what_it_waits_for() {
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "generation": 2,
                         "labels": {OWNER_NAME: "flux-system", OWNER_NAMESPACE: "flux-system"}},
            "spec": {"dependsOn": [{"name": "infra"}, {"name": "x", "namespace": "other"}]},
            "status": {"observedGeneration": 1,
                       "conditions": [{"type": "Ready", "status": "False", "reason": "DependencyNotReady", "message": "m"}]},
        });
        let read = read(&object);
        assert_eq!(read.owner.unwrap().to_string(), "Kustomization/flux-system/flux-system");
        assert_eq!(read.depends_on, ["flux-system/infra", "other/x"]);
        assert!(!read.observed && !read.ready.is_true());
        assert_eq!(read.ready.reason, "DependencyNotReady");
    }
}
