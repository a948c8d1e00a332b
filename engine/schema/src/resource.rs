//! What discovery says: API groups, resources, subresources.

use crate::Text;

/// An API group; the core group has the empty name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `apps`, `rbac.authorization.k8s.io`, or empty.
    pub name: Text,
    /// The served versions, the preferred one first.
    pub versions: Vec<Text>,
}

/// A kind of object that an API server stores (or, with the verb `create` alone, only answers to).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Group; empty for the core group.
    pub group: Text,
    /// `v1`, `v1beta1`, …
    pub version: Text,
    /// `Deployment`.
    pub kind: Text,
    /// `deployments`: the name in URLs and RBAC rules.
    pub plural: Text,
    /// `deployment`.
    pub singular: Text,
    /// Lives in a namespace.
    pub namespaced: bool,
    /// `create`, `delete`, `deletecollection`, `get`, `list`, `patch`, `update`, `watch`, in discovery's order.
    pub verbs: Vec<Text>,
    /// `deploy`.
    pub short_names: Vec<Text>,
    /// `all`.
    pub categories: Vec<Text>,
    /// In discovery's order.
    pub subresources: Vec<Subresource>,
}

impl Resource {
    /// `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether the verb is served.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    /// The subresource with this name (`status`, `scale`).
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }
}

/// A subresource, such as `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subresource {
    /// `status`, `scale`, `log`, …
    pub name: Text,
    /// The group of the kind that is sent and answered.
    pub group: Text,
    /// The version of that kind.
    pub version: Text,
    /// The kind that is sent and answered: the resource's own for `status`, `Scale` for `scale`.
    pub kind: Text,
    /// In discovery's order.
    pub verbs: Vec<Text>,
}
