//! An object on its way through a build: its tree, and what happened to it so far.

use std::sync::{Arc, LazyLock, OnceLock};

use seatrial_schema::{Schema, TypeRef};
use seatrial_yaml::{Node, Style};

use crate::ids::{Gvk, Identity, ResId};
use crate::origin::Origin;

/// What a generator does about an object that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Nothing was said: as `Create`.
    #[default]
    Unspecified,
    /// The object must not be there.
    Create,
    /// The object must be there; its data is replaced.
    Replace,
    /// The object must be there; data is added.
    Merge,
}

impl Behavior {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Behavior::Unspecified => "unspecified",
            Behavior::Create => "create",
            Behavior::Replace => "replace",
            Behavior::Merge => "merge",
        }
    }
}

/// A name, a namespace and a kind that an object had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastId {
    pub(crate) name: String,
    /// The effective namespace.
    pub(crate) namespace: String,
    pub(crate) kind: String,
}

/// An object, and its history in this build.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    node: Arc<Node>,
    types: Arc<Types>,
    /// Earlier identities, the oldest first.
    pub(crate) past: Vec<PastId>,
    /// Prefixes that its name got, in the order of time; the same for suffixes.
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    /// Its name gets a hash of its content at the end.
    pub(crate) needs_hash: bool,
    pub(crate) behavior: Behavior,
    /// Made by a generator.
    pub(crate) generated: bool,
    /// Made by a generator with a behavior (even `create`).
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    /// Where it comes from.
    pub(crate) origin: Option<Arc<Origin>>,
    /// Where it was changed.
    pub(crate) transformations: Vec<Arc<Origin>>,
    /// The last number that was given to values in several places, see [`Node::shared`].
    pub(crate) shares: u32,
    /// Variables that take their value from it.
    pub(crate) vars: Vec<String>,
    /// The file that it was read from, for messages.
    pub(crate) file: Arc<str>,
}

/// The types that a build knows: kustomize's own until a kustomization with `openapi` is met, then those of that field.
#[derive(Debug, Default)]
pub(crate) struct Types {
    custom: OnceLock<Schema>,
}

impl Types {
    /// The type of a kind; `None` for an unknown kind.
    pub(crate) fn type_of(&self, api_version: &str, kind: &str) -> Option<TypeRef<'_>> {
        match self.custom.get() {
            Some(custom) => custom.type_of(api_version, kind),
            None => seatrial_schema::kustomize_type(api_version, kind),
        }
    }

    /// Whether these are kustomize's own.
    pub(crate) fn are_builtin(&self) -> bool {
        self.custom.get().is_none()
    }

    /// Takes other types; the first ones that come stay.
    pub(crate) fn set_custom(&self, schema: Schema) {
        let _ = self.custom.set(schema);
    }

    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        let builtin = seatrial_schema::kustomize_is_namespaced(api_version, kind);
        let custom = || self.custom.get().and_then(|schema| schema.is_namespaced(api_version, kind));
        builtin.or_else(custom) == Some(false)
    }
}

impl Resource {
    pub(crate) fn new(node: Arc<Node>, file: Arc<str>, types: Arc<Types>) -> Resource {
        Resource {
            node,
            types,
            past: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            needs_hash: false,
            behavior: Behavior::Unspecified,
            generated: false,
            allow_name_change: false,
            allow_kind_change: false,
            origin: None,
            transformations: Vec::new(),
            shares: 0,
            vars: Vec::new(),
            file,
        }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn shared_node(&self) -> Arc<Node> {
        self.node.clone()
    }

    /// The tree, to be changed; copied first where others share it.
    pub(crate) fn node_mut(&mut self) -> &mut Node {
        Arc::make_mut(&mut self.node)
    }

    /// Takes the tree out, to be given back by [`Resource::set_node`]; copied only where others share it.
    pub(crate) fn take_node(&mut self) -> Node {
        static NOTHING: LazyLock<Arc<Node>> = LazyLock::new(|| Arc::new(Node::null()));
        Arc::unwrap_or_clone(std::mem::replace(&mut self.node, NOTHING.clone()))
    }

    pub(crate) fn set_node(&mut self, node: Node) {
        self.node = Arc::new(node);
    }

    /// The same in another build.
    pub(crate) fn with_types(mut self, types: &Arc<Types>) -> Resource {
        self.types.clone_from(types);
        self
    }

    /// The types of this build.
    pub(crate) fn types(&self) -> &Arc<Types> {
        &self.types
    }

    pub(crate) fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    pub(crate) fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    pub(crate) fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    pub(crate) fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// The text of a field; empty where it is null, too.
    fn text(&self, path: &[&str]) -> &str {
        self.node.at(path).filter(|node| !node.is_null()).and_then(Node::as_str).unwrap_or_default()
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.set_meta("name", name);
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        set_open(self.node_mut(), "kind", kind);
    }

    /// Sets or (empty) removes the namespace.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            if let Some(metadata) = self.node_mut().get_mut("metadata") {
                metadata.remove("namespace");
            }
        } else {
            self.set_meta("namespace", namespace);
        }
    }

    fn set_meta(&mut self, key: &str, text: &str) {
        if let Some(metadata) = self.node_mut().make_maps(&["metadata"]) {
            set_open(metadata, key, text);
        }
    }

    /// The text of an annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.node.str_at(&["metadata", "annotations", key])
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.types.is_cluster_scoped(self.api_version(), self.kind())
    }

    /// The identity that it has now, in a form that can be compared.
    pub(crate) fn identity(&self) -> Identity<'_> {
        let (group, version) = seatrial_schema::split_api_version(self.api_version());
        let namespace = crate::ids::effective_namespace(self.namespace(), self.is_cluster_scoped());
        Identity { group, version, kind: self.kind(), name: self.name(), namespace }
    }

    /// The identity that it has now.
    pub(crate) fn id(&self) -> ResId {
        ResId {
            gvk: self.gvk(),
            name: self.name().to_owned(),
            namespace: self.namespace().to_owned(),
            cluster_scoped: self.is_cluster_scoped(),
        }
    }

    /// The identity that it had at first.
    pub(crate) fn original_id(&self) -> ResId {
        self.past.first().map_or_else(|| self.id(), |past| self.past_id(past))
    }

    /// What it was at first: the group and version of now, with its first kind.
    pub(crate) fn original_gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.past.first().map_or(self.kind(), |past| &past.kind))
    }

    /// A past identity: group and version are those of now.
    pub(crate) fn past_id(&self, past: &PastId) -> ResId {
        let gvk = Gvk { kind: past.kind.clone(), ..self.gvk() };
        ResId {
            cluster_scoped: self.types.is_cluster_scoped(self.api_version(), &past.kind),
            gvk,
            name: past.name.clone(),
            namespace: past.namespace.clone(),
        }
    }

    /// Whether it is, or was once, the object with this identity.
    pub(crate) fn is_or_was(&self, id: &ResId) -> bool {
        let was = self.past.iter().any(|past| past.name == id.name && self.past_id(past).is_same(id));
        was || self.name() == id.name && self.id().is_same(id)
    }

    /// Notes the identity of now, before it changes.
    pub(crate) fn remember_id(&mut self) {
        let id = self.id();
        let namespace = id.effective_namespace().to_owned();
        self.past.push(PastId { namespace, name: id.name, kind: id.gvk.kind });
    }

    /// Takes the identity, the history and, below its own, the labels and annotations of the object that it replaces; with
    /// `merge`, the data too.
    pub(crate) fn take_over(&mut self, old: &Resource, merge: bool) {
        let fields: &[&[&str]] = if merge {
            &[&["metadata", "labels"], &["metadata", "annotations"], &["data"], &["binaryData"]]
        } else {
            &[&["metadata", "labels"], &["metadata", "annotations"]]
        };
        for field in fields {
            let Some(theirs) = old.node.at(field).filter(|n| !n.entries().is_empty()) else { continue };
            let mut merged = Node::map();
            let ours = self.node.at(field).map_or(&[][..], Node::entries);
            for (key, value) in theirs.entries().iter().chain(ours) {
                let text =
                    if value.is_null() && field[0] != "metadata" { Node::text("") } else { as_text(value) };
                merged.set_plain(key.as_str().unwrap_or_default(), text);
            }
            let (last, path) = field.split_last().unwrap_or((&"", &[]));
            if let Some(parent) = self.node_mut().make_maps(path) {
                parent.set(last, merged);
            }
        }
        if merge {
            for field in ["data", "binaryData"] {
                if self.node.get(field).is_some_and(Node::is_empty_collection) {
                    self.node_mut().remove(field);
                }
            }
        }
        self.set_name(old.name());
        self.set_namespace(old.namespace());
        self.past.clone_from(&old.past);
        self.prefixes.clone_from(&old.prefixes);
        self.suffixes.clone_from(&old.suffixes);
        // Who merges may do without the hash, but cannot ask for one.
        self.needs_hash &= old.needs_hash;
        self.behavior = old.behavior;
        self.generated = old.generated;
        self.allow_name_change = old.allow_name_change;
        self.allow_kind_change = old.allow_kind_change;
        self.transformations.clone_from(&old.transformations);
        self.vars.clone_from(&old.vars);
        self.shares = self.shares.max(old.shares);
        if merge && old.origin.is_some() {
            self.origin.clone_from(&old.origin);
        }
    }

    /// Forgets where it comes from and what it was called: kustomize keeps that in annotations, and a patch may remove them.
    /// The variables that it stands for are kept elsewhere.
    pub(crate) fn forget_notes(&mut self) {
        let (shares, vars) = (self.shares, std::mem::take(&mut self.vars));
        let fresh = Resource::new(self.node.clone(), self.file.clone(), self.types.clone());
        *self = Resource { shares, vars, ..fresh };
    }

    /// Forgets where it comes from and which transformers it saw.
    pub(crate) fn forget_origin(&mut self) {
        self.origin = None;
        self.transformations.clear();
    }

    /// Whether kustomize has notes about the object in its annotations: then the map is there, even where nobody wrote it.
    pub(crate) fn has_notes(&self) -> bool {
        !self.past.is_empty()
            || !self.prefixes.is_empty()
            || !self.suffixes.is_empty()
            || self.needs_hash
            || self.generated
            || self.origin.is_some()
            || !self.transformations.is_empty()
    }

    /// Whether a patch took everything away.
    pub(crate) fn is_empty(&self) -> bool {
        self.node.is_null() || self.node.is_empty_collection()
    }
}

/// Sets a field as kustomize sets those that identify an object: the style of what was there stays, its type does not.
pub(crate) fn set_open(map: &mut Node, key: &str, text: &str) {
    match map.get_mut(key) {
        Some(there) if text.is_empty() => *there = Node::str(text),
        Some(there) => there.set_open_text(text),
        None => {
            let mut value = Node::open(text);
            value.quote_what_is_no_string();
            map.set(key, value);
        }
    }
}

/// A value of labels, annotations or data, which are texts once a generator touched them: what is no scalar is empty.
fn as_text(value: &Node) -> Node {
    match value.as_str() {
        Some(text) if text.contains('\n') => Node::scalar(text, Style::Literal),
        text => Node::text(text.unwrap_or_default()),
    }
}
