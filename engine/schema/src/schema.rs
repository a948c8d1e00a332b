//! A set of types and resources, and the ways to look them up.

use crate::node::{Node, Shape};
use crate::{Group, Resource, Text, TypeKind, TypeRef};

/// A set of types and resources. Immutable; made from an embedded table or by a [`crate::Builder`].
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub(crate) version: Text,
    pub(crate) nodes: Vec<Node>,
    /// Named types, sorted by name.
    pub(crate) names: Vec<(Text, u32)>,
    /// Indices into `names`, sorted by node.
    pub(crate) by_node: Vec<u32>,
    /// The node that a kind stands at, sorted by group, version, kind.
    pub(crate) kinds: Vec<(Text, Text, Text, u32)>,
    pub(crate) groups: Vec<Group>,
    pub(crate) resources: Vec<Resource>,
    /// Indices into `resources`, sorted by group, version, kind.
    pub(crate) by_kind: Vec<u32>,
    /// Indices into `resources`, sorted by group, version, plural.
    pub(crate) by_plural: Vec<u32>,
}

impl Schema {
    /// The release that the facts come from (`v1.36.3`).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All groups, in the order of discovery; the core group (empty name) first.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// All resources, in the order of discovery. One with two kinds under one plural stands once per version.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource that stores a kind.
    pub fn resource(&self, group: &str, version: &str, kind: &str) -> Option<&Resource> {
        let wanted = (group, version, kind);
        let key = |i: &u32| {
            self.resources.get(*i as usize).map(|r| (r.group.as_ref(), r.version.as_ref(), r.kind.as_ref()))
        };
        let at = self.by_kind.partition_point(|i| key(i) < Some(wanted));
        let index = *self.by_kind.get(at)?;
        if key(&index) == Some(wanted) { self.resources.get(index as usize) } else { None }
    }

    /// The resource under a URL's name (`deployments`).
    pub fn resource_by_plural(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        let wanted = (group, version, plural);
        let key = |i: &u32| {
            self.resources.get(*i as usize).map(|r| (r.group.as_ref(), r.version.as_ref(), r.plural.as_ref()))
        };
        let at = self.by_plural.partition_point(|i| key(i) < Some(wanted));
        let index = *self.by_plural.get(at)?;
        if key(&index) == Some(wanted) { self.resources.get(index as usize) } else { None }
    }

    /// Whether objects of this kind live in a namespace; `None` for an unknown kind.
    pub fn is_namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        let (group, version) = split_api_version(api_version);
        self.resource(group, version, kind).map(|r| r.namespaced)
    }

    /// The type of a kind; `None` for an unknown kind.
    pub fn type_of(&self, api_version: &str, kind: &str) -> Option<TypeRef<'_>> {
        let (group, version) = split_api_version(api_version);
        let wanted = (group, version, kind);
        let at = self
            .kinds
            .binary_search_by(|(g, v, k, _)| (g.as_ref(), v.as_ref(), k.as_ref()).cmp(&wanted))
            .ok()?;
        self.kinds.get(at).map(|(.., node)| TypeRef::new(self, *node))
    }

    /// A type by its definition's name (`io.k8s.api.apps.v1.Deployment`).
    pub fn type_named(&self, name: &str) -> Option<TypeRef<'_>> {
        let at = self.names.binary_search_by(|(n, _)| n.as_ref().cmp(name)).ok()?;
        self.names.get(at).map(|(_, node)| TypeRef::new(self, *node))
    }

    /// All named types, sorted by name.
    pub fn types(&self) -> impl Iterator<Item = (&str, TypeRef<'_>)> {
        self.names.iter().map(|(name, node)| (name.as_ref(), TypeRef::new(self, *node)))
    }

    /// All kinds as (group, version, kind, type), sorted. Kinds such as `Scale` or `DeleteOptions`, which no resource
    /// stores, are among them.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str, &str, TypeRef<'_>)> {
        self.kinds
            .iter()
            .map(|(g, v, k, node)| (g.as_ref(), v.as_ref(), k.as_ref(), TypeRef::new(self, *node)))
    }

    /// A type about which nothing is known, for values that no schema describes.
    pub fn anything<'s>() -> TypeRef<'s> {
        static ANYTHING: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| Schema {
            nodes: vec![Node { shape: Shape::Any, attributes: None }],
            ..Schema::default()
        });
        let anything = TypeRef::new(&ANYTHING, 0);
        debug_assert_eq!(anything.kind(), TypeKind::Any);
        anything
    }

    /// The name of the definition that stands at a node.
    pub(crate) fn name_of(&self, node: u32) -> Option<&str> {
        let named = |i: &u32| self.names.get(*i as usize);
        let at = self.by_node.partition_point(|i| named(i).is_some_and(|(_, n)| *n < node));
        named(self.by_node.get(at)?).filter(|(_, n)| *n == node).map(|(name, _)| name.as_ref())
    }

    pub(crate) fn index(&mut self) {
        fn sorted<'a>(resources: &'a [Resource], key: impl Fn(&'a Resource) -> &'a str) -> Vec<u32> {
            let mut all: Vec<(&str, &str, &str, u32)> = Vec::with_capacity(resources.len());
            for (i, r) in (0u32..).zip(resources) {
                all.push((&r.group, &r.version, key(r), i));
            }
            all.sort_unstable();
            all.into_iter().map(|(.., i)| i).collect()
        }
        self.by_kind = sorted(&self.resources, |r| &r.kind);
        self.by_plural = sorted(&self.resources, |r| &r.plural);
        self.names.sort_unstable();
        let mut by_node: Vec<(u32, u32)> = (0u32..).zip(&self.names).map(|(i, (_, n))| (*n, i)).collect();
        by_node.sort_unstable();
        self.by_node = by_node.into_iter().map(|(_, i)| i).collect();
        self.kinds.sort_unstable();
    }
}

/// Splits `apps/v1` into `("apps", "v1")`, and `v1` into `("", "v1")`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
