//! Types as OpenAPI schemas, in the form of either version of the specification.

use std::collections::BTreeSet;

use seatrial_schema::{Attributes, DeclaredListType, MapType, Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value, json};

/// Which version of OpenAPI a document is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    V2,
    V3,
}

impl Style {
    /// A reference to a definition.
    pub(crate) fn refer(self, name: &str) -> Value {
        match self {
            Style::V2 => format!("#/definitions/{name}"),
            Style::V3 => format!("#/components/schemas/{name}"),
        }
        .into()
    }
}

/// A named type as a schema; the names that it refers to are added to `seen`.
pub(crate) fn definition(ty: TypeRef<'_>, style: Style, seen: &mut BTreeSet<String>) -> Value {
    let mut out = Map::new();
    layers(ty, true, style, seen, &mut out);
    Value::Object(out)
}

/// A type at the place where it is used.
fn place(ty: TypeRef<'_>, style: Style, seen: &mut BTreeSet<String>) -> Map<String, Value> {
    let mut out = Map::new();
    layers(ty, false, style, seen, &mut out);
    out
}

/// What the places on the way to a definition declare, then a reference to it, or its shape.
fn layers(
    ty: TypeRef<'_>,
    top: bool,
    style: Style,
    seen: &mut BTreeSet<String>,
    out: &mut Map<String, Value>,
) {
    let mut at = ty;
    let mut first = top;
    loop {
        if let Some(name) = at.own_name().filter(|_| !first) {
            seen.insert(name.to_owned());
            out.insert("$ref".to_owned(), style.refer(name));
            return;
        }
        first = false;
        if let Some(attributes) = at.own_attributes() {
            declared(attributes, out);
        }
        match at.referenced() {
            Some(next) => at = next,
            None => break,
        }
    }
    shape(at, style, seen, out);
}

fn declared(a: &Attributes, out: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| {
        out.entry(key.to_owned()).or_insert(value);
    };
    if let Some(format) = &a.format {
        set("format", format.as_ref().into());
    }
    if !a.enum_values.is_empty() {
        set("enum", a.enum_values.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into());
    }
    match &a.list_type {
        Some(DeclaredListType::Atomic) => set("x-kubernetes-list-type", "atomic".into()),
        Some(DeclaredListType::Set) => set("x-kubernetes-list-type", "set".into()),
        Some(DeclaredListType::Map(keys)) => {
            set("x-kubernetes-list-map-keys", keys.iter().map(AsRef::as_ref).collect::<Vec<&str>>().into());
            set("x-kubernetes-list-type", "map".into());
        }
        None => {}
    }
    match a.map_type {
        Some(MapType::Atomic) => set("x-kubernetes-map-type", "atomic".into()),
        Some(MapType::Granular) => set("x-kubernetes-map-type", "granular".into()),
        None => {}
    }
    if let Some(key) = &a.merge_key {
        set("x-kubernetes-patch-merge-key", key.as_ref().into());
    }
    if let Some(patch) = a.patch {
        let words = [(patch.retain_keys, "retainKeys"), (patch.merge, "merge"), (patch.replace, "replace")];
        let words: Vec<&str> = words.into_iter().filter_map(|(set, word)| set.then_some(word)).collect();
        set("x-kubernetes-patch-strategy", words.join(",").into());
    }
    for (is, key) in [
        (a.nullable, "nullable"),
        (a.preserve_unknown, "x-kubernetes-preserve-unknown-fields"),
        (a.embedded_resource, "x-kubernetes-embedded-resource"),
    ] {
        if is {
            set(key, true.into());
        }
    }
}

fn shape(ty: TypeRef<'_>, style: Style, seen: &mut BTreeSet<String>, out: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    match ty.kind() {
        TypeKind::Any => {}
        TypeKind::FreeObject => set("type", "object".into()),
        TypeKind::Scalar(scalar) => match (scalar, style) {
            (Scalar::String, _) => set("type", "string".into()),
            (Scalar::Integer, _) => set("type", "integer".into()),
            (Scalar::Number, _) => set("type", "number".into()),
            (Scalar::Boolean, _) => set("type", "boolean".into()),
            (Scalar::IntOrString, Style::V2) => {
                set("type", "string".into());
                set("format", "int-or-string".into());
            }
            (Scalar::IntOrString, Style::V3) => {
                set("format", "int-or-string".into());
                set("oneOf", json!([{"type": "integer"}, {"type": "string"}]));
            }
            (Scalar::Quantity, Style::V2) => set("type", "string".into()),
            (Scalar::Quantity, Style::V3) => set("oneOf", json!([{"type": "string"}, {"type": "number"}])),
        },
        TypeKind::List => {
            let mut items = ty.items().map(|t| place(t, style, seen)).unwrap_or_default();
            if style == Style::V3 {
                wrap(&mut items);
            }
            set("type", "array".into());
            set("items", items.into());
        }
        TypeKind::Map => {
            let mut values = ty.values().map(|t| place(t, style, seen)).unwrap_or_default();
            if style == Style::V3 {
                wrap(&mut values);
            }
            set("type", "object".into());
            set("additionalProperties", values.into());
        }
        TypeKind::Object => {
            set("type", "object".into());
            let mut required: Vec<&str> = Vec::new();
            let mut properties = Map::new();
            for field in ty.fields() {
                let mut schema = place(field.ty, style, seen);
                if let Some(default) = field.default.filter(|_| style == Style::V3) {
                    schema.insert("default".to_owned(), default.clone());
                }
                if style == Style::V3 {
                    wrap(&mut schema);
                }
                if field.required {
                    required.push(field.name);
                }
                properties.insert(field.name.to_owned(), schema.into());
            }
            if !required.is_empty() {
                set("required", required.into());
            }
            set("properties", properties.into());
        }
    }
}

/// In OpenAPI v3 nothing may stand beside a reference.
fn wrap(schema: &mut Map<String, Value>) {
    if schema.len() > 1
        && let Some(target) = schema.remove("$ref")
    {
        schema.insert("allOf".to_owned(), json!([{"$ref": target}]));
    }
}
