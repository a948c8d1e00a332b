//! Label selectors.

use crate::object::{list, map, text};
use serde_json::Value;

/// Whether a `LabelSelector` (matchLabels, matchExpressions) selects an object with these labels. A selector that is
/// missing selects nothing, an empty one everything.
pub(crate) fn selects(selector: Option<&Value>, labels: Option<&Value>) -> bool {
    let Some(selector) = selector else { return false };
    let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let exact = map(selector, &["matchLabels"])
        .is_none_or(|wanted| wanted.iter().all(|(key, want)| value(key) == want.as_str()));
    exact
        && list(selector, &["matchExpressions"])
            .iter()
            .all(|expression| requirement(expression, value(text(expression, &["key"]))))
}

/// Whether a plain map of labels (a Service's selector) selects an object with these labels; an empty map selects
/// nothing.
pub(crate) fn selects_plain(selector: Option<&Value>, labels: Option<&Value>) -> bool {
    let Some(wanted) = selector.and_then(Value::as_object) else { return false };
    let value = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    !wanted.is_empty() && wanted.iter().all(|(key, want)| value(key) == want.as_str())
}

/// Whether a value fulfils one requirement (operators In, NotIn, Exists, DoesNotExist, Gt, Lt).
pub(crate) fn requirement(expression: &Value, value: Option<&str>) -> bool {
    let values = || list(expression, &["values"]).iter().filter_map(Value::as_str);
    let compare = |test: fn(i64, i64) -> bool| {
        let limit = values().next().and_then(|limit| limit.parse().ok());
        match (value.and_then(|value| value.parse::<i64>().ok()), limit) {
            (Some(value), Some(limit)) => test(value, limit),
            _ => false,
        }
    };
    match text(expression, &["operator"]) {
        "In" => value.is_some_and(|value| values().any(|v| v == value)),
        "NotIn" => value.is_none_or(|value| values().all(|v| v != value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|value, limit| value > limit),
        "Lt" => compare(|value, limit| value < limit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::missing(None, false)]
    #[case::empty(Some(json!({})), true)]
    #[case::labels(Some(json!({"matchLabels": {"app": "web"}})), true)]
    #[case::other_value(Some(json!({"matchLabels": {"app": "db"}})), false)]
    #[case::one_of(Some(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]})), true)]
    #[case::none_of(Some(json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]})), false)]
    #[case::not_in_without_label(Some(json!({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]})), true)]
    #[case::exists(Some(json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]})), true)]
    #[case::absent(Some(json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})), false)]
    fn label_selectors_select(#[case] selector: Option<Value>, #[case] want: bool) {
        let labels = json!({"app": "web"});
        assert_eq!(selects(selector.as_ref(), Some(&labels)), want);
    }
}
