//! Strategic merge patches: what the real server answered, recorded in `data/strategic_merge.json`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "kube/defaulted.rs"]
mod defaulted;

use defaulted::difference;
use seatrial_schema::kubernetes;
use seatrial_sim::strategic_merge::merge;
use serde_json::Value;

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
                ours["spec"].as_object_mut().unwrap().remove("zork");
                wrong.extend(difference("", &ours, &case["result"]).map(|d| format!("{patch}\n  {d}")));
            }
            (Err(ours), Some(real)) if ours.to_string() == real => {}
            (ours, real) => wrong.push(format!("{patch}\n  ours {ours:?}\n  real {real:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
