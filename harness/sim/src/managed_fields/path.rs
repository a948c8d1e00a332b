//! The elements that field paths consist of.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value};

use super::FieldsError;

/// One step of a path into an object. Ordered as `fieldsV1` lists them: fields, keys, values, indices.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of an object or a key of a map: `f:spec`.
    Field(String),
    /// An item of an associative list, by the values of its keys, sorted by key: `k:{"name":"c"}`.
    Key(Vec<(String, Value)>),
    /// An item of a set, by its value: `v:"a"`.
    Value(Value),
    /// An item of a list by its position: `i:0`.
    Index(i64),
}

impl PathElement {
    /// Reads the form of `fieldsV1` (`f:…`, `k:…`, `v:…`, `i:…`).
    ///
    /// # Errors
    /// Text of another form.
    pub fn parse(text: &str) -> Result<PathElement, FieldsError> {
        let bad = || FieldsError::PathElement(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        Ok(match kind {
            "f" => PathElement::Field(rest.to_owned()),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).map_err(|_| bad())?;
                PathElement::Key(keys.into_iter().collect())
            }
            "v" => PathElement::Value(serde_json::from_str(rest).map_err(|_| bad())?),
            "i" => PathElement::Index(rest.parse().map_err(|_| bad())?),
            _ => return Err(bad()),
        })
    }

    /// The form of `fieldsV1`.
    pub fn to_text(&self) -> String {
        match self {
            // Most elements are fields.
            PathElement::Field(name) => ["f:", name].concat(),
            PathElement::Key(keys) => {
                let keys: Map<String, Value> = keys.iter().cloned().collect();
                format!("k:{}", Value::Object(keys))
            }
            PathElement::Value(value) => format!("v:{value}"),
            PathElement::Index(index) => format!("i:{index}"),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            PathElement::Field(_) => 0,
            PathElement::Key(_) => 1,
            PathElement::Value(_) => 2,
            PathElement::Index(_) => 3,
        }
    }
}

/// As messages show it: `.spec`, `[name="c"]`, `[="a"]`, `[0]`.
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Key(keys) => {
                f.write_str("[")?;
                for (i, (key, value)) in keys.iter().enumerate() {
                    write!(f, "{}{key}={value}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            PathElement::Value(value) => write!(f, "[={value}]"),
            PathElement::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &PathElement) -> Ordering {
        match (self, other) {
            (PathElement::Field(a), PathElement::Field(b)) => a.cmp(b),
            (PathElement::Key(a), PathElement::Key(b)) => {
                for ((ka, va), (kb, vb)) in a.iter().zip(b) {
                    let order = ka.cmp(kb).then_with(|| compare_values(va, vb));
                    if order.is_ne() {
                        return order;
                    }
                }
                a.len().cmp(&b.len())
            }
            (PathElement::Value(a), PathElement::Value(b)) => compare_values(a, b),
            (PathElement::Index(a), PathElement::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &PathElement) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &PathElement) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// A total order of values, in which `1` and `1.0` are equal and the order of a map's keys does not count.
pub(crate) fn compare_values(a: &Value, b: &Value) -> Ordering {
    fn rank(v: &Value) -> u8 {
        match v {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => {
                let (x, y) = (x.as_f64().unwrap_or_default(), y.as_f64().unwrap_or_default());
                x.total_cmp(&y)
            }
        },
        (Value::String(x), Value::String(y)) => x.cmp(y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::Array(x), Value::Array(y)) => {
            for (x, y) in x.iter().zip(y) {
                let order = compare_values(x, y);
                if order.is_ne() {
                    return order;
                }
            }
            x.len().cmp(&y.len())
        }
        // A map has its entries in the order of their keys.
        (Value::Object(x), Value::Object(y)) => {
            for ((a, x), (b, y)) in x.iter().zip(y) {
                let order = a.cmp(b).then_with(|| compare_values(x, y));
                if order.is_ne() {
                    return order;
                }
            }
            x.len().cmp(&y.len())
        }
        _ => rank(a).cmp(&rank(b)),
    }
}
