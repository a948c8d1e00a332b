//! Who an object is.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use seatrial_schema::split_api_version;

/// Group, version and kind. In selectors and field specs an empty part means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Gvk {
        let (group, version) = split_api_version(api_version);
        Gvk { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether an object of this kind is meant by a selector, whose empty parts match anything.
    pub(crate) fn is_selected(&self, by: &Gvk) -> bool {
        let part = |ours: &str, wanted: &str| wanted.is_empty() || ours == wanted;
        part(&self.kind, &by.kind) && part(&self.group, &by.group) && part(&self.version, &by.version)
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or =
            |text: &str, none: &'static str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let (kind, version) = (or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"));
        write!(f, "{kind}.{version}.{}", or(&self.group, "[noGrp]"))
    }
}

/// An object's identity: two objects of one build must differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ResId {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) cluster_scoped: bool,
}

impl ResId {
    /// The identity as Go prints its fields.
    pub(crate) fn spelled(&self) -> String {
        let Gvk { group, version, kind } = &self.gvk;
        format!(
            "resid.ResId{{Gvk:resid.Gvk{{Group:{group:?}, Version:{version:?}, Kind:{kind:?}, isClusterScoped:{}}}, \
             Name:{:?}, Namespace:{:?}}}",
            self.cluster_scoped, self.name, self.namespace
        )
    }
}

/// An identity as it is compared: the namespace is the effective one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
}

impl Identity<'_> {
    /// A number by which most identities differ.
    pub(crate) fn mixed(&self) -> u64 {
        // Its keys are fixed: the same number in each run.
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// What kustomize calls the namespace of objects outside of namespaces.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

impl ResId {
    /// The namespace that counts in comparisons: none means `default`.
    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(&self.namespace, self.cluster_scoped)
    }

    pub(crate) fn same_namespace(&self, other: &ResId) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// The same group, version, kind, name and effective namespace.
    pub(crate) fn is_same(&self, other: &ResId) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.same_namespace(other)
    }
}

pub(crate) fn effective_namespace(namespace: &str, cluster_scoped: bool) -> &str {
    match (cluster_scoped, namespace) {
        (true, _) => NO_NAMESPACE,
        (false, "") => "default",
        (false, other) => other,
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}
