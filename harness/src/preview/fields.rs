//! What differs between two objects, by path. Pure.

use super::model::FieldChange;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// All differences, in the order of the paths.
///
/// Items of lists are compared by their `name` where all of them have one, and else by their position.
pub(super) fn compare(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk(&mut String::new(), Some(before), Some(after), &mut found);
    found
}

fn walk(path: &mut String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                step(path, &segment(path, key), before.get(key), after.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match (by_name(old), by_name(new)) {
            (Some(old_names), Some(new_names)) if in_order(&old_names, &new_names) => {
                let names: BTreeSet<&str> =
                    old_names.iter().chain(&new_names).map(|(name, _)| *name).collect();
                let old: BTreeMap<&str, &Value> = old_names.into_iter().collect();
                let new: BTreeMap<&str, &Value> = new_names.into_iter().collect();
                for name in names {
                    let (old, new) = (old.get(name).copied(), new.get(name).copied());
                    step(path, &format!("[name={name}]"), old, new, found);
                }
            }
            _ => {
                for index in 0..old.len().max(new.len()) {
                    step(path, &format!("[{index}]"), old.get(index), new.get(index), found);
                }
            }
        },
        _ => found.push(FieldChange { path: path.clone(), before: before.cloned(), after: after.cloned() }),
    }
}

fn step(
    path: &mut String,
    segment: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
) {
    let length = path.len();
    path.push_str(segment);
    walk(path, before, after, found);
    path.truncate(length);
}

/// A key as a part of a path: in brackets where it has characters that paths use themselves.
fn segment(path: &str, key: &str) -> String {
    match key.contains(['.', '[', ']', '"']) || key.is_empty() {
        true => format!("[{key:?}]"),
        false if path.is_empty() => key.to_owned(),
        false => format!(".{key}"),
    }
}

/// The items with their names, where each has one of its own.
fn by_name(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let named: Option<Vec<(&str, &Value)>> =
        list.iter().map(|item| Some((item.get("name")?.as_str()?, item))).collect();
    let named = named?;
    let names: BTreeSet<&str> = named.iter().map(|(name, _)| *name).collect();
    (names.len() == named.len()).then_some(named)
}

/// Whether the names that both have come in the same order: where they do not, the order is the change.
fn in_order(old: &[(&str, &Value)], new: &[(&str, &Value)]) -> bool {
    let common = |list: &[(&str, &Value)], other: &[(&str, &Value)]| -> Vec<String> {
        let known: BTreeSet<&str> = other.iter().map(|(name, _)| *name).collect();
        list.iter().filter(|(name, _)| known.contains(name)).map(|(name, _)| (*name).to_owned()).collect()
    };
    common(old, new) == common(new, old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::same(json!({"a": 1}), json!({"a": 1}), &[])]
    #[case::value(json!({"spec": {"replicas": 1}}), json!({"spec": {"replicas": 2}}), &["spec.replicas: 1 -> 2"])]
    #[case::comes(json!({"a": {}}), json!({"a": {"b": "x"}}), &["a.b: - -> \"x\""])]
    #[case::goes(json!({"a": {"b": "x"}}), json!({"a": {}}), &["a.b: \"x\" -> -"])]
    #[case::dotted_key(
        json!({"annotations": {"a.b/c": "1"}}), json!({"annotations": {"a.b/c": "2"}}),
        &["annotations[\"a.b/c\"]: \"1\" -> \"2\""]
    )]
    #[case::item_by_name(
        json!({"c": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}),
        json!({"c": [{"name": "new", "image": "w"}, {"name": "a", "image": "x"}, {"name": "b", "image": "z"}]}),
        &["c[name=b].image: \"y\" -> \"z\"", "c[name=new]: - -> {\"image\":\"w\",\"name\":\"new\"}"]
    )]
    #[case::another_order_of_names(
        json!({"c": [{"name": "a"}, {"name": "b"}]}), json!({"c": [{"name": "b"}, {"name": "a"}]}),
        &["c[0].name: \"a\" -> \"b\"", "c[1].name: \"b\" -> \"a\""]
    )]
    #[case::item_by_position(json!({"args": ["a", "b"]}), json!({"args": ["a", "c", "d"]}),
        &["args[1]: \"b\" -> \"c\"", "args[2]: - -> \"d\""])]
    #[case::other_type(json!({"a": [1]}), json!({"a": {"b": 1}}), &["a: [1] -> {\"b\":1}"])]
    #[case::null_is_a_value(json!({"a": null}), json!({}), &["a: null -> -"])]
    fn differences_have_paths(#[case] before: Value, #[case] after: Value, #[case] expected: &[&str]) {
        let shown = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let found: Vec<String> = compare(&before, &after)
            .iter()
            .map(|change| format!("{}: {} -> {}", change.path, shown(&change.before), shown(&change.after)))
            .collect();
        assert_eq!(found, expected);
    }
}
