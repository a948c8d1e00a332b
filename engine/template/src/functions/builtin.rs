//! Go's own functions.

use std::cmp::Ordering;

use super::Type::{Any, Text};
use super::{Called, Function, escape, fixed, open};
use crate::print;
use crate::value::Value;

pub(super) static TABLE: &[Function] = &[
    Function { stops_at: Some(false), ..open("and", &[Any], Any, |_| Ok(Value::Nil)) },
    Function { stops_at: Some(true), ..open("or", &[Any], Any, |_| Ok(Value::Nil)) },
    fixed("not", &[Any], |values| Ok(Value::Bool(!values[0].truth()))),
    open("call", &[Any], Any, |values| match &values[0] {
        Value::Missing | Value::Nil => Err("call of nil".into()),
        other => Err(format!("non-function of type {}", other.type_name())),
    }),
    open("eq", &[Any], Any, eq),
    fixed("ne", &[Any, Any], |values| Ok(Value::Bool(!equal(&values[0], &values[1])?))),
    fixed("lt", &[Any, Any], |values| Ok(Value::Bool(order(values)? == Some(Ordering::Less)))),
    fixed("le", &[Any, Any], |values| {
        Ok(Value::Bool(matches!(order(values)?, Some(Ordering::Less | Ordering::Equal))))
    }),
    fixed("gt", &[Any, Any], |values| {
        Ok(Value::Bool(!matches!(order(values)?, Some(Ordering::Less | Ordering::Equal))))
    }),
    fixed("ge", &[Any, Any], |values| Ok(Value::Bool(order(values)? != Some(Ordering::Less)))),
    open("html", &[], Any, |values| Ok(Value::from(escape::html(&joined(values))))),
    open("js", &[], Any, |values| Ok(Value::from(escape::js(&joined(values))))),
    open("urlquery", &[], Any, |values| Ok(Value::from(escape::query(&joined(values))))),
    open("print", &[], Any, |values| Ok(Value::from(print::sprint(values)))),
    open("printf", &[Text], Any, |values| {
        print::sprintf(super::text(values, 0), &values[1..]).map(Value::from)
    }),
    open("println", &[], Any, |values| Ok(Value::from(print::sprintln(values)))),
    fixed("len", &[Any], length),
    open("index", &[Any], Any, index),
    open("slice", &[Any], Any, slice),
];

/// What the escaping functions work on: one text as it is, anything else as it is printed.
fn joined(values: &[Value]) -> String {
    match values {
        [Value::Text(text)] => text.to_string(),
        _ => {
            let shown: Vec<Value> = values
                .iter()
                .map(|value| if value.is_nil() { Value::from("<no value>") } else { value.clone() })
                .collect();
            print::sprint(&shown)
        }
    }
}

fn eq(values: &[Value]) -> Called {
    if values.len() < 2 {
        return Err("missing argument for comparison".into());
    }
    for other in &values[1..] {
        if equal(&values[0], other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Whether two values are equal; fails where Go does not compare their types.
fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        _ if a.is_nil() || b.is_nil() => Ok(a.is_nil() && b.is_nil()),
        _ if is_basic(a) || is_basic(b) => Err(incompatible(a, b)),
        _ if a.type_name() != b.type_name() => Err(format!(
            "non-comparable types {}: {}, {}: {}",
            print::as_string(a),
            a.type_name(),
            b.type_name(),
            print::as_string(b)
        )),
        _ => Err(format!("non-comparable type {}: {}", print::as_string(a), a.type_name())),
    }
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

fn is_basic(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Float(_) | Value::Text(_))
}

fn order(values: &[Value]) -> Result<Option<Ordering>, String> {
    let (a, b) = (&values[0], &values[1]);
    let invalid = || Err("invalid type for comparison".into());
    if !is_basic(a) || !is_basic(b) {
        return invalid();
    }
    match (a, b) {
        (Value::Bool(_), Value::Bool(_)) => invalid(),
        (Value::Int(a) | Value::Int64(a), Value::Int(b) | Value::Int64(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        _ => Err(incompatible(a, b)),
    }
}

fn length(values: &[Value]) -> Called {
    let length = match &values[0] {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.borrow().len(),
        Value::Pairs(pairs) => pairs.len(),
        Value::Missing | Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

fn position(index: &Value, limit: usize) -> Result<usize, String> {
    let Some(number) = index.as_int() else {
        return Err(match index {
            Value::Missing | Value::Nil => "cannot index slice/array with nil".into(),
            other => format!("cannot index slice/array with type {}", other.type_name()),
        });
    };
    usize::try_from(number)
        .ok()
        .filter(|at| *at <= limit)
        .ok_or_else(|| format!("index out of range: {number}"))
}

fn index(values: &[Value]) -> Called {
    let mut item = values[0].clone();
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    for index in &values[1..] {
        item = match &item {
            Value::List(items) => items
                .get(position(index, items.len())?)
                .cloned()
                .ok_or("reflect: slice index out of range")?,
            Value::Text(text) => {
                let byte = text.as_bytes().get(position(index, text.len())?);
                Value::Int(i64::from(*byte.ok_or("reflect: string index out of range")?))
            }
            Value::Map(map) => match index {
                Value::Text(key) => map.borrow().get(key).cloned().unwrap_or(Value::Nil),
                Value::Missing | Value::Nil => return Err("value is nil; should be of type string".into()),
                other => {
                    return Err(format!("value has type {}; should be string", other.type_name()));
                }
            },
            Value::Missing | Value::Nil => return Err("index of nil pointer".into()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn slice(values: &[Value]) -> Called {
    let (item, indexes) = (&values[0], &values[1..]);
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let limit = match item {
        Value::Text(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut places = [0, limit, limit];
    for (place, index) in places.iter_mut().zip(indexes) {
        *place = position(index, limit)?;
    }
    let [from, to, most] = places;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > most {
        return Err(format!("invalid slice index: {to} > {most}"));
    }
    match item {
        Value::Text(text) => super::cut(text, from, to).map(Value::from),
        Value::List(items) => Ok(Value::list(items[from..to].iter().cloned())),
        _ => Ok(Value::Nil),
    }
}
