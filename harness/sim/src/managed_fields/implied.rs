//! What the structs of built-in kinds always hold, and what they never hold.

use std::sync::LazyLock;

use seatrial_schema::{FieldRef, Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value};

static EMPTY: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
static NULL: Value = Value::Null;

/// What a struct holds in a field that nothing was written to; `None` where it leaves the field out.
pub(super) fn implied<'s>(ty: TypeRef<'s>, key: &str) -> Option<&'s Value> {
    of_field(ty.declared(key)?)
}

/// All fields of a struct that are always there, with what they hold when nothing was written to them.
pub(super) fn implied_fields<'s>(ty: TypeRef<'s>) -> impl Iterator<Item = (&'s str, &'s Value, TypeRef<'s>)> {
    ty.fields().filter_map(|f| Some((f.name, of_field(f)?, f.ty)))
}

/// Lists that must be given, and that are left out all the same where they are empty.
const OMITTED: &[&str] = &["validationActions"];

fn of_field(field: FieldRef<'_>) -> Option<&Value> {
    if OMITTED.contains(&field.name) {
        return None;
    }
    match field.default {
        Some(Value::Object(_)) => (field.ty.kind() == TypeKind::Object).then(|| &*EMPTY),
        Some(zero) if field.required => Some(zero),
        None if field.required && matches!(field.ty.kind(), TypeKind::List | TypeKind::Map) => Some(&NULL),
        _ => None,
    }
}

/// The value of a built-in kind without `null` fields: a struct does not keep them. In a map of texts `null` is an empty text.
pub fn drop_nulls(value: &mut Value, ty: Option<TypeRef<'_>>) {
    let texts = ty.filter(|ty| ty.kind() == TypeKind::Map).and_then(|ty| ty.values());
    let texts = texts.is_some_and(|values| values.kind() == TypeKind::Scalar(Scalar::String));
    match value {
        Value::Object(map) if texts => {
            map.values_mut().filter(|value| value.is_null()).for_each(|value| *value = "".into());
        }
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.iter_mut().for_each(|(key, value)| drop_nulls(value, ty.and_then(|ty| ty.child(key))));
        }
        Value::Array(list) => {
            list.iter_mut().for_each(|item| drop_nulls(item, ty.and_then(|ty| ty.items())));
        }
        _ => {}
    }
}

/// Metadata is a struct in every kind: empty entries of it are left out.
pub(super) fn tidy_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata") else { return };
    drop_nulls(metadata, None);
    if let Value::Object(map) = metadata {
        map.retain(|_, v| match v {
            Value::Object(entries) => !entries.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
    }
}
