//! How a value is seen through its type.

use seatrial_schema::{ListType, MapType, Schema, TypeKind, TypeRef};
use serde_json::{Map, Value};

use super::PathElement;

/// How a type says that a value is to be walked.
pub(super) enum View<'s> {
    /// One value, owned as a whole.
    Leaf,
    /// Each entry by itself.
    Map(TypeRef<'s>),
    /// Each item by itself, under its keys or its value.
    List(TypeRef<'s>, ListType<'s>),
}

/// The type below a key.
pub(super) enum Child<'s> {
    /// A declared field.
    Field(TypeRef<'s>),
    /// A key of a map, or a field that is kept without being declared.
    Entry(TypeRef<'s>),
    /// No field of this type.
    Undeclared,
}

/// How a value of this type is walked. Where nothing is declared the value decides: maps by entry, lists as a whole.
pub(super) fn view<'s>(ty: TypeRef<'s>, value: Option<&Value>, other: Option<&Value>) -> View<'s> {
    match ty.kind() {
        // An object without declared fields is one value, unless unknown fields are kept in it.
        TypeKind::FreeObject if !ty.preserve_unknown() => View::Leaf,
        TypeKind::Scalar(_) => View::Leaf,
        TypeKind::FreeObject | TypeKind::Object | TypeKind::Map => match ty.map_type() {
            MapType::Atomic => View::Leaf,
            MapType::Granular => View::Map(ty),
        },
        TypeKind::List => match (ty.list_type(), ty.items()) {
            (ListType::Atomic, _) | (_, None) => View::Leaf,
            (kind, Some(items)) => View::List(items, kind),
        },
        TypeKind::Any => {
            let maps = |v: Option<&Value>| v.is_none_or(|v| v.is_object() || v.is_null());
            let some = value.is_some_and(Value::is_object) || other.is_some_and(Value::is_object);
            if some && maps(value) && maps(other) { View::Map(ty) } else { View::Leaf }
        }
    }
}

/// The type below a key of a value that is walked as a map.
pub(super) fn child<'s>(ty: TypeRef<'s>, key: &str) -> Child<'s> {
    match ty.kind() {
        TypeKind::Object => match ty.field(key) {
            Some(field) => Child::Field(field),
            None if ty.preserve_unknown() => Child::Entry(Schema::anything()),
            None => Child::Undeclared,
        },
        TypeKind::Map => Child::Entry(ty.values().unwrap_or_else(Schema::anything)),
        _ => Child::Entry(Schema::anything()),
    }
}

/// The type below a key, or anything where it is not declared (live objects may hold what a schema no longer has).
pub(super) fn child_type<'s>(ty: TypeRef<'s>, key: &str) -> TypeRef<'s> {
    match child(ty, key) {
        Child::Field(ty) | Child::Entry(ty) => ty,
        Child::Undeclared => Schema::anything(),
    }
}

/// The path element of a list's item, or why it has none.
pub(super) fn item_element(
    items: TypeRef<'_>,
    kind: ListType<'_>,
    item: &Value,
) -> Result<PathElement, String> {
    match kind {
        ListType::Map(keys) => {
            let Some(map) = item.as_object() else {
                return Err("associative list with keys may not have non-map elements".to_owned());
            };
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let default = || items.declared(key).and_then(|f| f.default).filter(|d| !d.is_object());
                match map.get(key.as_ref()).filter(|v| !v.is_null()).or_else(default) {
                    Some(Value::Object(_) | Value::Array(_)) => {
                        return Err("associative list with keys may not have non-scalar keys".to_owned());
                    }
                    Some(value) => found.push((key.to_string(), value.clone())),
                    None => {}
                }
            }
            if found.is_empty() {
                return Err(match keys {
                    [key] => format!(
                        "associative list with keys has an element that omits key field {key:?} (and doesn't have \
                         default value)"
                    ),
                    keys => {
                        let keys: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
                        format!(
                            "associative list with keys has an element that omits all key fields [{}] (and doesn't \
                             have default values for any key fields)",
                            keys.join(" ")
                        )
                    }
                });
            }
            found.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(PathElement::Key(found))
        }
        _ => match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(PathElement::Value(scalar.clone())),
        },
    }
}

/// A list's items with their elements; items without one (in live lists only) are left out.
pub(super) fn items_of<'v>(
    items: TypeRef<'_>,
    kind: ListType<'_>,
    list: Option<&'v Value>,
) -> Vec<(PathElement, &'v Value)> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|item| Some((item_element(items, kind, item).ok()?, item))).collect()
}

/// The entries of a map; none of `null` and of other values.
pub(super) fn entries(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}
