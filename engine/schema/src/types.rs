//! A place in a schema.

use serde_json::Value;

use crate::node::{Attributes, DeclaredListType, Field, MapType, Node, PatchStrategy, Scalar, Shape};
use crate::{Schema, Text};

/// A type, seen from the place where it is used: what the place declares goes before what the definition declares.
#[derive(Clone, Copy)]
pub struct TypeRef<'s> {
    schema: &'s Schema,
    node: u32,
}

/// The shape of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// Nothing is declared: any value.
    Any,
    /// An object that declares no fields: any object.
    FreeObject,
    /// A value without children.
    Scalar(Scalar),
    /// A list; see [`TypeRef::items`].
    List,
    /// A map of free keys; see [`TypeRef::values`].
    Map,
    /// An object with declared fields; see [`TypeRef::fields`].
    Object,
}

/// How server-side apply merges a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType<'s> {
    /// The list is one value.
    Atomic,
    /// Each item is owned by its value.
    Set,
    /// Each item is owned under the values of these keys.
    Map(&'s [Text]),
}

/// A declared field of an object type.
#[derive(Clone, Copy, Debug)]
pub struct FieldRef<'s> {
    /// The field's name.
    pub name: &'s str,
    /// Its type, seen from this field.
    pub ty: TypeRef<'s>,
    /// Must be present.
    pub required: bool,
    /// `default`, where the published schema has one.
    pub default: Option<&'s Value>,
}

impl<'s> TypeRef<'s> {
    pub(crate) fn new(schema: &'s Schema, node: u32) -> TypeRef<'s> {
        TypeRef { schema, node }
    }

    pub(crate) fn node(self) -> u32 {
        self.node
    }

    /// The schema that the type is of.
    pub fn schema(self) -> &'s Schema {
        self.schema
    }

    fn at_node(self, node: u32) -> TypeRef<'s> {
        TypeRef { schema: self.schema, node }
    }

    fn raw(self) -> &'s Node {
        static ANY: Node = Node { shape: Shape::Any, attributes: None };
        self.schema.nodes.get(self.node as usize).unwrap_or(&ANY)
    }

    /// The type without what this place declares: follows references.
    fn target(self) -> TypeRef<'s> {
        let mut at = self;
        while let Some(next) = at.next() {
            at = next;
        }
        at
    }

    /// The type that this one stands for.
    fn next(self) -> Option<TypeRef<'s>> {
        match self.raw().shape {
            Shape::Ref(next) => Some(self.at_node(next)),
            Shape::Elsewhere(name) => Some(crate::elsewhere(name)),
            _ => None,
        }
    }

    fn shape(self) -> &'s Shape {
        &self.target().raw().shape
    }

    fn attribute<T: 's>(self, get: impl Fn(&'s Attributes) -> Option<T>) -> Option<T> {
        let mut at = self;
        loop {
            let node = at.raw();
            if let Some(found) = node.attributes.as_deref().and_then(&get) {
                return Some(found);
            }
            at = at.next()?;
        }
    }

    /// The definition's name (`io.k8s.api.core.v1.PodSpec`); `None` for types without one.
    pub fn name(self) -> Option<&'s str> {
        let target = self.target();
        target.schema.name_of(target.node)
    }

    /// The shape.
    pub fn kind(self) -> TypeKind {
        match self.shape() {
            Shape::Any | Shape::Ref(_) | Shape::Elsewhere(_) => TypeKind::Any,
            Shape::Free => TypeKind::FreeObject,
            Shape::Scalar(s) => TypeKind::Scalar(*s),
            Shape::List(_) => TypeKind::List,
            Shape::Map(_) => TypeKind::Map,
            Shape::Object(_) => TypeKind::Object,
        }
    }

    /// The scalar kind; `None` for lists, maps, objects and unknown values.
    pub fn scalar(self) -> Option<Scalar> {
        match self.shape() {
            Shape::Scalar(s) => Some(*s),
            _ => None,
        }
    }

    /// The declared fields, sorted by name; none for other shapes.
    pub fn fields(self) -> impl Iterator<Item = FieldRef<'s>> {
        let target = self.target();
        let fields: &'s [Field] = match &target.raw().shape {
            Shape::Object(fields) => fields,
            _ => &[],
        };
        fields.iter().map(move |f| target.field_ref(f))
    }

    fn field_ref(self, f: &'s Field) -> FieldRef<'s> {
        FieldRef {
            name: &f.name,
            ty: self.at_node(f.node),
            required: f.required,
            default: f.default.as_deref(),
        }
    }

    /// A declared field, with what is said about it.
    pub fn declared(self, name: &str) -> Option<FieldRef<'s>> {
        let target = self.target();
        let Shape::Object(fields) = &target.raw().shape else { return None };
        let at = fields.binary_search_by(|f| f.name.as_ref().cmp(name)).ok()?;
        fields.get(at).map(|f| target.field_ref(f))
    }

    /// The type of a declared field; `None` for an undeclared one, and for shapes without declared fields.
    pub fn field(self, name: &str) -> Option<TypeRef<'s>> {
        self.declared(name).map(|f| f.ty)
    }

    /// The type of a list's items.
    pub fn items(self) -> Option<TypeRef<'s>> {
        let target = self.target();
        match &target.raw().shape {
            Shape::List(items) => Some(target.at_node(*items)),
            _ => None,
        }
    }

    /// The type of a map's values.
    pub fn values(self) -> Option<TypeRef<'s>> {
        let target = self.target();
        match &target.raw().shape {
            Shape::Map(values) => Some(target.at_node(*values)),
            _ => None,
        }
    }

    /// The type under a key: of a declared field, or of a map's values.
    pub fn child(self, key: &str) -> Option<TypeRef<'s>> {
        self.field(key).or_else(|| self.values())
    }

    /// The type under a path of keys; lists are passed through to their items.
    pub fn at(self, path: &[&str]) -> Option<TypeRef<'s>> {
        path.iter().try_fold(self, |ty, key| ty.items().unwrap_or(ty).child(key))
    }

    /// How server-side apply merges this list: as declared, or else as its patch strategy says (`merge` with a merge key is
    /// a map, `merge` alone is a set), or else atomic.
    pub fn list_type(self) -> ListType<'s> {
        match self.declared_list_type() {
            Some(DeclaredListType::Atomic) => ListType::Atomic,
            Some(DeclaredListType::Set) => ListType::Set,
            Some(DeclaredListType::Map(keys)) => ListType::Map(keys),
            None if self.patch_strategy().merge => {
                match self.attribute(|a| a.merge_key.as_ref().map(std::slice::from_ref)) {
                    Some(key) => ListType::Map(key),
                    None => ListType::Set,
                }
            }
            None => ListType::Atomic,
        }
    }

    /// `x-kubernetes-list-type` as declared.
    pub fn declared_list_type(self) -> Option<&'s DeclaredListType> {
        self.attribute(|a| a.list_type.as_ref())
    }

    /// `x-kubernetes-list-map-keys` as declared; empty where there are none.
    pub fn list_map_keys(self) -> &'s [Text] {
        match self.declared_list_type() {
            Some(DeclaredListType::Map(keys)) => keys,
            _ => &[],
        }
    }

    /// How server-side apply merges this map or object.
    pub fn map_type(self) -> MapType {
        self.declared_map_type().unwrap_or_default()
    }

    /// `x-kubernetes-map-type` as declared.
    pub fn declared_map_type(self) -> Option<MapType> {
        self.attribute(|a| a.map_type)
    }

    /// `x-kubernetes-patch-merge-key`.
    pub fn merge_key(self) -> Option<&'s str> {
        self.attribute(|a| a.merge_key.as_deref())
    }

    /// `x-kubernetes-patch-strategy`.
    pub fn patch_strategy(self) -> PatchStrategy {
        self.attribute(|a| a.patch).unwrap_or_default()
    }

    /// `format`.
    pub fn format(self) -> Option<&'s str> {
        self.attribute(|a| a.format.as_deref())
    }

    /// `enum`; empty where any value is allowed.
    pub fn enum_values(self) -> &'s [Text] {
        self.attribute(|a| (!a.enum_values.is_empty()).then_some(a.enum_values.as_slice())).unwrap_or(&[])
    }

    /// `nullable`.
    pub fn nullable(self) -> bool {
        self.attribute(|a| a.nullable.then_some(true)).unwrap_or(false)
    }

    /// `x-kubernetes-preserve-unknown-fields`.
    pub fn preserve_unknown(self) -> bool {
        self.attribute(|a| a.preserve_unknown.then_some(true)).unwrap_or(false)
    }

    /// `x-kubernetes-embedded-resource`.
    pub fn embedded_resource(self) -> bool {
        self.attribute(|a| a.embedded_resource.then_some(true)).unwrap_or(false)
    }

    /// The name of the definition that stands at this very place, references not followed.
    pub fn own_name(self) -> Option<&'s str> {
        self.schema.name_of(self.node)
    }

    /// What this place itself declares, without its definition's attributes.
    pub fn own_attributes(self) -> Option<&'s Attributes> {
        self.raw().attributes.as_deref()
    }

    /// The type that this place refers to, where it is a reference.
    pub fn referenced(self) -> Option<TypeRef<'s>> {
        self.next()
    }
}

impl std::fmt::Debug for TypeRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TypeRef({:?}, {})", self.kind(), self.name().unwrap_or("-"))
    }
}
