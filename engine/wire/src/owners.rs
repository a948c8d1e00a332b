//! The fields of owners, which a value that is handed over may hold as text.

use serde_json::Value;

/// The `fieldsV1` of an entry of `metadata.managedFields`, read where it is text; null where there is none.
pub fn fields_v1(entry: &Value) -> Value {
    match &entry["fieldsV1"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        fields => fields.clone(),
    }
}

/// Gives an object, or each of the items of a list, the fields of its owners as its text has them.
pub fn expand(object: &mut Value) {
    if let Some(Value::Array(items)) = object.get_mut("items") {
        items.iter_mut().for_each(expand);
    }
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let entries =
        metadata.and_then(|metadata| metadata.get_mut("managedFields")).and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter(|entry| entry["fieldsV1"].is_string()) {
        let fields = fields_v1(entry);
        entry["fieldsV1"] = fields;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_read_from_text_and_left_as_they_are_otherwise() {
        let object = |fields: Value| json!({"metadata": {"managedFields": [{"manager": "m", "fieldsV1": fields}, {}]}});
        let fields = json!({"f:data": {".": {}, "f:a": {}}});
        for form in [fields.clone(), fields.to_string().into()] {
            let mut one = object(form.clone());
            assert_eq!(fields_v1(&one["metadata"]["managedFields"][0]), fields);
            expand(&mut one);
            assert_eq!(one, object(fields.clone()));
            let mut list = json!({"metadata": {}, "items": [object(form)]});
            expand(&mut list);
            assert_eq!(list["items"][0], object(fields.clone()));
        }
        let mut plain = json!({"metadata": {"name": "a"}});
        expand(&mut plain);
        assert_eq!(plain, json!({"metadata": {"name": "a"}}));
    }
}
