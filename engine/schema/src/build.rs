//! Makes schemas: used by the table parser, by the generator, and for the schemas of custom resources.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::node::{Attributes, Field, Node, Shape};
use crate::{Group, Resource, Scalar, Schema, Text, TypeRef};

/// A node of the schema that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// Builds a [`Schema`] node by node, children first. A named type may be referred to before it is defined.
#[derive(Debug, Default)]
pub struct Builder {
    schema: Schema,
    names: BTreeMap<Text, NodeId>,
    plain: BTreeMap<u8, NodeId>,
    imported: BTreeMap<(usize, u32), NodeId>,
}

impl Builder {
    /// An empty schema that reports this version.
    pub fn new(version: impl Into<Text>) -> Builder {
        Builder { schema: Schema { version: version.into(), ..Schema::default() }, ..Builder::default() }
    }

    fn push(&mut self, shape: Shape) -> NodeId {
        // Schemas have thousands of nodes, never billions.
        let id = NodeId(u32::try_from(self.schema.nodes.len()).unwrap_or(u32::MAX));
        self.schema.nodes.push(Node { shape, attributes: None });
        id
    }

    fn shared(&mut self, slot: u8, shape: Shape) -> NodeId {
        match self.plain.get(&slot) {
            Some(id) => *id,
            None => {
                let id = self.push(shape);
                self.plain.insert(slot, id);
                id
            }
        }
    }

    /// Any value.
    pub fn any(&mut self) -> NodeId {
        self.shared(0, Shape::Any)
    }

    /// An object that declares no fields.
    pub fn free_object(&mut self) -> NodeId {
        self.shared(1, Shape::Free)
    }

    /// A scalar.
    pub fn scalar(&mut self, scalar: Scalar) -> NodeId {
        self.shared(2 + scalar as u8, Shape::Scalar(scalar))
    }

    /// A list of items.
    pub fn list(&mut self, items: NodeId) -> NodeId {
        self.push(Shape::List(items.0))
    }

    /// A map of free keys.
    pub fn map(&mut self, values: NodeId) -> NodeId {
        self.push(Shape::Map(values.0))
    }

    /// An object without fields so far; see [`Builder::add_field`].
    pub fn object(&mut self) -> NodeId {
        self.push(Shape::Object(Vec::new()))
    }

    /// Declares a field of an object. Does nothing where `object` is not one.
    pub fn add_field(
        &mut self,
        object: NodeId,
        name: impl Into<Text>,
        ty: NodeId,
        required: bool,
        default: Option<Value>,
    ) {
        if let Some(Node { shape: Shape::Object(fields), .. }) = self.schema.nodes.get_mut(object.0 as usize)
        {
            let field = Field { name: name.into(), node: ty.0, required, default: default.map(Box::new) };
            let at = fields.partition_point(|f| f.name < field.name);
            fields.insert(at, field);
        }
    }

    /// The same type with attributes of its own; the type itself where there are none to add.
    pub fn with(&mut self, ty: NodeId, attributes: Attributes) -> NodeId {
        if attributes == Attributes::default() {
            return ty;
        }
        let id = self.push(Shape::Ref(ty.0));
        if let Some(node) = self.schema.nodes.get_mut(id.0 as usize) {
            node.attributes = Some(Box::new(attributes));
        }
        id
    }

    /// The named type, to be defined now or later; any value until then.
    pub fn named(&mut self, name: impl Into<Text>) -> NodeId {
        let name = name.into();
        match self.names.get(&name) {
            Some(id) => *id,
            None => {
                let id = self.push(Shape::Any);
                self.names.insert(name, id);
                id
            }
        }
    }

    /// Defines the named type as `ty`, with these attributes.
    pub fn define(&mut self, name: impl Into<Text>, ty: NodeId, attributes: Attributes) -> NodeId {
        let id = self.named(name);
        // Shared nodes must stay where they are; an object's fields move into the named node.
        let shape = match self.schema.nodes.get_mut(ty.0 as usize) {
            Some(Node { attributes: Some(_), .. }) if ty != id => Shape::Ref(ty.0),
            Some(Node { shape: Shape::Object(fields), .. }) => Shape::Object(std::mem::take(fields)),
            Some(other) => other.shape.clone(),
            None => Shape::Any,
        };
        if let Some(node) = self.schema.nodes.get_mut(id.0 as usize) {
            node.shape = shape;
            node.attributes = (attributes != Attributes::default()).then(|| Box::new(attributes));
        }
        id
    }

    /// Says that a kind has this type.
    pub fn add_kind(
        &mut self,
        group: impl Into<Text>,
        version: impl Into<Text>,
        kind: impl Into<Text>,
        ty: NodeId,
    ) {
        self.schema.kinds.push((group.into(), version.into(), kind.into(), ty.0));
    }

    /// Adds a group; call in the order of discovery.
    pub fn add_group(&mut self, group: Group) {
        self.schema.groups.push(group);
    }

    /// Adds a resource; call in the order of discovery.
    pub fn add_resource(&mut self, resource: Resource) {
        self.schema.resources.push(resource);
    }

    /// Copies a type of another schema, with everything that it refers to, each node once.
    pub fn import(&mut self, ty: TypeRef<'_>) -> NodeId {
        let origin = std::ptr::from_ref(ty.schema()) as usize;
        if let Some(id) = self.imported.get(&(origin, ty.node())) {
            return *id;
        }
        let Some(node) = ty.schema().nodes.get(ty.node() as usize) else { return self.any() };
        let id = self.push(Shape::Any);
        self.imported.insert((origin, ty.node()), id);
        let mut copy = |node: u32| self.import(TypeRef::new(ty.schema(), node)).0;
        let shape = match &node.shape {
            Shape::Any => Shape::Any,
            Shape::Free => Shape::Free,
            Shape::Scalar(s) => Shape::Scalar(*s),
            Shape::List(n) => Shape::List(copy(*n)),
            Shape::Map(n) => Shape::Map(copy(*n)),
            Shape::Ref(n) => Shape::Ref(copy(*n)),
            Shape::Elsewhere(name) => Shape::Ref(self.import(crate::elsewhere(name)).0),
            Shape::Object(fields) => {
                Shape::Object(fields.iter().map(|f| Field { node: copy(f.node), ..f.clone() }).collect())
            }
        };
        if let Some(place) = self.schema.nodes.get_mut(id.0 as usize) {
            *place = Node { shape, attributes: node.attributes.clone() };
        }
        id
    }

    /// The schema of one type; the others that it names stand elsewhere.
    pub(crate) fn finish_piece(self, own: &str) -> Schema {
        let Builder { mut schema, names, .. } = self;
        for (name, id) in names {
            if name != own
                && let (Some(node), &Text::Borrowed(name)) = (schema.nodes.get_mut(id.0 as usize), &name)
            {
                node.shape = Shape::Elsewhere(name);
            } else {
                schema.names.push((name, id.0));
            }
        }
        schema.index();
        schema
    }

    /// The schema.
    pub fn finish(self) -> Schema {
        let Builder { mut schema, names, .. } = self;
        schema.names = names.into_iter().map(|(name, id)| (name, id.0)).collect();
        schema.index();
        schema
    }
}
