//! What structs show although it is empty, and who owns it.

use seatrial_schema::TypeKind;
use serde_json::{Map, Value};

use super::is_zero;
use super::plan::{Plan, Zero};
use crate::kind::Kind;

/// The object without what its structs always show although it is empty: nobody owns that when an object is created.
pub(crate) fn without_empty(kind: &Kind, object: &Value) -> Value {
    let Kind::BuiltIn(resource) = kind else { return object.clone() };
    let ty = seatrial_schema::kubernetes().type_of(&resource.api_version(), &resource.kind);
    match (ty.and_then(Plan::of), object) {
        (Some(plan), Value::Object(map)) => Value::Object(strip(map, plan)),
        _ => object.clone(),
    }
}

/// Where an object is sent with an empty list in a field that always shows: whoever sends it owns it, although it is stored as
/// one that was left out.
pub(crate) fn empty_lists(kind: &Kind, sent: &Value) -> Vec<Vec<&'static str>> {
    fn find(
        map: &Map<String, Value>,
        plan: &'static Plan,
        path: &mut Vec<&'static str>,
        found: &mut Vec<Vec<&'static str>>,
    ) {
        for (key, value) in map {
            let Some(field) = plan.field(key) else { continue };
            path.push(field.name);
            match (value, field.plan()) {
                (Value::Array(list), _) if list.is_empty() && field.zero == Zero::Null => {
                    found.push(path.clone());
                }
                (Value::Object(map), Some(plan)) if field.ty.kind() == TypeKind::Object => {
                    find(map, plan, path, found);
                }
                _ => {}
            }
            path.pop();
        }
    }
    let mut found = Vec::new();
    let Kind::BuiltIn(resource) = kind else { return found };
    let ty = seatrial_schema::kubernetes().type_of(&resource.api_version(), &resource.kind);
    if let (Some(plan), Value::Object(map)) = (ty.and_then(Plan::of), sent) {
        find(map, plan, &mut Vec::new(), &mut found);
    }
    found
}

fn strip(map: &Map<String, Value>, plan: &'static Plan) -> Map<String, Value> {
    let mut out = Map::with_capacity(map.len());
    for (key, value) in map {
        let Some(field) = plan.field(key) else { continue };
        let scalar = matches!(field.ty.kind(), TypeKind::Scalar(_));
        match (field.zero, value, field.plan()) {
            // A text that shows as null is owned all the same, but not a time.
            (Zero::Null, Value::Null, _) if !scalar || field.ty.format().is_some() => {}
            (Zero::Shown, value, _) if scalar && is_zero(value) => {}
            (_, Value::Object(inner), Some(plan)) if field.ty.kind() == TypeKind::Object => {
                out.insert(key.clone(), Value::Object(strip(inner, plan)));
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    out
}
