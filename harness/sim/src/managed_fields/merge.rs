//! Merging an applied configuration into the live object, and removing what nobody lists any more.

use std::collections::BTreeMap;

use seatrial_schema::TypeRef;
use serde_json::Value;

use super::walk::{Child, View, child, child_type, item_element, items_of, view};
use super::{FieldSet, PathElement};

/// Merges the applied value into the live one.
pub(super) fn merge(live: &mut Value, applied: &Value, ty: TypeRef<'_>) {
    match view(ty, Some(live), Some(applied)) {
        View::Map(ty) => {
            if let (Value::Object(live), Value::Object(applied)) = (&mut *live, applied) {
                for (key, value) in applied {
                    match live.get_mut(key) {
                        Some(live) => merge(live, value, child_type(ty, key)),
                        None => {
                            live.insert(key.clone(), value.clone());
                        }
                    }
                }
                return;
            }
        }
        View::List(items, kind) => {
            if let Some(list) = applied.as_array() {
                let applied_items = items_of(items, kind, Some(applied));
                if applied_items.len() == list.len() {
                    let before = match live.take() {
                        Value::Array(list) => list,
                        _ => Vec::new(),
                    };
                    let before =
                        before.into_iter().map(|v| (item_element(items, kind, &v).ok(), v)).collect();
                    *live = Value::Array(merge_items(before, &applied_items, items));
                    return;
                }
            }
        }
        View::Leaf => {}
    }
    *live = applied.clone();
}

/// Items that both have come in the applied order. An item of the live list alone stays before the shared item that follows it
/// in the live list; shared items that stand elsewhere in the live list are passed over there.
fn merge_items(
    live: Vec<(Option<PathElement>, Value)>,
    applied: &[(PathElement, &Value)],
    items: TypeRef<'_>,
) -> Vec<Value> {
    let places: BTreeMap<&PathElement, usize> =
        applied.iter().enumerate().map(|(i, (e, _))| (e, i)).collect();
    // For each applied item the first live item that shares its element, to be merged into.
    let mut shared: Vec<Option<Value>> = vec![None; applied.len()];
    // The live list: an item of its own, or the place of a shared one.
    let mut rest = Vec::with_capacity(live.len());
    for (element, value) in live {
        match element.as_ref().and_then(|e| places.get(e)) {
            Some(place) => {
                if let Some(slot @ None) = shared.get_mut(*place) {
                    *slot = Some(value);
                }
                rest.push(Err(*place));
            }
            None => rest.push(Ok(value)),
        }
    }
    let mut out = Vec::with_capacity(rest.len() + applied.len());
    let mut rest = rest.into_iter().peekable();
    let is_shared: Vec<bool> = shared.iter().map(Option::is_some).collect();
    for (place, ((_, value), live)) in applied.iter().zip(shared).enumerate() {
        let next_shared = is_shared.iter().skip(place).position(|s| *s).map(|ahead| place + ahead);
        while let Some(item) =
            rest.next_if(|item| item.as_ref().err().is_none_or(|p| Some(*p) != next_shared))
        {
            out.extend(item.ok());
        }
        out.push(match live {
            Some(mut live) => {
                merge(&mut live, value, items);
                live
            }
            None => (*value).clone(),
        });
        rest.next_if(|item| item.as_ref().err() == Some(&place));
    }
    out.extend(rest.filter_map(Result::ok));
    out
}

/// Removes the paths of the set. A map or list that loses its last entry becomes `null`.
pub(super) fn remove(value: &mut Value, set: &FieldSet, ty: TypeRef<'_>) {
    let kind = view(ty, Some(value), None);
    let is_emptied = match (kind, &mut *value) {
        (View::Map(ty), Value::Object(map)) if !map.is_empty() => {
            for element in set.members() {
                if let PathElement::Field(key) = element {
                    map.remove(key);
                }
            }
            for (element, below) in set.children() {
                if let PathElement::Field(key) = element
                    && let Some(value) = map.get_mut(key)
                {
                    remove(value, below, child_type(ty, key));
                }
            }
            map.is_empty()
        }
        (View::List(items, kind), Value::Array(list)) if !list.is_empty() => {
            list.retain_mut(|item| {
                let Ok(element) = item_element(items, kind, item) else { return true };
                if set.has(&element) {
                    return false;
                }
                if let Some(below) = set.child(&element) {
                    remove(item, below, items);
                }
                true
            });
            list.is_empty()
        }
        _ => false,
    };
    if is_emptied {
        *value = Value::Null;
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

/// Removes from `gone` what is owned, and each declared field that has something owned below it.
pub(super) fn subtract_owned(gone: &mut FieldSet, owned: &FieldSet, ty: TypeRef<'_>) {
    for member in owned.members() {
        gone.remove_member(member);
    }
    for (element, below) in owned.children() {
        let ty = match element {
            PathElement::Field(name) => match child(ty, name) {
                Child::Field(ty) => {
                    gone.remove_member(element);
                    ty
                }
                Child::Entry(ty) => ty,
                Child::Undeclared => child_type(ty, name),
            },
            _ => ty.items().unwrap_or_else(seatrial_schema::Schema::anything),
        };
        gone.change_child(element, |gone| subtract_owned(gone, below, ty));
    }
}
