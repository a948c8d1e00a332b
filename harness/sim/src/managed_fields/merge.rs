//! Merging an applied configuration into the live object, and removing what nobody lists any more.

use seatrial_schema::TypeRef;
use serde_json::{Map, Value};

use super::walk::{Child, View, child, child_type, item_element, items_of, view};
use super::{FieldSet, PathElement};

/// The live value with the applied one merged into it.
pub(super) fn merge(live: Option<&Value>, applied: &Value, ty: TypeRef<'_>) -> Value {
    let Some(live) = live else { return applied.clone() };
    match view(ty, Some(live), Some(applied)) {
        View::Leaf => applied.clone(),
        View::Map(ty) => match (live.as_object(), applied.as_object()) {
            (Some(live), Some(applied)) => {
                let mut out = live.clone();
                for (key, value) in applied {
                    let merged = merge(live.get(key), value, child_type(ty, key));
                    out.insert(key.clone(), merged);
                }
                Value::Object(out)
            }
            _ => applied.clone(),
        },
        View::List(items, kind) => {
            let Some(list) = applied.as_array() else { return applied.clone() };
            let live_items = live.as_array().map(Vec::as_slice).unwrap_or_default();
            let live_items: Vec<(Option<PathElement>, &Value)> =
                live_items.iter().map(|v| (item_element(items, kind, v).ok(), v)).collect();
            let applied_items = items_of(items, kind, Some(applied));
            if applied_items.len() != list.len() {
                return applied.clone();
            }
            Value::Array(merge_items(&live_items, &applied_items, items))
        }
    }
}

/// Items that both have come in the applied order. An item of the live list alone stays before the shared item that follows it
/// in the live list; shared items that stand elsewhere in the live list are passed over there.
fn merge_items(
    live: &[(Option<PathElement>, &Value)],
    applied: &[(PathElement, &Value)],
    items: TypeRef<'_>,
) -> Vec<Value> {
    let in_live = |e: &PathElement| live.iter().find(|(l, _)| l.as_ref() == Some(e)).map(|(_, v)| *v);
    let in_applied = |e: Option<&PathElement>| e.is_some_and(|e| applied.iter().any(|(a, _)| a == e));
    let mut out = Vec::with_capacity(live.len() + applied.len());
    let mut rest = live.iter();
    let mut at = rest.next();
    for (index, (element, value)) in applied.iter().enumerate() {
        let next_shared = applied.iter().skip(index).map(|(e, _)| e).find(|e| in_live(e).is_some());
        while let Some((candidate, value)) = at {
            let candidate = candidate.as_ref();
            if !in_applied(candidate) {
                out.push((*value).clone());
            } else if candidate == next_shared {
                break;
            }
            at = rest.next();
        }
        out.push(merge(in_live(element), value, items));
        if at.is_some_and(|(candidate, _)| candidate.as_ref() == Some(element)) {
            at = rest.next();
        }
    }
    out.extend(
        at.into_iter()
            .chain(rest)
            .filter(|(e, _)| !in_applied(e.as_ref()))
            .map(|(_, value)| (*value).clone()),
    );
    out
}

/// The value without the paths of the set. A map or list that loses its last entry becomes `null`.
pub(super) fn remove(value: &Value, set: &FieldSet, ty: TypeRef<'_>) -> Value {
    match view(ty, Some(value), None) {
        View::Leaf => value.clone(),
        View::Map(ty) => {
            let Some(map) = value.as_object().filter(|m| !m.is_empty()) else { return value.clone() };
            let mut out = Map::new();
            for (key, value) in map {
                let element = PathElement::Field(key.clone());
                if set.has(&element) {
                    continue;
                }
                let kept = match set.child(&element) {
                    Some(below) => remove(value, below, child_type(ty, key)),
                    None => value.clone(),
                };
                out.insert(key.clone(), kept);
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        View::List(items, kind) => {
            let Some(list) = value.as_array().filter(|l| !l.is_empty()) else { return value.clone() };
            let mut out = Vec::with_capacity(list.len());
            for item in list {
                let Ok(element) = item_element(items, kind, item) else {
                    out.push(item.clone());
                    continue;
                };
                if set.has(&element) {
                    continue;
                }
                out.push(match set.child(&element) {
                    Some(below) => remove(item, below, items),
                    None => item.clone(),
                });
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
    }
}

/// The set with each declared field that has members below it as a member of its own. Keys of maps and items of lists are
/// members only where the set says so.
pub(super) fn with_declared_parents(set: &FieldSet, ty: TypeRef<'_>) -> FieldSet {
    let mut out = FieldSet::default();
    for member in set.members() {
        out.insert_member(member.clone());
    }
    for (element, below) in set.children() {
        let ty = match element {
            PathElement::Field(name) => match child(ty, name) {
                Child::Field(ty) => {
                    out.insert_member(element.clone());
                    ty
                }
                Child::Entry(ty) => ty,
                Child::Undeclared => child_type(ty, name),
            },
            _ => ty.items().unwrap_or_else(seatrial_schema::Schema::anything),
        };
        out.insert_child(element.clone(), with_declared_parents(below, ty));
    }
    out
}
