//! Merges YAML files as Helm merges `--values`: maps key by key, everything else is replaced. Pure.

use serde_json::Value;

/// A file that cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    /// Not YAML.
    #[error("{0}")]
    Yaml(String),
    /// Not a map.
    #[error("the file is no map")]
    NoMap,
}

/// `over` on top of `base`, as YAML with sorted keys.
pub(crate) fn merge(base: &[u8], over: &[u8]) -> Result<String, MergeError> {
    let mut merged = read(base)?;
    lay(&mut merged, read(over)?);
    seatrial_yaml::emit_json(&merged).map_err(|error| MergeError::Yaml(error.to_string()))
}

/// A map; an empty file is an empty one.
fn read(text: &[u8]) -> Result<Value, MergeError> {
    let options = seatrial_yaml::ParseOptions::default();
    let wrong = |error: String| MergeError::Yaml(error);
    let document = seatrial_yaml::parse_first(text, &options).map_err(|error| wrong(error.to_string()))?;
    let Some(document) = document else { return Ok(Value::Object(Default::default())) };
    let value = document.root.to_json(seatrial_yaml::Dialect::KubernetesJson);
    match value.map_err(|error| wrong(error.to_string()))? {
        Value::Null => Ok(Value::Object(Default::default())),
        map @ Value::Object(_) => Ok(map),
        _ => Err(MergeError::NoMap),
    }
}

fn lay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::maps("a: {b: 1, c: 2}\n", "a: {c: 3}\nd: x\n", "a:\n  b: 1\n  c: 3\nd: x\n")]
    #[case::lists_are_replaced("l: [1, 2]\n", "l: [3]\n", "l:\n- 3\n")]
    #[case::a_map_over_a_scalar("a: 1\n", "a: {b: 2}\n", "a:\n  b: 2\n")]
    #[case::null_stays("a: 1\n", "a: null\n", "a: null\n")]
    #[case::nothing_over("a: 1\n", "", "a: 1\n")]
    #[case::over_nothing("# empty\n", "a: 1\n", "a: 1\n")]
    fn files_are_merged_as_helm_merges_values(
        #[case] base: &str,
        #[case] over: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(merge(base.as_bytes(), over.as_bytes()).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        assert_eq!(merge(b"a: 1", b"- 1"), Err(MergeError::NoMap));
        assert!(matches!(merge(b"a: 1", b"a: ["), Err(MergeError::Yaml(_))));
    }
}
