//! Comparing a merged Deployment with what the real server made of it.

use serde_json::Value;

/// What the real server fills in after the merge.
const DEFAULTED: [&str; 8] = [
    "imagePullPolicy",
    "resources",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "protocol",
    "defaultMode",
    "maxUnavailable",
    "maxSurge",
];

/// The first place where ours is not what the real server has.
pub(crate) fn difference(path: &str, ours: &Value, real: &Value) -> Option<String> {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = b.keys().find(|k| !a.contains_key(*k) && !DEFAULTED.contains(&k.as_str()));
            // A struct leaves out what is empty, and what it does not know.
            let is_empty = |v: &Value| v.is_null() || *v == Value::Array(Vec::new());
            let surplus = a.iter().find(|(k, v)| !b.contains_key(*k) && !is_empty(v) && !k.starts_with('$'));
            if let Some(key) = missing.or(surplus.map(|(k, _)| k)) {
                return Some(format!("{path}.{key}: ours {:?}, real {:?}", a.get(key), b.get(key)));
            }
            a.iter().find_map(|(k, v)| difference(&format!("{path}.{k}"), v, b.get(k)?))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| difference(&format!("{path}[{i}]"), a, b))
        }
        _ => (ours != real).then(|| format!("{path}: ours {ours}, real {real}")),
    }
}
