//! JSON to structural schema.

use serde_json::{Map, Value, json};

use super::node::{Checks, ListKind, Node, Type};
use super::{CompileError, names, rules};
use super::{format, validate, violation};

/// Parses a whole schema.
pub(super) fn root(schema: &Value, path: &str) -> Result<Node, Vec<CompileError>> {
    let mut parser = Parser { errors: Vec::new() };
    let node = parser.node(schema, path, Position::Structural);
    if node.ty != Some(Type::Object) {
        parser.error(
            violation::INVALID,
            format!("{path}.type"),
            "must be object at the root of a schema".to_owned(),
        );
    }
    parser.errors.extend(names::check(&node, path));
    if parser.errors.is_empty() { Ok(node) } else { Err(parser.errors) }
}

/// Where a schema stands: within `allOf`, `anyOf`, `oneOf`, `not` there are validations only.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Structural,
    Junctor,
}

struct Parser {
    errors: Vec<CompileError>,
}

impl Parser {
    fn error(&mut self, reason: &'static str, field: String, message: String) {
        self.errors.push(CompileError { reason, field, message });
    }

    fn forbidden(&mut self, path: &str, key: &str, message: &str) {
        self.error("FieldValueForbidden", format!("{path}.{key}"), format!("Forbidden: {message}"));
    }

    fn invalid(&mut self, path: &str, key: &str, value: &Value, message: &str) {
        self.error(violation::INVALID, format!("{path}.{key}"), format!("Invalid value: {value}: {message}"));
    }

    fn node(&mut self, schema: &Value, path: &str, position: Position) -> Node {
        let mut node = Node::default();
        let Some(map) = schema.as_object() else {
            self.error(violation::INVALID, path.to_owned(), "must be an object".to_owned());
            return node;
        };
        for (key, value) in map {
            if position == Position::Junctor && is_structural(key) {
                self.forbidden(path, key, "must be empty to be structural");
            } else if !self.structure(&mut node, key, value, map, path, position)
                && !self.check(&mut node.checks, key, value, map, path)
            {
                self.forbidden(path, key, &format!("the schema keyword {key} is not supported"));
            }
        }
        if position == Position::Structural {
            self.finish(&mut node, map, path);
        }
        node
    }

    fn structure(
        &mut self,
        node: &mut Node,
        key: &str,
        value: &Value,
        map: &Map<String, Value>,
        path: &str,
        position: Position,
    ) -> bool {
        match key {
            "description" | "title" | "example" | "externalDocs" | "id" | "$schema" => {}
            "type" => node.ty = self.ty(value, path),
            "nullable" => node.nullable = value == &Value::Bool(true),
            "default" => node.default = Some(value.clone()),
            "x-kubernetes-int-or-string" => node.int_or_string = value == &Value::Bool(true),
            "x-kubernetes-preserve-unknown-fields" => node.preserve_unknown = value == &Value::Bool(true),
            "x-kubernetes-embedded-resource" => node.embedded = value == &Value::Bool(true),
            "x-kubernetes-map-type" => node.atomic_map = value == "atomic",
            "x-kubernetes-list-type" => node.list = self.list(value, map, path),
            "x-kubernetes-list-map-keys" => {}
            "x-kubernetes-validations" => match rules::parse(value, &format!("{path}.{key}")) {
                Ok(rules) => node.rules = rules,
                Err(errors) => self.errors.extend(errors),
            },
            "properties" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    let property = self.node(schema, &format!("{path}.properties[{name}]"), position);
                    node.properties.insert(name.clone(), property);
                }
            }
            "additionalProperties" => match value {
                Value::Object(_) => {
                    let path = format!("{path}.{key}");
                    node.additional = Some(Box::new(self.node(value, &path, position)));
                }
                Value::Bool(true) => {
                    node.additional =
                        Some(Box::new(Node { preserve_unknown: true, nullable: true, ..Node::default() }));
                }
                _ => self.forbidden(path, key, "additionalProperties cannot be set to false"),
            },
            "items" => node.items = Some(Box::new(self.node(value, &format!("{path}.{key}"), position))),
            _ => return false,
        }
        true
    }

    fn ty(&mut self, value: &Value, path: &str) -> Option<Type> {
        Some(match value.as_str() {
            Some("object") => Type::Object,
            Some("array") => Type::Array,
            Some("string") => Type::String,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("boolean") => Type::Boolean,
            Some("") => return None,
            _ => {
                let supported = r#""array", "boolean", "integer", "number", "object", "string""#;
                let message = format!("Unsupported value: {value}: supported values: {supported}");
                self.error("FieldValueNotSupported", format!("{path}.type"), message);
                return None;
            }
        })
    }

    fn list(&mut self, value: &Value, map: &Map<String, Value>, path: &str) -> Option<ListKind> {
        match value.as_str() {
            Some("atomic") => Some(ListKind::Atomic),
            Some("set") => Some(ListKind::Set),
            Some("map") => {
                let keys = map.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let keys: Vec<String> =
                    keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                if keys.is_empty() {
                    self.error(
                        violation::REQUIRED,
                        format!("{path}.x-kubernetes-list-map-keys"),
                        "Required value: must not be empty if x-kubernetes-list-type is map".to_owned(),
                    );
                }
                Some(ListKind::Map(keys))
            }
            _ => {
                let message =
                    format!("Unsupported value: {value}: supported values: \"atomic\", \"map\", \"set\"");
                self.error("FieldValueNotSupported", format!("{path}.x-kubernetes-list-type"), message);
                None
            }
        }
    }

    fn check(
        &mut self,
        checks: &mut Checks,
        key: &str,
        value: &Value,
        map: &Map<String, Value>,
        path: &str,
    ) -> bool {
        let is_set = |key: &str| map.get(key) == Some(&Value::Bool(true));
        let number = || value.as_u64();
        match key {
            "format" => checks.format = value.as_str().filter(|f| format::is_known(f)).map(str::to_owned),
            "pattern" => {
                let pattern = value.as_str().unwrap_or_default();
                match regex::Regex::new(pattern) {
                    Ok(regex) => checks.pattern = Some((pattern.to_owned(), regex)),
                    Err(error) => {
                        let error = error.to_string();
                        let reason = error.lines().last().unwrap_or_default();
                        let message = format!("must be a valid regular expression, but isn't: {reason}");
                        self.invalid(path, key, value, &message);
                    }
                }
            }
            "enum" => checks.enum_values = value.as_array().cloned(),
            "minimum" => checks.minimum = value.as_f64().map(|v| (v, is_set("exclusiveMinimum"))),
            "maximum" => checks.maximum = value.as_f64().map(|v| (v, is_set("exclusiveMaximum"))),
            "exclusiveMinimum" | "exclusiveMaximum" => {}
            "multipleOf" => checks.multiple_of = value.as_f64(),
            "minLength" => checks.length.min = number(),
            "maxLength" => checks.length.max = number(),
            "minItems" => checks.items.min = number(),
            "maxItems" => checks.items.max = number(),
            "minProperties" => checks.properties.min = number(),
            "maxProperties" => checks.properties.max = number(),
            "uniqueItems" if value == &Value::Bool(false) => {}
            "uniqueItems" => self.forbidden(
                path,
                key,
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
            ),
            "required" => {
                let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                checks.required = names.map(str::to_owned).collect();
            }
            // The usual spelling of the two types of an int-or-string is no validation of its own.
            "anyOf" | "allOf" if is_set("x-kubernetes-int-or-string") && is_either(value, key) => {}
            "allOf" => checks.all_of = self.junctor(value, key, path),
            "anyOf" => checks.any_of = self.junctor(value, key, path),
            "oneOf" => checks.one_of = self.junctor(value, key, path),
            "not" => {
                checks.not = Some(Box::new(self.node(value, &format!("{path}.not"), Position::Junctor)));
            }
            "$ref" => self.forbidden(path, key, "$ref is not supported"),
            _ => return false,
        }
        true
    }

    fn junctor(&mut self, value: &Value, key: &str, path: &str) -> Vec<Node> {
        let schemas = value.as_array().into_iter().flatten().enumerate();
        schemas.map(|(i, s)| self.node(s, &format!("{path}.{key}[{i}]"), Position::Junctor)).collect()
    }

    /// What holds of a node as a whole.
    fn finish(&mut self, node: &mut Node, map: &Map<String, Value>, path: &str) {
        let untyped = node.int_or_string || node.preserve_unknown;
        if node.ty.is_none() && !untyped && !self.errors.iter().any(|e| e.field == format!("{path}.type")) {
            let message = "Required value: must not be empty for specified object fields".to_owned();
            self.error(violation::REQUIRED, format!("{path}.type"), message);
        }
        if node.ty == Some(Type::Array) && node.items.is_none() {
            let message = "Required value: must be specified".to_owned();
            self.error(violation::REQUIRED, format!("{path}.items"), message);
        }
        if !node.properties.is_empty() && node.additional.is_some() {
            self.forbidden(
                path,
                "additionalProperties",
                "additionalProperties and properties are mutual exclusive",
            );
        }
        if let (Some(default), Some(_)) = (&node.default, map.get("default"))
            && self.errors.is_empty()
        {
            for violation in validate::validate_default(default, node) {
                let field = match violation.field.as_str() {
                    violation::NOWHERE => format!("{path}.default"),
                    below => format!("{path}.default.{below}"),
                };
                self.error(violation.reason, field, violation.message);
            }
        }
    }
}

fn is_either(value: &Value, key: &str) -> bool {
    let either = json!([{"type": "integer"}, {"type": "string"}]);
    value == &if key == "anyOf" { either } else { json!([{"anyOf": either}]) }
}

/// Keywords that say what a value is, not what it must fulfil. Of these a junctor has `properties`, `items` and
/// `additionalProperties` only.
fn is_structural(key: &str) -> bool {
    matches!(key, "description" | "type" | "default" | "nullable" | "title" | "additionalProperties")
        || (key.starts_with("x-kubernetes-") && key != "x-kubernetes-validations")
}
