//! Structural schemas as the types that server-side apply works by.

use seatrial_schema::{Attributes, Builder, DeclaredListType, MapType, NodeId, Scalar, Schema, kubernetes};

use super::node::{ListKind, Node, Type};

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// A schema in which the kind has the type that `root` describes. `None`: the version has no schema, any object will do.
pub(super) fn schema(root: Option<&Node>, group: &str, version: &str, kind: &str) -> Schema {
    let mut builder = Builder::new("");
    let fallback = Node { preserve_unknown: true, ty: Some(Type::Object), ..Node::default() };
    let root = Node { embedded: true, ..root.unwrap_or(&fallback).clone() };
    let ty = node(&mut builder, &root);
    builder.add_kind(group.to_owned(), version.to_owned(), kind.to_owned(), ty);
    builder.finish()
}

fn node(builder: &mut Builder, n: &Node) -> NodeId {
    let ty = shape(builder, n);
    let attributes = Attributes {
        list_type: n.list.as_ref().map(|l| match l {
            ListKind::Atomic => DeclaredListType::Atomic,
            ListKind::Set => DeclaredListType::Set,
            ListKind::Map(keys) => DeclaredListType::Map(keys.iter().map(|k| k.clone().into()).collect()),
        }),
        map_type: n.atomic_map.then_some(MapType::Atomic),
        nullable: n.nullable,
        preserve_unknown: n.preserve_unknown,
        embedded_resource: n.embedded,
        ..Attributes::default()
    };
    builder.with(ty, attributes)
}

fn shape(builder: &mut Builder, n: &Node) -> NodeId {
    if n.int_or_string {
        return builder.scalar(Scalar::IntOrString);
    }
    match n.ty {
        None => builder.any(),
        Some(Type::String) => {
            let scalar = builder.scalar(Scalar::String);
            let format = n.checks.format.clone().map(Into::into);
            builder.with(scalar, Attributes { format, ..Attributes::default() })
        }
        Some(Type::Integer) => builder.scalar(Scalar::Integer),
        Some(Type::Number) => builder.scalar(Scalar::Number),
        Some(Type::Boolean) => builder.scalar(Scalar::Boolean),
        Some(Type::Array) => {
            let items = match &n.items {
                Some(items) => node(builder, items),
                None => builder.any(),
            };
            builder.list(items)
        }
        Some(Type::Object) => {
            if let Some(values) = &n.additional {
                let values = node(builder, values);
                return builder.map(values);
            }
            if n.properties.is_empty() && !n.embedded {
                let any = builder.any();
                return builder.map(any);
            }
            let object = builder.object();
            for (name, property) in &n.properties {
                if n.embedded && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
                    continue;
                }
                let ty = node(builder, property);
                let required = n.checks.required.contains(name);
                builder.add_field(object, name.clone(), ty, required, property.default.clone());
            }
            if n.embedded {
                let text = builder.scalar(Scalar::String);
                builder.add_field(object, "apiVersion", text, true, None);
                builder.add_field(object, "kind", text, true, None);
                let metadata = match kubernetes().type_named(OBJECT_META) {
                    Some(ty) => builder.import(ty),
                    None => builder.any(),
                };
                builder.add_field(object, "metadata", metadata, false, None);
            }
            object
        }
    }
}
