//! The set of fields that a configuration lists, and what is wrong with it.

use seatrial_schema::{Scalar, TypeKind, TypeRef};
use serde_json::Value;

use super::go::{go_syntax, go_value};
use super::walk::{Child, View, child, item_element, view};
use super::{FieldSet, PathElement};

/// The fields that an applied configuration claims.
///
/// # Errors
/// Every place that does not fit the type, as `PATH: MESSAGE`.
pub(super) fn claimed(value: &Value, ty: TypeRef<'_>) -> Result<FieldSet, Vec<String>> {
    let mut walk = Claims { errors: Vec::new() };
    let (_, set) = walk.value(value, ty);
    if walk.errors.is_empty() { Ok(set) } else { Err(walk.errors) }
}

struct Claims {
    /// What does not fit, with its path from the place that is being walked.
    errors: Vec<String>,
}

impl Claims {
    fn error(&mut self, message: impl std::fmt::Display) {
        self.errors.push(format!(": {message}"));
    }

    /// Walks what is at an element.
    fn at<T>(&mut self, element: impl FnOnce() -> PathElement, walk: impl FnOnce(&mut Claims) -> T) -> T {
        let before = self.errors.len();
        let found = walk(self);
        if let Some(new @ [_, ..]) = self.errors.get_mut(before..) {
            let element = element();
            new.iter_mut().for_each(|error| *error = format!("{element}{error}"));
        }
        found
    }

    /// What is claimed below a value, and whether the value itself is claimed as a whole.
    fn value(&mut self, value: &Value, ty: TypeRef<'_>) -> (bool, FieldSet) {
        let mut set = FieldSet::default();
        if let Some(expected) = mismatch(value, ty) {
            self.error(expected);
            return (false, set);
        }
        match view(ty, Some(value), None) {
            View::Leaf => {
                self.check_leaf(value, ty);
                return (true, set);
            }
            View::Map(ty) => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    let element = || PathElement::Field(key.clone());
                    let below = child(ty, key);
                    let is_entry = matches!(below, Child::Entry(_)) || is_empty(value);
                    let claimed = self.at(element, |walk| match below {
                        Child::Field(ty) | Child::Entry(ty) => Some(walk.value(value, ty)),
                        Child::Undeclared => {
                            walk.error("field not declared in schema");
                            None
                        }
                    });
                    if let Some((is_whole, below)) = claimed {
                        set.put(element(), is_entry || is_whole, below);
                    }
                }
            }
            View::List(items, kind) => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    match item_element(items, kind, item) {
                        Err(message) => self.error(format_args!("element {index}: {message}")),
                        Ok(element) if set.has(&element) => {
                            self.error(format_args!("duplicate entries for key {element}"));
                        }
                        Ok(element) => {
                            let (_, below) = self.at(|| element.clone(), |walk| walk.value(item, items));
                            set.put(element, true, below);
                        }
                    }
                }
            }
        }
        (false, set)
    }

    /// What is inside of an atomic value is checked, and not claimed.
    fn check_leaf(&mut self, value: &Value, ty: TypeRef<'_>) {
        match (value, ty.kind()) {
            (Value::Array(list), TypeKind::List) => {
                let Some(items) = ty.items() else { return };
                for (index, item) in (0..).zip(list) {
                    self.at(|| PathElement::Index(index), |walk| walk.inside(item, items));
                }
            }
            (Value::Object(map), TypeKind::Object | TypeKind::Map) => {
                for (key, value) in map {
                    self.at(
                        || PathElement::Field(key.clone()),
                        |walk| match child(ty, key) {
                            Child::Field(ty) | Child::Entry(ty) => walk.inside(value, ty),
                            Child::Undeclared => walk.error("field not declared in schema"),
                        },
                    );
                }
            }
            _ => {}
        }
    }

    fn inside(&mut self, value: &Value, ty: TypeRef<'_>) {
        match mismatch(value, ty) {
            Some(expected) => self.error(expected),
            None => self.check_leaf(value, ty),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(|m| m.is_empty())
}

/// What the type expects, where the value is of another kind. `null` fits every type.
fn mismatch(value: &Value, ty: TypeRef<'_>) -> Option<String> {
    let shown = || go_syntax(value);
    match (ty.kind(), value) {
        (_, Value::Null) | (TypeKind::Any, _) => None,
        (TypeKind::Object | TypeKind::Map, Value::Object(_)) | (TypeKind::List, Value::Array(_)) => None,
        // A type that marshals itself (such as a raw extension) may be anything.
        (TypeKind::FreeObject, _) => None,
        (TypeKind::Object | TypeKind::Map, _) => Some(format!("expected map, got &{{{}}}", go_value(value))),
        (TypeKind::List, _) => Some(format!("expected list, got &{{{}}}", go_value(value))),
        (TypeKind::Scalar(scalar), _) => match (scalar, value) {
            (Scalar::String, Value::String(_)) => None,
            (Scalar::String, _) => {
                Some(format!("expected string, got &value.valueUnstructured{{Value:{}}}", shown()))
            }
            (Scalar::Integer | Scalar::Number, Value::Number(_)) => None,
            (Scalar::Integer | Scalar::Number, Value::String(_)) => {
                Some("expected numeric (int or float), got string".to_owned())
            }
            (Scalar::Integer | Scalar::Number, _) => Some(format!(
                "expected numeric (int or float), got {}",
                match value {
                    Value::Bool(_) => "bool",
                    Value::Array(_) => "[]interface {}",
                    _ => "map[string]interface {}",
                }
            )),
            (Scalar::Boolean, Value::Bool(_)) => None,
            (Scalar::Boolean, _) => Some(format!("expected boolean, got &{{{}}}", go_value(value))),
            (Scalar::IntOrString | Scalar::Quantity, Value::Object(_) | Value::Array(_)) => {
                Some(format!("expected scalar, got &value.valueUnstructured{{Value:{}}}", shown()))
            }
            (Scalar::IntOrString | Scalar::Quantity, _) => None,
        },
    }
}
