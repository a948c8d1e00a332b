//! Between nodes and JSON values.

use serde_json::{Map, Number, Value as Json};
use thiserror::Error;

use crate::node::{Node, Pos, Value};
use crate::resolve::{Dialect, ResolveError, Scalar};

/// Why a tree has no JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// A scalar has no value.
    #[error(transparent)]
    Scalar(#[from] ResolveError),
    /// JSON has neither NaN nor infinities.
    #[error("write line {} as JSON: unsupported value: {text}", pos.line)]
    NotFinite {
        /// `NaN`, `+Inf` or `-Inf`.
        text: String,
        /// Where it stands.
        pos: Pos,
    },
    /// A key is a map, a list, or of a type that the dialect does not turn into text.
    #[error("write line {} as JSON: unsupported key {text}", pos.line)]
    Key {
        /// The key, or what it is.
        text: String,
        /// Where it stands.
        pos: Pos,
    },
    /// Two keys are the same text (`1` and `"1"`).
    #[error("write line {} as JSON: key {text:?} already set in map", pos.line)]
    Duplicate {
        /// The key.
        text: String,
        /// Where it stands.
        pos: Pos,
    },
}

impl Node {
    /// The tree as JSON, with types as the dialect reads them; map order is kept.
    ///
    /// Whole floats become integers (`1.0` gives `1`), as they do on the way through Go's JSON; integers beyond 64 bits
    /// become floats; times become RFC 3339 text.
    ///
    /// # Errors
    /// A scalar does not suit its tag, a number is not finite, or a key is no string (`KubernetesJson` turns numbers
    /// and booleans into text, `Kustomize` refuses them).
    pub fn to_json(&self, dialect: Dialect) -> Result<Json, JsonError> {
        match &self.value {
            Value::Scalar { .. } => self.scalar_to_json(dialect),
            Value::Seq { items, .. } => {
                items.iter().map(|item| item.to_json(dialect)).collect::<Result<Vec<_>, _>>().map(Json::Array)
            }
            Value::Map { entries, .. } => {
                let mut map = Map::with_capacity(entries.len());
                for (key, value) in entries {
                    let text = key.key_to_text(dialect)?;
                    if map.insert(text.clone(), value.to_json(dialect)?).is_some() {
                        return Err(JsonError::Duplicate { text, pos: key.pos });
                    }
                }
                Ok(Json::Object(map))
            }
        }
    }

    fn scalar_to_json(&self, dialect: Dialect) -> Result<Json, JsonError> {
        Ok(match self.resolve(dialect)? {
            Scalar::Null => Json::Null,
            Scalar::Bool(b) => Json::Bool(b),
            Scalar::Int(i) => Json::from(i),
            Scalar::UInt(u) => Json::from(u),
            Scalar::Float(f) => {
                Json::Number(number_of(f).ok_or_else(|| JsonError::NotFinite {
                    text: crate::number::go_g_float(f),
                    pos: self.pos,
                })?)
            }
            Scalar::Str(s) => Json::String(s.into_owned()),
            Scalar::Time(t) => Json::String(t),
        })
    }

    fn key_to_text(&self, dialect: Dialect) -> Result<String, JsonError> {
        let refuse = |text: &str| JsonError::Key { text: text.to_owned(), pos: self.pos };
        if !self.is_scalar() {
            return Err(refuse(&format!("of kind {}", self.kind_name())));
        }
        match (self.resolve(dialect)?, dialect) {
            (Scalar::Str(_), Dialect::Kustomize) if self.short_tag() == "!!binary" => {
                Err(refuse("of type !!binary"))
            }
            (Scalar::Str(s), _) => Ok(s.into_owned()),
            (_, Dialect::Kustomize) => Err(refuse(self.as_str().unwrap_or_default())),
            (Scalar::Bool(b), _) => Ok(b.to_string()),
            (Scalar::Int(i), _) => Ok(i.to_string()),
            (Scalar::Float(f), _) => Ok(crate::number::go_float_key(f)),
            (Scalar::Null | Scalar::UInt(_) | Scalar::Time(_), _) => {
                Err(refuse(self.as_str().unwrap_or_default()))
            }
        }
    }

    /// A tree from JSON: strings are quoted where they would read as another type in either dialect.
    pub fn from_json(json: &Json) -> Node {
        match json {
            Json::Null => Node::null(),
            Json::Bool(b) => Node::bool(*b),
            Json::Number(n) => Node::plain(number_text(n)),
            Json::String(s) => Node::text(s.as_str()),
            Json::Array(items) => items.iter().map(Node::from_json).collect(),
            Json::Object(map) => Node::from_entries(
                map.iter().map(|(key, value)| (key_node(key), Node::from_json(value))).collect(),
            ),
        }
    }
}

/// A key that is a string in both dialects (`y` is one in kustomize's alone).
fn key_node(text: &str) -> Node {
    let key = Node::key(text);
    if key.is_string(Dialect::KubernetesJson) { key } else { Node::str(text) }
}

/// A JSON number as Go prints it.
pub(crate) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => crate::number::go_json_float(float),
        _ => number.to_string(),
    }
}

/// A float after a trip through Go's JSON: whole numbers become integers.
fn number_of(float: f64) -> Option<Number> {
    let text = crate::number::go_json_float(float);
    if let Ok(int) = text.parse::<i64>() {
        return Some(Number::from(int));
    }
    if let Ok(int) = text.parse::<u64>() {
        return Some(Number::from(int));
    }
    Number::from_f64(float)
}
