//! The order of a merged list.

use serde_json::Value;

use crate::managed_fields::compare_values;

/// Whether two items are the same: by the key, or by value where there is none.
pub(super) fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    match key {
        None => compare_values(a, b).is_eq(),
        Some(key) => match (a.get(key), b.get(key)) {
            (Some(a), Some(b)) => compare_values(a, b).is_eq(),
            _ => false,
        },
    }
}

/// Whether all items stand in `order`, in the same order.
pub(super) fn is_subsequence(items: &[Value], order: &[Value], key: Option<&str>) -> bool {
    let mut rest = order.iter();
    items.iter().all(|item| rest.any(|o| same(o, item, key)))
}

/// The merged items: those of `order` in its order, and among them the others in the order of the live list, each before the
/// first ordered item that is behind it in the live list. An ordered item that is new goes before the others that are left.
pub(super) fn sort(merged: Vec<Value>, live: &[Value], order: &[Value], key: Option<&str>) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item, key));
    let (mut ordered, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| place(order, item).is_some());
    ordered.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(live, item));
    let mut out = Vec::with_capacity(ordered.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in ordered {
        if let Some(here) = place(live, &item) {
            while let Some(other) = others.next_if(|other| place(live, other) < Some(here)) {
                out.push(other);
            }
        }
        out.push(item);
    }
    out.extend(others);
    out
}
