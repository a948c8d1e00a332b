//! Objects matched as partial trees.

use serde_json::{Map, Value};

/// The fields by which the items of Kubernetes' lists are told apart, most telling first.
const MERGE_KEYS: [&str; 8] =
    ["name", "mountPath", "devicePath", "containerPort", "port", "topologyKey", "type", "ip"];

/// Whether `have` has everything that `want` lists.
///
/// - A map matches when its listed keys match.
/// - A list of objects that all have a `name` (or another merge key) matches by that key, in any order; what the list
///   has besides is not looked at.
/// - Any other list matches item by item, and in its length.
/// - A bare value matches exactly; `null` matches a missing field too.
pub fn matches(want: &Value, have: &Value) -> bool {
    mismatches(want, have) == 0
}

/// How many values of `want` are missing in `have`, or differ.
pub(crate) fn mismatches(want: &Value, have: &Value) -> usize {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            want.iter().map(|(key, value)| mismatches(value, have.get(key).unwrap_or(&Value::Null))).sum()
        }
        (Value::Array(want), Value::Array(have)) => match merge_key(want) {
            Some(key) => {
                want.iter().map(|item| mismatches(item, find(have, key, item).unwrap_or(&Value::Null))).sum()
            }
            None => {
                let pairs = want.iter().zip(have).map(|(w, h)| mismatches(w, h)).sum::<usize>();
                pairs + want.len().abs_diff(have.len())
            }
        },
        (want, have) if same(want, have) => 0,
        (want, _) => leaves(want),
    }
}

/// `1` and `1.0` are one number.
fn same(want: &Value, have: &Value) -> bool {
    match (want, have) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => want == have,
    }
}

/// The number of bare values; at least one, so that nothing that is missing goes for free.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(leaves).sum::<usize>().max(1),
        Value::Array(list) => list.iter().map(leaves).sum::<usize>().max(1),
        _ => 1,
    }
}

/// The key by which the items of a wanted list are told apart: one that all of them have.
fn merge_key(items: &[Value]) -> Option<&'static str> {
    let has = |key: &str| !items.is_empty() && items.iter().all(|item| item.get(key).is_some_and(is_bare));
    MERGE_KEYS.into_iter().find(|key| has(key))
}

fn is_bare(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn find<'a>(items: &'a [Value], key: &str, like: &Value) -> Option<&'a Value> {
    items.iter().find(|item| same(&like[key], &item[key]))
}

/// The part of `have` that `want` speaks of: for a comparison that shows nothing else.
pub(crate) fn project(want: &Value, have: &Value) -> Value {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            let part: Map<String, Value> = want
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), project(value, have.get(key)?))))
                .collect();
            Value::Object(part)
        }
        (Value::Array(want), Value::Array(have)) => match merge_key(want) {
            Some(key) => Value::Array(
                want.iter().filter_map(|item| Some(project(item, find(have, key, item)?))).collect(),
            ),
            None => Value::Array(
                have.iter()
                    .enumerate()
                    .map(|(index, item)| want.get(index).map_or_else(|| item.clone(), |w| project(w, item)))
                    .collect(),
            ),
        },
        (_, have) => have.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::listed_keys_only(json!({"a": 1}), json!({"a": 1, "b": 2}), true)]
    #[case::a_missing_key(json!({"a": 1}), json!({"b": 2}), false)]
    #[case::another_value(json!({"a": 1}), json!({"a": 2}), false)]
    #[case::another_type(json!({"a": "1"}), json!({"a": 1}), false)]
    #[case::integers_and_floats(json!({"a": 1}), json!({"a": 1.0}), true)]
    #[case::null_is_a_missing_field(json!({"a": null}), json!({}), true)]
    #[case::null_is_not_a_value(json!({"a": null}), json!({"a": 1}), false)]
    #[case::an_empty_map_wants_a_map(json!({"a": {}}), json!({}), false)]
    #[case::by_name_in_any_order(
        json!([{"name": "b", "image": "x"}]), json!([{"name": "a"}, {"name": "b", "image": "x", "tty": true}]), true)]
    #[case::by_name_not_there(json!([{"name": "c"}]), json!([{"name": "a"}, {"name": "b"}]), false)]
    #[case::by_name_another_image(
        json!([{"name": "a", "image": "x:2"}]), json!([{"name": "a", "image": "x:1"}]), false)]
    #[case::by_port(json!([{"port": 80}]), json!([{"port": 443}, {"port": 80, "targetPort": 8080}]), true)]
    #[case::by_type(
        json!([{"type": "Ready", "status": "True"}]),
        json!([{"type": "Healthy", "status": "False"}, {"type": "Ready", "status": "True"}]), true)]
    #[case::bare_lists_exactly(json!(["a", "b"]), json!(["a", "b"]), true)]
    #[case::bare_lists_in_order(json!(["b", "a"]), json!(["a", "b"]), false)]
    #[case::bare_lists_in_length(json!(["a"]), json!(["a", "b"]), false)]
    #[case::objects_without_a_key_item_by_item(json!([{"x": 1}]), json!([{"x": 1, "y": 2}]), true)]
    #[case::an_empty_list(json!([]), json!([1]), false)]
    #[case::a_map_for_a_list(json!({"a": {}}), json!({"a": []}), false)]
    fn partial_trees(#[case] want: Value, #[case] have: Value, #[case] expected: bool) {
        assert_eq!(matches(&want, &have), expected);
    }

    #[test]
    fn the_projection_shows_only_what_was_asked_for() {
        let want = json!({"spec": {"replicas": 2, "containers": [{"name": "b", "image": "x"}], "gone": 1}});
        let have = json!({"spec": {"replicas": 1, "paused": true,
            "containers": [{"name": "a"}, {"name": "b", "image": "y", "tty": true}]}, "status": {}});
        assert_eq!(
            project(&want, &have),
            json!({"spec": {"replicas": 1, "containers": [{"name": "b", "image": "y"}]}})
        );
    }
}
