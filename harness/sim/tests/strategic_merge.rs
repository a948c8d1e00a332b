//! Strategic merge patches: what the real server answered, recorded in `data/strategic_merge.json`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_schema::kubernetes;
use seatrial_sim::strategic_merge::merge;
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
fn difference(path: &str, ours: &Value, real: &Value) -> Option<String> {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = b.keys().find(|k| !a.contains_key(*k) && !DEFAULTED.contains(&k.as_str()));
            let surplus = a.iter().find(|(k, v)| !b.contains_key(*k) && !v.is_null());
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

#[test]
fn recorded_patches_merge_as_by_the_real_server() {
    let recorded: Value = serde_json::from_str(include_str!("data/strategic_merge.json")).unwrap();
    let ty = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    let mut wrong = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let patch = &case["patch"];
        match (merge(&recorded["live"], patch, ty), case.get("error").and_then(Value::as_str)) {
            (Ok(ours), None) => {
                // Fields that no type declares are dropped when the result is decoded.
                let mut ours = ours;
                ours["spec"].as_object_mut().unwrap().shift_remove("zork");
                wrong.extend(difference("", &ours, &case["result"]).map(|d| format!("{patch}\n  {d}")));
            }
            (Err(ours), Some(real)) if ours.to_string() == real => {}
            (ours, real) => wrong.push(format!("{patch}\n  ours {ours:?}\n  real {real:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
