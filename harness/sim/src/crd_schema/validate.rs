//! Structural validation.

use serde_json::{Map, Number, Value};

use super::format;
use super::node::{Checks, ListKind, Node, Type};
use super::path::Path;
use super::violation::{Violation, is_whole};
use crate::managed_fields::compare_values;

/// What is wrong with the structure of an object.
pub(super) fn validate(object: &Value, root: &Node) -> Vec<Violation> {
    let mut found = Vec::new();
    value(object, root, &Path::Root, &mut found);
    lists(object, root, &Path::Root, &mut found);
    found
}

/// What is wrong with a default.
pub(super) fn validate_default(default: &Value, node: &Node) -> Vec<Violation> {
    validate(default, node)
}

fn value(v: &Value, node: &Node, path: &Path<'_>, found: &mut Vec<Violation>) {
    if v.is_null() && node.nullable {
        return;
    }
    if let Some(expected) = expected_type(v, node) {
        found.push(Violation::wrong_type(path, expected, v));
        let checks = &node.checks;
        if node.ty == Some(Type::Integer)
            && v.is_number()
            && (checks.minimum.is_some() || checks.maximum.is_some() || checks.multiple_of.is_some())
        {
            let message = format!("Checked value must be of type integer (default format) in {path}");
            found.push(Violation::nowhere(&message));
        }
        enumeration(v, checks, path, found);
        if let (Value::Number(n), Some(Type::Integer)) = (v, node.ty) {
            number(n, v, checks, path, found);
        }
        return;
    }
    junctors(v, &node.checks, path, found);
    match v {
        Value::Object(map) => object(map, node, path, found),
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for (index, item) in list.iter().enumerate() {
                    value(item, items, &path.item(index), found);
                }
            }
            let (count, range) = (list.len(), node.checks.items);
            if let Some(min) = range.min.filter(|min| (count as u64) < *min) {
                found.push(Violation::should(path, &count.into(), &format!("have at least {min} items")));
            }
            if let Some(max) = range.max.filter(|max| (count as u64) > *max) {
                found.push(Violation::too_many(path, count, max));
            }
        }
        Value::String(text) => string(text, v, &node.checks, path, found),
        Value::Number(n) => {
            int_format(n, &node.checks, path, found);
            number(n, v, &node.checks, path, found);
        }
        Value::Bool(_) | Value::Null => {}
    }
    enumeration(v, &node.checks, path, found);
}

/// The type that a node expects, where the value is of another one.
fn expected_type(v: &Value, node: &Node) -> Option<&'static str> {
    if node.int_or_string {
        let fits = match v {
            Value::String(_) => true,
            Value::Number(n) => is_whole(n),
            _ => false,
        };
        return (!fits).then_some("integer,string");
    }
    let ty = node.ty?;
    let fits = match (ty, v) {
        (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::String, Value::String(_))
        | (Type::Boolean, Value::Bool(_))
        | (Type::Number, Value::Number(_)) => true,
        (Type::Integer, Value::Number(n)) => is_whole(n),
        _ => false,
    };
    (!fits).then_some(ty.name())
}

fn object(map: &Map<String, Value>, node: &Node, path: &Path<'_>, found: &mut Vec<Violation>) {
    let (count, range) = (map.len(), node.checks.properties);
    if let Some(min) = range.min.filter(|min| (count as u64) < *min) {
        found.push(Violation::should(path, &count.into(), &format!("have at least {min} properties")));
    }
    if let Some(max) = range.max.filter(|max| (count as u64) > *max) {
        found.push(Violation::too_many(path, count, max));
    }
    for (key, below) in map {
        if let Some(property) = node.properties.get(key).or(node.additional.as_deref()) {
            value(below, property, &path.field(key), found);
        }
    }
    for name in &node.checks.required {
        if !map.contains_key(name) {
            found.push(Violation::required(path.field(name)));
        }
    }
    if node.embedded {
        for name in ["apiVersion", "kind"] {
            match map.get(name) {
                None => found.push(Violation::required(path.field(name))),
                Some(v) if v == "" => {
                    found.push(Violation::invalid(path.field(name), v, "must not be empty"))
                }
                Some(_) => {}
            }
        }
    }
}

fn string(text: &str, v: &Value, checks: &Checks, path: &Path<'_>, found: &mut Vec<Violation>) {
    let length = text.chars().count() as u64;
    if let Some(max) = checks.length.max.filter(|max| length > *max) {
        found.push(Violation::too_long(path, max));
    } else if let Some(min) = checks.length.min.filter(|min| length < *min) {
        found.push(Violation::should(path, v, &format!("be at least {min} chars long")));
    } else if let Some((source, _)) = checks.pattern.as_ref().filter(|(_, regex)| !regex.is_match(text)) {
        found.push(Violation::should(path, v, &format!("match '{source}'")));
    }
    if let Some(name) = checks.format.as_deref().filter(|name| !format::is_valid(name, text)) {
        found.push(Violation::wrong_format(path, name, v));
    }
}

fn int_format(n: &Number, checks: &Checks, path: &Path<'_>, found: &mut Vec<Violation>) {
    let fits = match checks.format.as_deref() {
        Some("int32") => n.as_i64().is_none_or(|n| i32::try_from(n).is_ok()) && !n.is_u64_over(),
        Some("int64") => !n.is_u64_over(),
        _ => true,
    };
    if !fits {
        let name = checks.format.as_deref().unwrap_or_default();
        let message = format!("Checked value must be of type integer with format {name} in {path}");
        found.push(Violation::nowhere(&message));
    }
}

trait Over {
    /// Beyond the range of a signed 64-bit integer.
    fn is_u64_over(&self) -> bool;
}

impl Over for Number {
    fn is_u64_over(&self) -> bool {
        self.as_i64().is_none() && self.is_u64()
    }
}

fn number(n: &Number, v: &Value, checks: &Checks, path: &Path<'_>, found: &mut Vec<Violation>) {
    let Some(value) = n.as_f64() else { return };
    // The real server compares a whole value with the whole part of a bound.
    let bound = |b: f64| if n.is_i64() || n.is_u64() { b.trunc() } else { b };
    if let Some(step) = checks.multiple_of
        && (value / step).fract() != 0.0
    {
        found.push(Violation::should(path, v, &format!("be a multiple of {step}")));
    }
    if let Some((max, exclusive)) = checks.maximum {
        let within = if exclusive { value < bound(max) } else { value <= bound(max) };
        if !within {
            let what = if exclusive { "less than" } else { "less than or equal to" };
            found.push(Violation::should(path, v, &format!("be {what} {max}")));
        }
    }
    if let Some((min, exclusive)) = checks.minimum {
        let within = if exclusive { value > bound(min) } else { value >= bound(min) };
        if !within {
            let what = if exclusive { "greater than" } else { "greater than or equal to" };
            found.push(Violation::should(path, v, &format!("be {what} {min}")));
        }
    }
}

fn enumeration(v: &Value, checks: &Checks, path: &Path<'_>, found: &mut Vec<Violation>) {
    if let Some(values) = &checks.enum_values
        && !values.iter().any(|e| compare_values(e, v).is_eq())
    {
        found.push(Violation::unsupported(path, v, values));
    }
}

fn junctors(v: &Value, checks: &Checks, path: &Path<'_>, found: &mut Vec<Violation>) {
    let run = |node: &Node| {
        let mut errors = Vec::new();
        value(v, node, path, &mut errors);
        errors
    };
    let nearest = |all: Vec<Vec<Violation>>| all.into_iter().min_by_key(Vec::len).unwrap_or_default();
    if !checks.any_of.is_empty() {
        let all: Vec<_> = checks.any_of.iter().map(run).collect();
        if all.iter().all(|errors| !errors.is_empty()) {
            let path = path.to_string();
            found.push(Violation::nowhere(&format!("{path:?} must validate at least one schema (anyOf)")));
            found.extend(nearest(all));
        }
    }
    if !checks.one_of.is_empty() {
        let all: Vec<_> = checks.one_of.iter().map(run).collect();
        let what = "must validate one and only one schema (oneOf).";
        let path = path.to_string();
        match all.iter().filter(|errors| errors.is_empty()).count() {
            0 => {
                found.push(Violation::nowhere(&format!("{path:?} {what} Found none valid")));
                found.extend(nearest(all));
            }
            1 => {}
            n => found.push(Violation::nowhere(&format!("{path:?} {what} Found {n} valid alternatives"))),
        }
    }
    if !checks.all_of.is_empty() {
        let errors: Vec<_> = checks.all_of.iter().flat_map(run).collect();
        if !errors.is_empty() {
            found.extend(errors);
            let path = path.to_string();
            found.push(Violation::nowhere(&format!("{path:?} must validate all the schemas (allOf)")));
        }
    }
    if let Some(not) = &checks.not
        && run(not).is_empty()
    {
        let path = path.to_string();
        found.push(Violation::nowhere(&format!("{path:?} must not validate the schema (not)")));
    }
}

/// Sets and maps in the form of lists hold no item twice.
fn lists(v: &Value, node: &Node, path: &Path<'_>, found: &mut Vec<Violation>) {
    match v {
        Value::Object(map) => {
            for (key, below) in map {
                if let Some(property) = node.properties.get(key).or(node.additional.as_deref()) {
                    lists(below, property, &path.field(key), found);
                }
            }
        }
        Value::Array(list) => {
            let mut seen: Vec<Value> = Vec::new();
            for (index, item) in list.iter().enumerate() {
                let path = path.item(index);
                let identity = match &node.list {
                    Some(ListKind::Set) => item.clone(),
                    Some(ListKind::Map(keys)) => match item.as_object() {
                        Some(map) => {
                            keys.iter().filter_map(|k| Some((k.clone(), map.get(k)?.clone()))).collect()
                        }
                        None => {
                            let message = "must be an object for an array of list-type map";
                            found.push(Violation::invalid(path, item, message));
                            continue;
                        }
                    },
                    _ => break,
                };
                if seen.iter().any(|s| compare_values(s, &identity).is_eq()) {
                    found.push(Violation::duplicate(path, &identity));
                } else {
                    seen.push(identity);
                }
            }
            if let Some(items) = &node.items {
                for (index, item) in list.iter().enumerate() {
                    lists(item, items, &path.item(index), found);
                }
            }
        }
        _ => {}
    }
}
