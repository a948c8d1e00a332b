//! An OpenAPI v2 document in its protobuf form (package `openapi.v2` of gnostic), the only one that client-go asks for.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Map, Value};

/// Encodes a document: `swagger`, `info`, `paths` and `definitions`.
pub(crate) fn document(document: &Value) -> Bytes {
    let mut out = Message::default();
    out.text(1, text(document, "swagger"));
    let info = document.get("info").unwrap_or(&Value::Null);
    out.message(2, |m| {
        m.text(1, text(info, "title"));
        m.text(2, text(info, "version"));
    });
    // The field is there even where it is empty: clients take a document without paths for a broken one.
    out.message(8, |m| {
        for (name, item) in object(document, "paths") {
            m.message(2, |m| {
                m.text(1, name);
                m.message(2, |m| path_item(m, item));
            });
        }
    });
    out.message(9, |m| {
        for (name, definition) in object(document, "definitions") {
            named_schema(m, name, definition);
        }
    });
    out.0.freeze()
}

fn object<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// A message that is being written.
#[derive(Default)]
struct Message(BytesMut);

impl Message {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.put_u8((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.put_u8(value as u8);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.number(field << 3 | 2);
        self.number(bytes.len() as u64);
        self.0.put_slice(bytes);
    }

    /// An empty text is not written.
    fn text(&mut self, field: u64, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    fn flag(&mut self, field: u64, value: bool) {
        if value {
            self.number(field << 3);
            self.number(1);
        }
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}

/// `NamedAny`: JSON is YAML.
fn extension(m: &mut Message, field: u64, name: &str, value: &Value) {
    m.message(field, |m| {
        m.text(1, name);
        m.message(2, |m| m.text(2, &value.to_string()));
    });
}

fn extensions(m: &mut Message, field: u64, map: &Map<String, Value>) {
    for (name, value) in map.iter().filter(|(name, _)| name.starts_with("x-")) {
        extension(m, field, name, value);
    }
}

fn path_item(m: &mut Message, item: &Value) {
    for (field, verb) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(operation_value) = item.get(verb) {
            m.message(field, |m| operation(m, operation_value));
        }
    }
    for item in list(item, "parameters") {
        m.message(9, |m| parameter(m, item));
    }
}

fn operation(m: &mut Message, value: &Value) {
    for tag in list(value, "tags").filter_map(Value::as_str) {
        m.text(1, tag);
    }
    m.text(3, text(value, "description"));
    m.text(5, text(value, "operationId"));
    for (field, key) in [(6, "produces"), (7, "consumes")] {
        for media in list(value, key).filter_map(Value::as_str) {
            m.text(field, media);
        }
    }
    for item in list(value, "parameters") {
        m.message(8, |m| parameter(m, item));
    }
    m.message(9, |m| {
        for (code, response) in object(value, "responses") {
            m.message(1, |m| {
                m.text(1, code);
                // ResponseValue{response = 1}
                m.message(2, |m| {
                    m.message(1, |m| {
                        m.text(1, text(response, "description"));
                        if let Some(found) = response.get("schema") {
                            // SchemaItem{schema = 1}
                            m.message(2, |m| m.message(1, |m| schema(m, found)));
                        }
                    });
                });
            });
        }
    });
    for scheme in list(value, "schemes").filter_map(Value::as_str) {
        m.text(10, scheme);
    }
    if let Value::Object(map) = value {
        extensions(m, 13, map);
    }
}

/// `ParametersItem`: of the body, of the query, of the path, or a reference.
fn parameter(m: &mut Message, value: &Value) {
    if let Some(target) = value.get("$ref").and_then(Value::as_str) {
        // ParametersItem{json_reference = 2}, JsonReference{_ref = 1}
        m.message(2, |m| m.message(1, |m| m.text(1, target)));
        return;
    }
    let required = value.get("required") == Some(&Value::Bool(true));
    m.message(1, |m| match text(value, "in") {
        // Parameter{body_parameter = 1}
        "body" => m.message(1, |m| {
            m.text(1, text(value, "description"));
            m.text(2, text(value, "name"));
            m.text(3, "body");
            m.flag(4, required);
            if let Some(found) = value.get("schema") {
                m.message(5, |m| schema(m, found));
            }
        }),
        // Parameter{non_body_parameter = 2}: query = 3, path = 4
        place => {
            let (field, type_field, unique) = match place {
                "path" => (4, 5, 19),
                _ => (3, 6, 20),
            };
            m.message(2, |m| {
                m.message(field, |m| {
                    m.flag(1, required);
                    m.text(2, place);
                    m.text(3, text(value, "description"));
                    m.text(4, text(value, "name"));
                    m.text(type_field, text(value, "type"));
                    m.flag(unique, value.get("uniqueItems") == Some(&Value::Bool(true)));
                });
            });
        }
    });
}

fn named_schema(m: &mut Message, name: &str, value: &Value) {
    m.message(1, |m| {
        m.text(1, name);
        m.message(2, |m| schema(m, value));
    });
}

fn schema(m: &mut Message, value: &Value) {
    m.text(1, text(value, "$ref"));
    m.text(2, text(value, "format"));
    m.text(4, text(value, "description"));
    if let Some(default) = value.get("default") {
        m.message(5, |m| m.text(2, &default.to_string()));
    }
    for field in list(value, "required").filter_map(Value::as_str) {
        m.text(19, field);
    }
    for allowed in list(value, "enum") {
        m.message(20, |m| m.text(2, &allowed.to_string()));
    }
    match value.get("additionalProperties") {
        Some(Value::Bool(any)) => m.message(21, |m| m.flag(2, *any)),
        Some(values) => m.message(21, |m| m.message(1, |m| schema(m, values))),
        None => {}
    }
    if let Some(ty) = value.get("type").and_then(Value::as_str) {
        m.message(22, |m| m.text(1, ty));
    }
    if let Some(items) = value.get("items") {
        m.message(23, |m| m.message(1, |m| schema(m, items)));
    }
    if value.get("properties").is_some() {
        m.message(25, |m| {
            for (name, property) in object(value, "properties") {
                named_schema(m, name, property);
            }
        });
    }
    if let Value::Object(map) = value {
        extensions(m, 31, map);
    }
}
