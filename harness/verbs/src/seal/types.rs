//! The types of a Secret's fields, as Go reads them: in YAML a number or boolean where a text belongs becomes that text, in JSON it
//! is refused. Errors have Go's words and the key, never the value.

use seatrial_seal::secret::data;
use seatrial_yaml::{Dialect, Node, Scalar, go_g_float};
use serde_json::{Value, json};

/// Fields of the metadata that are texts.
const TEXTS: [&str; 3] = ["name", "generateName", "namespace"];

/// A document as a Secret; `is_json`: it was written in JSON.
///
/// # Errors
/// What Go says of a field of another type, with the key.
pub(super) fn secret(mut root: Node, is_json: bool) -> Result<Value, String> {
    if !is_json {
        for field in TEXTS {
            root.at_mut(&["metadata", field]).into_iter().for_each(text);
        }
        for path in [&["metadata", "labels"][..], &["metadata", "annotations"], &["stringData"]] {
            let entries = root.at_mut(path).and_then(Node::entries_mut).into_iter().flatten();
            entries.for_each(|(_, value)| text(value));
        }
        let finalizers = root.at_mut(&["metadata", "finalizers"]).and_then(Node::items_mut);
        finalizers.into_iter().flatten().for_each(text);
        root.at_mut(&["type"]).into_iter().for_each(text);
    }
    let mut secret = root.to_json(Dialect::KubernetesJson).map_err(|error| error.to_string())?;
    let from = if is_json { "" } else { "error unmarshaling JSON: while decoding JSON: " };
    check(&mut secret).map_err(|why| format!("{from}{why}"))?;
    Ok(secret)
}

/// Makes a scalar the text that Go makes of it.
fn text(node: &mut Node) {
    if !node.is_scalar() {
        return;
    }
    let text = match node.resolve(Dialect::KubernetesJson) {
        Ok(Scalar::Bool(value)) => value.to_string(),
        Ok(Scalar::Int(value)) => value.to_string(),
        Ok(Scalar::UInt(value)) => value.to_string(),
        Ok(Scalar::Float(value)) => go_g_float(value),
        Ok(Scalar::Null | Scalar::Str(_) | Scalar::Time(_)) | Err(_) => return,
    };
    *node = Node::str(text);
}

/// Refuses fields of another type; what is null is nothing.
fn check(secret: &mut Value) -> Result<(), String> {
    if secret["kind"] != "Secret" {
        return Ok(());
    }
    let is = |value: &Value, good: bool, field: &str, of: &str| match good || value.is_null() {
        true => Ok(()),
        false => {
            Err(format!("json: cannot unmarshal {} into Go struct field {field} of type {of}", kind(value)))
        }
    };
    is(&secret["immutable"], secret["immutable"].is_boolean(), "Secret.immutable", "bool")?;
    is(&secret["type"], secret["type"].is_string(), "Secret.type", "v1.SecretType")?;
    let metadata = &secret["metadata"];
    is(metadata, metadata.is_object(), "Secret.metadata", "v1.ObjectMeta")?;
    for field in TEXTS {
        let value = &metadata[field];
        is(value, value.is_string(), &format!("ObjectMeta.metadata.{field}"), "string")?;
    }
    let finalizers = &metadata["finalizers"];
    is(finalizers, finalizers.is_array(), "ObjectMeta.metadata.finalizers", "[]string")?;
    for value in finalizers.as_array().into_iter().flatten() {
        is(value, value.is_string(), "ObjectMeta.metadata.finalizers", "string")?;
    }
    for (map, field, of) in [
        (&metadata["labels"], "ObjectMeta.metadata.labels", "string"),
        (&metadata["annotations"], "ObjectMeta.metadata.annotations", "string"),
        (&secret["data"], "Secret.data", "[]uint8"),
        (&secret["stringData"], "Secret.stringData", "string"),
    ] {
        is(map, map.is_object(), field, &format!("map[string]{of}"))?;
        for (key, value) in map.as_object().into_iter().flatten() {
            let keyed = |why: String| format!("{why}: the key {key:?}");
            is(value, value.is_string(), field, of).map_err(keyed)?;
            if of == "[]uint8" {
                data(&json!({"data": {key.as_str(): value}})).map_err(|error| keyed(error.to_string()))?;
            }
        }
    }
    for field in ["labels", "annotations"] {
        let map = secret.pointer_mut(&format!("/metadata/{field}")).and_then(Value::as_object_mut);
        for value in map.into_iter().flat_map(|map| map.values_mut()).filter(|value| value.is_null()) {
            *value = "".into();
        }
    }
    Ok(())
}

/// What Go calls the type of a JSON value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read(text: &str, is_json: bool) -> Result<Value, String> {
        let parsed = seatrial_yaml::parse(text.as_bytes(), &seatrial_yaml::ParseOptions::default()).unwrap();
        secret(parsed.into_iter().next().unwrap().root, is_json)
    }

    /// As kubeseal v0.27.1 was seen to read them.
    #[rstest]
    #[case("metadata: {annotations: {x: y}}", "/metadata/annotations/x", "true")]
    #[case("metadata: {labels: {v: 1}}", "/metadata/labels/v", "1")]
    #[case("metadata: {labels: {v: 1.50}}", "/metadata/labels/v", "1.5")]
    #[case("metadata: {labels: {v: 1e3}}", "/metadata/labels/v", "1000")]
    #[case("metadata: {labels: {v: 017}}", "/metadata/labels/v", "15")]
    #[case("metadata: {labels: {v: .inf}}", "/metadata/labels/v", "+Inf")]
    #[case("metadata: {labels: {v: 12345678901234567890}}", "/metadata/labels/v", "12345678901234567890")]
    #[case("metadata: {labels: {v: 2020-01-01}}", "/metadata/labels/v", "2020-01-01")]
    #[case("metadata: {labels: {v: ~}}", "/metadata/labels/v", "")]
    #[case("metadata: {finalizers: [1, on]}", "/metadata/finalizers/1", "true")]
    #[case("metadata: {name: 5}", "/metadata/name", "5")]
    #[case("metadata: {name: no}", "/metadata/name", "false")]
    #[case("stringData: {pin: 12345678}", "/stringData/pin", "12345678")]
    #[case("stringData: {pin: on}", "/stringData/pin", "true")]
    #[case("stringData: {no: n}", "/stringData/false", "false")]
    #[case("type: on", "/type", "true")]
    fn what_is_no_text_in_yaml_becomes_one(#[case] field: &str, #[case] at: &str, #[case] text: &str) {
        let secret = read(&format!("apiVersion: v1\nkind: Secret\n{field}\n"), false).unwrap();
        assert_eq!(secret.pointer(at), Some(&json!(text)));
    }

    #[rstest]
    #[case("immutable: \"true\"", "string into Go struct field Secret.immutable of type bool")]
    #[case("stringData: PLANTED", "string into Go struct field Secret.stringData of type map[string]string")]
    #[case("data: PLANTED", "string into Go struct field Secret.data of type map[string][]uint8")]
    #[case("data: {k: 1234}", "number into Go struct field Secret.data of type []uint8: the key \"k\"")]
    #[case(
        "stringData: {k: [PLANTED]}",
        "array into Go struct field Secret.stringData of type string: the key \"k\""
    )]
    #[case("metadata: PLANTED", "string into Go struct field Secret.metadata of type v1.ObjectMeta")]
    #[case("metadata: {name: [a]}", "array into Go struct field ObjectMeta.metadata.name of type string")]
    #[case(
        "metadata: {labels: PLANTED}",
        "string into Go struct field ObjectMeta.metadata.labels of type map[string]string"
    )]
    #[case(
        "metadata: {finalizers: PLANTED}",
        "string into Go struct field ObjectMeta.metadata.finalizers of type []string"
    )]
    fn fields_of_another_type_are_refused_in_gos_words(#[case] field: &str, #[case] says: &str) {
        let refused = read(&format!("apiVersion: v1\nkind: Secret\n{field}\n"), false).unwrap_err();
        let from = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ";
        assert_eq!(refused, format!("{from}{says}"));
    }

    #[test]
    fn json_has_types_of_its_own() {
        let refused = read("{\"kind\": \"Secret\", \"stringData\": {\"pin\": 12345678}}", true).unwrap_err();
        let says = "json: cannot unmarshal number into Go struct field Secret.stringData of type string: the key \"pin\"";
        assert_eq!(refused, says);
        let refused = read("{\"kind\": \"Secret\", \"data\": {\"k\": \"PLA!TED\"}}", true).unwrap_err();
        assert_eq!(refused, "illegal base64 data at input byte 3: the key \"k\"");
    }
}
