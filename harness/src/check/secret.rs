//! Checks of Secrets that show nothing of their values. Pure.

use crate::scenario::{SecretExpected, ValueExpected};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What of a Secret is not as it should be, a line for each; none where all is.
pub(crate) fn faults(expected: &SecretExpected, secret: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(type_) = expected.type_.as_ref().filter(|type_| secret["type"] != **type_) {
        faults.push(format!("its type is {}, not {type_}", secret["type"].as_str().unwrap_or("none")));
    }
    let data = secret["data"].as_object();
    for (key, wanted) in &expected.keys {
        let Some(value) = data.and_then(|data| data.get(key)).and_then(Value::as_str) else {
            faults.push(format!("it has no key {key:?}"));
            continue;
        };
        let value = STANDARD.decode(value).unwrap_or_default();
        faults.extend(value_fault(wanted, &value).map(|fault| format!("{key:?} {fault}")));
    }
    if !expected.other_keys {
        let others =
            data.into_iter().flat_map(|data| data.keys()).filter(|key| !expected.keys.contains_key(*key));
        faults.extend(others.map(|key| format!("it has the key {key:?}, too")));
    }
    faults
}

fn value_fault(wanted: &ValueExpected, value: &[u8]) -> Option<String> {
    let digest = || Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if wanted.length.is_some_and(|length| length != value.len()) {
        return Some("has another length".to_owned());
    }
    if wanted.equals.as_ref().is_some_and(|equals| equals.as_bytes() != value) {
        return Some("has another value (<redacted>)".to_owned());
    }
    let has = |part: &String| value.windows(part.len().max(1)).any(|window| window == part.as_bytes());
    if wanted.contains.as_ref().is_some_and(|part| !part.is_empty() && !has(part)) {
        return Some("does not contain the text (<redacted>)".to_owned());
    }
    if wanted.sha256.as_ref().is_some_and(|sha256| *sha256 != digest()) {
        return Some("has another SHA-256".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn expected(key: &str, value: ValueExpected) -> SecretExpected {
        SecretExpected { keys: BTreeMap::from([(key.to_owned(), value)]), ..SecretExpected::default() }
    }

    #[test]
    fn values_are_compared_and_never_told() {
        let secret = json!({"type": "Opaque", "data": {"k": STANDARD.encode("hunter2"), "other": "eA=="}});
        let sha256 = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7".to_owned();
        let good = ValueExpected {
            sha256: Some(sha256),
            equals: Some("hunter2".to_owned()),
            contains: Some("unter".to_owned()),
            length: Some(7),
        };
        let with_others = |value| SecretExpected { other_keys: true, ..expected("k", value) };
        assert_eq!(faults(&with_others(good.clone()), &secret), Vec::<String>::new());
        assert_eq!(faults(&expected("k", good), &secret), ["it has the key \"other\", too"]);
        for (wanted, fault) in [
            (
                ValueExpected { equals: Some("x".to_owned()), ..Default::default() },
                "\"k\" has another value (<redacted>)",
            ),
            (
                ValueExpected { sha256: Some("0".repeat(64)), ..Default::default() },
                "\"k\" has another SHA-256",
            ),
            (ValueExpected { length: Some(3), ..Default::default() }, "\"k\" has another length"),
            (
                ValueExpected { contains: Some("z".to_owned()), ..Default::default() },
                "\"k\" does not contain the text (<redacted>)",
            ),
        ] {
            assert_eq!(faults(&with_others(wanted), &secret), [fault]);
        }
        let missing = SecretExpected { other_keys: true, ..expected("gone", ValueExpected::default()) };
        assert_eq!(faults(&missing, &secret), ["it has no key \"gone\""]);
    }
}
