//! Objects as the server's structs hold them.

use std::borrow::Cow;

use seatrial_schema::{TypeKind, TypeRef};
use serde_json::{Map, Value};

/// Adds what a struct always holds: objects that are not optional, and the zero values of required fields.
pub(super) fn hydrate<'v>(value: &'v Value, ty: TypeRef<'_>) -> Cow<'v, Value> {
    match (value, ty.kind()) {
        (Value::Object(map), TypeKind::Object) => {
            let mut out = Cow::Borrowed(map);
            for field in ty.fields() {
                match map.get(field.name).filter(|v| !v.is_null()) {
                    Some(value) => {
                        if let Cow::Owned(full) = hydrate(value, field.ty) {
                            out.to_mut().insert(field.name.to_owned(), full);
                        }
                    }
                    None => {
                        if let Some(zero) = zero(field.ty, field.required, field.default) {
                            out.to_mut().insert(field.name.to_owned(), zero);
                        }
                    }
                }
            }
            match out {
                Cow::Borrowed(_) => Cow::Borrowed(value),
                Cow::Owned(map) => Cow::Owned(Value::Object(map)),
            }
        }
        (Value::Array(list), TypeKind::List) => {
            let Some(items) = ty.items() else { return Cow::Borrowed(value) };
            let full: Vec<Cow<'_, Value>> = list.iter().map(|v| hydrate(v, items)).collect();
            if full.iter().all(|v| matches!(v, Cow::Borrowed(_))) {
                return Cow::Borrowed(value);
            }
            Cow::Owned(Value::Array(full.into_iter().map(Cow::into_owned).collect()))
        }
        (Value::Object(map), TypeKind::Map) => {
            let Some(values) = ty.values() else { return Cow::Borrowed(value) };
            let mut out = Cow::Borrowed(map);
            for (key, value) in map {
                if let Cow::Owned(full) = hydrate(value, values) {
                    out.to_mut().insert(key.clone(), full);
                }
            }
            match out {
                Cow::Borrowed(_) => Cow::Borrowed(value),
                Cow::Owned(map) => Cow::Owned(Value::Object(map)),
            }
        }
        _ => Cow::Borrowed(value),
    }
}

/// What a struct holds in a field that nothing was written to; `None` where it is left out.
fn zero(ty: TypeRef<'_>, required: bool, default: Option<&Value>) -> Option<Value> {
    match default {
        Some(Value::Object(_)) => match ty.kind() {
            TypeKind::Object => Some(hydrate(&Value::Object(Map::new()), ty).into_owned()),
            _ => None,
        },
        Some(zero) if required => Some(zero.clone()),
        None if required && matches!(ty.kind(), TypeKind::List | TypeKind::Map) => Some(Value::Null),
        _ => None,
    }
}

/// The value of a built-in kind without `null` entries of maps: a struct does not keep them.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Metadata is a struct in every kind: empty entries of it are left out.
pub(super) fn tidy_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata") else { return };
    drop_nulls(metadata);
    if let Value::Object(map) = metadata {
        map.retain(|_, v| match v {
            Value::Object(entries) => !entries.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        });
    }
}
