//! Whether what is in the cluster differs from what an apply would make of it. Pure.

use serde_json::Value;

/// Whether `planned`, the result of a dry run, differs from `live` in anything but what the server keeps for itself.
pub(crate) fn drifted(live: &Value, planned: &Value) -> bool {
    let metadata = |field: &str| !same_map(&live["metadata"][field], &planned["metadata"][field]);
    metadata("labels") || metadata("annotations") || content(live) != content(planned)
}

fn same_map(a: &Value, b: &Value) -> bool {
    let entries = |value: &Value| value.as_object().filter(|map| !map.is_empty()).cloned();
    entries(a) == entries(b)
}

/// Everything but metadata and status, without order.
fn content(object: &Value) -> std::collections::BTreeMap<&str, &Value> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"))
        .map(|(key, value)| (key.as_str(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::same(json!({"metadata": {"resourceVersion": "2"}, "spec": {"a": 1}, "status": {"x": 1}}), false)]
    #[case::other_spec(json!({"metadata": {}, "spec": {"a": 2}}), true)]
    #[case::new_field(json!({"metadata": {}, "spec": {"a": 1}, "data": {}}), true)]
    #[case::label(json!({"metadata": {"labels": {"a": "b"}}, "spec": {"a": 1}}), true)]
    #[case::no_labels(json!({"metadata": {"labels": {}}, "spec": {"a": 1}}), false)]
    fn drift_is_a_difference_of_content(#[case] planned: Value, #[case] expected: bool) {
        let live = json!({"metadata": {"resourceVersion": "1"}, "spec": {"a": 1}, "status": {}});
        assert_eq!(drifted(&live, &planned), expected);
    }
}
