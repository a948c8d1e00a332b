//! The nodes that a schema is made of.

use std::borrow::Cow;

use serde_json::Value;

/// Text of a schema: a slice of an embedded table, or owned where a program built the schema.
pub type Text = Cow<'static, str>;

/// A value without children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scalar {
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A whole number or a string (`80`, `http`, `25%`).
    IntOrString,
    /// A resource quantity: a string or a number (`100m`, `1Gi`, `2`).
    Quantity,
}

/// How server-side apply merges a list, as declared by `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclaredListType {
    /// The list is one value.
    Atomic,
    /// Each item is owned by its value.
    Set,
    /// Each item is owned under the values of these keys.
    Map(Vec<Text>),
}

/// How server-side apply merges a map or an object (`x-kubernetes-map-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapType {
    /// Each entry has its owners.
    #[default]
    Granular,
    /// The map is one value.
    Atomic,
}

/// `x-kubernetes-patch-strategy`, split at its commas. All false where none is declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchStrategy {
    /// Items are merged: by the merge key, or as a set of scalars where there is none.
    pub merge: bool,
    /// The patch replaces the value.
    pub replace: bool,
    /// A patch may list the keys to keep (`$retainKeys`).
    pub retain_keys: bool,
}

/// What is declared at one place of a schema beside its shape. A reference's own attributes go before those of its target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    /// `x-kubernetes-list-type` with `x-kubernetes-list-map-keys`.
    pub list_type: Option<DeclaredListType>,
    /// `x-kubernetes-map-type`.
    pub map_type: Option<MapType>,
    /// `x-kubernetes-patch-strategy`.
    pub patch: Option<PatchStrategy>,
    /// `x-kubernetes-patch-merge-key`.
    pub merge_key: Option<Text>,
    /// `format` (`int32`, `date-time`, `byte`, …).
    pub format: Option<Text>,
    /// `enum`; empty where any value is allowed.
    pub enum_values: Vec<Text>,
    /// `nullable`.
    pub nullable: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded_resource: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    pub(crate) attributes: Option<Box<Attributes>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Anything at all: nothing is declared.
    Any,
    /// An object that declares no fields (`type: object` alone).
    Free,
    Scalar(Scalar),
    List(u32),
    Map(u32),
    /// Fields, sorted by name.
    Object(Vec<Field>),
    /// Another node, usually a named definition, with attributes of this place.
    Ref(u32),
    /// A named definition in another piece of the embedded table.
    Elsewhere(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Text,
    pub(crate) node: u32,
    pub(crate) required: bool,
    pub(crate) default: Option<Box<Value>>,
}
