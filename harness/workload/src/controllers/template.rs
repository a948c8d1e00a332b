//! Hashes of pod templates, and whether two templates are the same.

use crate::object::{at, set};
use serde_json::Value;

/// The label that tells the pods of one ReplicaSet from those of another.
pub(crate) const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// The characters of hashes in names: no vowels, no digits that look like letters.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A short text that follows from the value alone. `collisions` is mixed in, to get away from a name that is taken.
pub(crate) fn hash(value: &Value, collisions: Option<i64>) -> String {
    let mut state = 0x811c_9dc5_u32;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            state = (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    };
    walk(value, &mut eat);
    if let Some(collisions) = collisions {
        eat(&collisions.to_le_bytes());
    }
    let digits = state.to_string();
    digits.bytes().map(|digit| char::from(SAFE[usize::from(digit) % SAFE.len()])).collect()
}

/// Feeds a value in an order that does not depend on how its maps are ordered.
fn walk(value: &Value, eat: &mut impl FnMut(&[u8])) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            eat(b"{");
            for key in keys {
                eat(key.as_bytes());
                eat(b":");
                if let Some(value) = map.get(key) {
                    walk(value, eat);
                }
            }
            eat(b"}");
        }
        Value::Array(items) => {
            eat(b"[");
            for item in items {
                walk(item, eat);
                eat(b",");
            }
            eat(b"]");
        }
        scalar => eat(scalar.to_string().as_bytes()),
    }
}

/// Whether two templates make the same pods: the label with the hash does not count.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    a.get("spec") == b.get("spec") && plain_metadata(a) == plain_metadata(b)
}

fn plain_metadata(template: &Value) -> Value {
    let mut metadata = at(template, &["metadata"]).cloned().unwrap_or_else(|| serde_json::json!({}));
    if let Some(labels) = metadata.get_mut("labels") {
        set(labels, POD_TEMPLATE_HASH, Value::Null);
    }
    // A field that the server writes as null says nothing.
    set(&mut metadata, "creationTimestamp", Value::Null);
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_depends_on_content_and_collisions_but_not_on_order() {
        let (a, b) = (json!({"x": 1, "y": [1, 2]}), json!({"y": [1, 2], "x": 1}));
        assert_eq!(hash(&a, None), hash(&b, None));
        assert_ne!(hash(&a, None), hash(&json!({"x": 1, "y": [2, 1]}), None));
        assert_ne!(hash(&a, None), hash(&a, Some(1)));
        assert!(hash(&a, None).bytes().all(|c| SAFE.contains(&c)));
    }

    #[test]
    fn templates_are_compared_without_the_hash_label() {
        let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}});
        let mut of_set = template.clone();
        crate::object::set_at(&mut of_set, &["metadata", "labels", POD_TEMPLATE_HASH], json!("abc"));
        crate::object::set_at(&mut of_set, &["metadata", "creationTimestamp"], Value::Null);
        assert!(same(&template, &of_set));
        crate::object::set_at(&mut of_set, &["spec", "restartPolicy"], json!("Always"));
        assert!(!same(&template, &of_set));
    }
}
