//! Makes generated schemas what Flux's own are: structural, and without `nullable`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

/// The schema of the first version of a generated definition. Optional fields are absent or set, never null.
pub(super) fn of(crd: &CustomResourceDefinition) -> Value {
    let generated = serde_json::to_value(crd).unwrap_or_default();
    let mut schema = generated["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    tidy(&mut schema);
    for (field, type_) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
        if schema["properties"].get(field).is_none() {
            schema["properties"][field] = json!({ "type": type_ });
        }
    }
    schema
}

fn tidy(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.remove("nullable");
    fields.remove("title");
    // A default that says what absence says only makes stored objects larger.
    fields.remove("default");
    if fields
        .get("format")
        .is_some_and(|format| format.as_str().is_some_and(|format| format.starts_with("uint")))
    {
        fields.remove("format");
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tidy);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(inner) {
            tidy(inner);
        }
    }
}

/// Removes the fields at `paths` (`spec.dependsOn[].readyExpr`).
pub(super) fn remove(schema: &mut Value, paths: &[&str]) {
    for path in paths {
        let steps: Vec<&str> = path.split('.').collect();
        remove_one(schema, &steps);
    }
}

fn remove_one(schema: &mut Value, steps: &[&str]) {
    let Some((step, rest)) = steps.split_first() else { return };
    let (name, in_items) = match step.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (*step, false),
    };
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    if rest.is_empty() {
        properties.remove(name);
        return;
    }
    let Some(mut inner) = properties.get_mut(name) else { return };
    if in_items {
        let Some(items) = inner.get_mut("items") else { return };
        inner = items;
    }
    remove_one(inner, rest);
}
