//! Strategic merge patch, as the API server does it for built-in kinds. Pure.
//!
//! Maps merge by key and `null` removes. Lists merge where the type has the patch strategy `merge`: objects by the merge key,
//! scalars as a set; all other lists are replaced. Directives: `$patch: replace | delete`, `$retainKeys`,
//! `$setElementOrder/FIELD`, `$deleteFromPrimitiveList/FIELD`.
//!
//! Order of a merged list: the items of the patch (or of `$setElementOrder`) in its order, and among them the live list's
//! other items, each before the first item of the patch that stood behind it in the live list.

use seatrial_schema::{Schema, TypeKind, TypeRef};
use serde_json::{Map, Value};

use crate::managed_fields::{compare_values, go_value};

mod order;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList/";

/// Why a patch was refused. `Display` is the message of the response, in which values stand as Go prints them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// `$retainKeys` is no list, or leaves out a key that the patch sets: 400 `BadRequest`.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// 500 without a reason, like all that follow.
    #[error("unknown patch type: {directive} in map: {map}")]
    UnknownDirective {
        /// The value of `$patch`.
        directive: String,
        /// The map that holds it.
        map: String,
    },
    /// `$patch: merge` in an item of a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeInList,
    /// An item without the key that its list merges by.
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        map: String,
        /// The merge key.
        key: String,
    },
    /// Objects and scalars in one merged list.
    #[error("list element types are not identical: [{live} {patch}]")]
    MixedList {
        /// The live list.
        live: String,
        /// The list of the patch.
        patch: String,
    },
    /// `$setElementOrder` does not list the items of the patch in their order.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    Order {
        /// The list of the patch.
        patch: String,
        /// The list of the directive.
        order: String,
    },
    /// A directive that must hold a list.
    #[error("expected a []interface {{}}, but received a {0}")]
    NoList(&'static str),
}

/// The live object with the patch merged into it, by the object's type.
///
/// # Errors
/// See [`PatchError`]. Values of the wrong type are merged as they are: the type is checked when the result is decoded.
pub fn merge(live: &Value, patch: &Value, ty: TypeRef<'_>) -> Result<Value, PatchError> {
    match (live.as_object(), patch.as_object()) {
        (Some(live), Some(patch)) => Ok(Value::Object(merge_maps(live.clone(), patch, ty)?)),
        _ => Ok(patch.clone()),
    }
}

fn merge_maps(
    mut live: Map<String, Value>,
    patch: &Map<String, Value>,
    ty: TypeRef<'_>,
) -> Result<Map<String, Value>, PatchError> {
    match patch.get(PATCH).map(|d| (d, d.as_str())) {
        None => {}
        Some((_, Some("replace"))) => {
            let mut new = patch.clone();
            new.remove(PATCH);
            return Ok(new);
        }
        Some((_, Some("delete"))) => return Ok(Map::new()),
        Some((directive, _)) => {
            let directive = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
            return Err(PatchError::UnknownDirective {
                directive,
                map: go_value(&Value::Object(patch.clone())),
            });
        }
    }
    if let Some(keys) = patch.get(RETAIN_KEYS) {
        retain(&mut live, patch, keys)?;
    }
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE_FROM_PRIMITIVE_LIST) {
            if let (Some(Value::Array(list)), Some(gone)) = (live.get_mut(field), value.as_array()) {
                list.retain(|item| !gone.iter().any(|g| compare_values(g, item).is_eq()));
            }
        } else if let Some(field) = key.strip_prefix(SET_ELEMENT_ORDER) {
            let order = value.as_array().ok_or_else(|| PatchError::NoList(go_type(value)))?;
            if let (Some(Value::Array(list)), false) = (live.get(field), patch.contains_key(field)) {
                let key = child(ty, field).merge_key();
                let sorted = order::sort(list.clone(), list, order, key);
                live.insert(field.to_owned(), Value::Array(sorted));
            }
        }
    }
    for (key, value) in patch {
        if key.starts_with('$') {
            continue;
        }
        if value.is_null() {
            live.remove(key);
            continue;
        }
        if !live.contains_key(key) {
            if let Some(new) = added(value) {
                live.insert(key.clone(), new);
            }
            continue;
        }
        let ty = child(ty, key);
        match (
            merge_value(live.get(key), value, ty, patch.get(&format!("{SET_ELEMENT_ORDER}{key}")))?,
            ty.kind(),
        ) {
            (Value::Object(empty), TypeKind::Map) if empty.is_empty() && value.get(PATCH).is_some() => {
                live.remove(key);
            }
            (merged, _) => {
                live.insert(key.clone(), merged);
            }
        }
    }
    Ok(live)
}

fn child<'s>(ty: TypeRef<'s>, key: &str) -> TypeRef<'s> {
    ty.child(key).unwrap_or_else(Schema::anything)
}

fn retain(live: &mut Map<String, Value>, patch: &Map<String, Value>, keys: &Value) -> Result<(), PatchError> {
    let keys: Vec<&str> =
        keys.as_array().ok_or(PatchError::RetainKeys)?.iter().filter_map(Value::as_str).collect();
    let all_listed = patch
        .iter()
        .filter(|(k, v)| !k.starts_with('$') && !v.is_null())
        .all(|(k, _)| keys.contains(&k.as_str()));
    if !all_listed {
        return Err(PatchError::RetainKeys);
    }
    live.retain(|key, _| keys.contains(&key.as_str()));
    Ok(())
}

fn merge_value(
    live: Option<&Value>,
    patch: &Value,
    ty: TypeRef<'_>,
    order: Option<&Value>,
) -> Result<Value, PatchError> {
    let strategy = ty.patch_strategy();
    match (patch, live) {
        (Value::Object(map), Some(Value::Object(live))) if !strategy.replace => {
            merge_maps(live.clone(), map, ty).map(Value::Object)
        }
        (Value::Array(list), Some(Value::Array(live))) if strategy.merge => {
            let order = match order {
                Some(order) => Some(order.as_array().ok_or_else(|| PatchError::NoList(go_type(order)))?),
                None => None,
            };
            merge_lists(live, list, ty, order.map(Vec::as_slice)).map(Value::Array)
        }
        (patch, _) => Ok(patch.clone()),
    }
}

/// What a patch adds to a list: itself, without `null`. Directives below are not carried out, like on the real server: they are
/// unknown fields of the result.
fn appended(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => {
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), appended(v))).collect()
        }
        other => other.clone(),
    }
}

/// What a patch adds where there was no field: itself, without `null` and without the objects that hold a `$patch`.
fn added(patch: &Value) -> Option<Value> {
    match patch {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, v)| !v.is_null());
            Some(kept.filter_map(|(k, v)| Some((k.clone(), added(v)?))).collect())
        }
        Value::Array(list) => Some(list.iter().filter_map(added).collect()),
        other => Some(other.clone()),
    }
}

fn merge_lists(
    live: &[Value],
    patch: &[Value],
    ty: TypeRef<'_>,
    order: Option<&[Value]>,
) -> Result<Vec<Value>, PatchError> {
    let objects = live.iter().chain(patch).filter(|v| v.is_object()).count();
    if objects != 0 && objects != live.len() + patch.len() {
        return Err(PatchError::MixedList { live: go_value(&live.into()), patch: go_value(&patch.into()) });
    }
    let key = ty.merge_key().filter(|_| objects != 0);
    let mut merged = live.to_vec();
    let mut listed: Vec<Value> = Vec::new();
    match key {
        None => {
            for item in patch {
                if !merged.iter().any(|m| compare_values(m, item).is_eq()) {
                    merged.push(item.clone());
                }
                listed.push(item.clone());
            }
        }
        Some(key) => {
            let items = ty.items().unwrap_or_else(Schema::anything);
            if let Some(replacement) = directives(&mut merged, patch, key)? {
                return Ok(replacement);
            }
            for item in patch.iter().filter(|i| i.get(PATCH).is_none()) {
                let at = merged.iter().position(|m| order::same(m, item, Some(key)));
                match at.and_then(|at| merged.get_mut(at)) {
                    Some(place) => *place = merge(place, item, items)?,
                    None => merged.push(appended(item)),
                }
                listed.push(item.clone());
            }
        }
    }
    match order {
        None => Ok(order::sort(merged, live, &listed, key)),
        Some(order) => {
            if !order::is_subsequence(&listed, order, key) {
                return Err(PatchError::Order {
                    patch: go_value(&patch.into()),
                    order: go_value(&order.into()),
                });
            }
            // The real server looks up places in the list that it has changed by then: after items were deleted, new ones
            // stand in the places at its end.
            let changed = merged.get(..live.len()).unwrap_or(&merged).to_vec();
            Ok(order::sort(merged, if key.is_some() { &changed } else { live }, order, key))
        }
    }
}

/// Carries out the directives among the items of a patch: removes the items to delete, or returns what replaces the whole list.
fn directives(merged: &mut Vec<Value>, patch: &[Value], key: &str) -> Result<Option<Vec<Value>>, PatchError> {
    let mut replace = false;
    for item in patch {
        let missing = || PatchError::NoMergeKey { map: go_value(item), key: key.to_owned() };
        match item.get(PATCH) {
            None if item.get(key).is_none() => return Err(missing()),
            None => {}
            Some(Value::String(d)) if d == "replace" => replace = true,
            Some(Value::String(d)) if d == "delete" => {
                let _ = item.get(key).ok_or_else(missing)?;
                merged.retain(|m| !order::same(m, item, Some(key)));
            }
            Some(Value::String(d)) if d == "merge" => return Err(PatchError::MergeInList),
            Some(directive) => {
                let directive = directive.as_str().map_or_else(|| directive.to_string(), str::to_owned);
                return Err(PatchError::UnknownDirective { directive, map: go_value(item) });
            }
        }
    }
    Ok(replace.then(|| patch.iter().filter(|i| i.get(PATCH).is_none()).cloned().collect()))
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
