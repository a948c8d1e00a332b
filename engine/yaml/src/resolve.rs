//! What type a scalar has: two readers of YAML differ.

use std::borrow::Cow;

use thiserror::Error;

use crate::node::{Node, Pos, Style, Typing, Value};

/// Whose reading of plain scalars counts.
///
/// | text | `Kustomize` | `KubernetesJson` |
/// | --- | --- | --- |
/// | `yes`, `on`, `y`, `no`, `off`, `n` (and `Yes`, `YES`, ...) | string | boolean |
/// | `2020-01-01` | timestamp | string |
/// | `014`, `0o14`, `0x0C`, `0b1100` | 12 | 12 |
/// | `1_000` | 1000 | 1000 |
/// | `~`, `null`, nothing | null | null |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// kustomize's reader.
    Kustomize,
    /// sigs.k8s.io/yaml: what kubectl, Flux and the controllers read manifests with (YAML 1.1 booleans).
    KubernetesJson,
}

/// The value of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 signed bits.
    Int(i64),
    /// An integer that needs 64 unsigned bits.
    UInt(u64),
    /// Any other number, with infinities and NaN.
    Float(f64),
    /// A string.
    Str(Cow<'a, str>),
    /// A date or time (kustomize's reader only): prints in RFC 3339.
    Time(String),
}

/// Why a scalar has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// A map or a list where a scalar was asked for.
    #[error("read a scalar at line {}: it is a {kind}", pos.line)]
    NotScalar {
        /// `map` or `list`.
        kind: &'static str,
        /// Where it stands.
        pos: Pos,
    },
    /// The text does not suit the explicit tag.
    #[error("read line {}: cannot decode {found} `{text}` as a {tag}", pos.line)]
    Tag {
        /// The type that the text has.
        found: &'static str,
        /// The text.
        text: String,
        /// The tag that was written.
        tag: String,
        /// Where it stands.
        pos: Pos,
    },
    /// `!!binary` with text that is no base64.
    #[error("read line {}: !!binary value contains invalid base64 data", pos.line)]
    Base64 {
        /// Where it stands.
        pos: Pos,
    },
    /// `!!binary` with bytes that are no text: Go's JSON garbles them, this crate refuses them.
    #[error("read line {}: !!binary value is no UTF-8 text", pos.line)]
    Binary {
        /// Where it stands.
        pos: Pos,
    },
}

/// The value of a plain scalar without a tag.
pub fn resolve_plain(text: &str, dialect: Dialect) -> Scalar<'_> {
    // Nothing but strings is longer than `false` and starts with a letter.
    if text.len() > 5 && text.as_bytes()[0].is_ascii_alphabetic() {
        return Scalar::Str(text.into());
    }
    if let Some(word) = resolve_word(text, dialect) {
        return word;
    }
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'.' => crate::number::parse_float(text).map_or(Scalar::Str(text.into()), Scalar::Float),
        b'0'..=b'9' | b'+' | b'-' => {
            if dialect == Dialect::Kustomize
                && let Some(time) = crate::timestamp::parse(text)
            {
                return Scalar::Time(time);
            }
            crate::number::parse_number(text).unwrap_or(Scalar::Str(text.into()))
        }
        _ => Scalar::Str(text.into()),
    }
}

fn resolve_word(text: &str, dialect: Dialect) -> Option<Scalar<'static>> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ if dialect == Dialect::KubernetesJson => match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Scalar::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Scalar::Bool(false),
            _ => return None,
        },
        _ => return None,
    })
}

impl Node {
    /// The value of this scalar: its tag, its style and its text count.
    ///
    /// # Errors
    /// The node is a map or a list, or its text does not suit its tag.
    pub fn resolve(&self, dialect: Dialect) -> Result<Scalar<'_>, ResolveError> {
        let Value::Scalar { text, style } = &self.value else {
            return Err(ResolveError::NotScalar { kind: self.kind_name(), pos: self.pos });
        };
        if self.tag.is_empty() {
            return Ok(match style {
                Style::Plain => resolve_plain(text, dialect),
                _ => Scalar::Str(text.into()),
            });
        }
        self.resolve_tagged(text, dialect)
    }

    fn resolve_tagged<'a>(&'a self, text: &'a str, dialect: Dialect) -> Result<Scalar<'a>, ResolveError> {
        let tag = self.short_tag();
        let plain = resolve_plain(text, dialect);
        if self.typing == Typing::Kept && tag == plain.tag_name() {
            // The tag says nothing new: quotes make a string of it.
            return Ok(if self.style() == Some(Style::Plain) { plain } else { Scalar::Str(text.into()) });
        }
        let value = match (tag.as_ref(), plain) {
            ("!!null", Scalar::Null) => Scalar::Null,
            ("!!bool", Scalar::Bool(b)) => Scalar::Bool(b),
            ("!!int", Scalar::Int(i)) => Scalar::Int(i),
            ("!!int", Scalar::UInt(u)) => Scalar::UInt(u),
            ("!!float", Scalar::Float(f)) => Scalar::Float(f),
            #[allow(clippy::cast_precision_loss)] // as the real reader does
            ("!!float", Scalar::Int(i)) => Scalar::Float(i as f64),
            #[allow(clippy::cast_precision_loss)] // as the real reader does
            ("!!float", Scalar::UInt(u)) => Scalar::Float(u as f64),
            ("!!timestamp", Scalar::Time(t)) => Scalar::Time(t),
            ("!!timestamp", _) if crate::timestamp::parse(text).is_some() => Scalar::Str(text.into()),
            ("!!binary", _) => Scalar::Str(self.decode_binary(text)?.into()),
            ("!!null" | "!!bool" | "!!int" | "!!float" | "!!timestamp", other) => {
                return Err(ResolveError::Tag {
                    found: other.tag_name(),
                    text: text.to_owned(),
                    tag: tag.into_owned(),
                    pos: self.pos,
                });
            }
            _ => Scalar::Str(text.into()),
        };
        Ok(value)
    }

    fn decode_binary(&self, text: &str) -> Result<String, ResolveError> {
        let bytes = crate::base64::decode(text).ok_or(ResolveError::Base64 { pos: self.pos })?;
        String::from_utf8(bytes).map_err(|_| ResolveError::Binary { pos: self.pos })
    }

    /// The tag with `tag:yaml.org,2002:` written as `!!`.
    pub fn short_tag(&self) -> Cow<'_, str> {
        let tag = self.tag.strip_prefix("!<").and_then(|t| t.strip_suffix('>')).unwrap_or(&self.tag);
        match tag.strip_prefix("tag:yaml.org,2002:") {
            Some(rest) => Cow::Owned(format!("!!{rest}")),
            None => Cow::Borrowed(tag),
        }
    }

    /// Whether this is null (`null`, `~`, nothing, or tagged as null); both dialects agree. A scalar whose type is open is
    /// none, though it prints as null.
    pub fn is_null(&self) -> bool {
        let Value::Scalar { text, style } = &self.value else { return false };
        if self.tag.is_empty() {
            return self.typing != Typing::Open
                && *style == Style::Plain
                && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        }
        self.short_tag() == "!!null"
    }

    /// Whether this is a scalar that the dialect reads as a string.
    pub fn is_string(&self, dialect: Dialect) -> bool {
        let Value::Scalar { text, style } = &self.value else { return false };
        // A word that is longer than `false` is nothing else.
        let word = text.len() > 5 && text.as_bytes()[0].is_ascii_alphabetic();
        if self.tag.is_empty() && (word || *style != Style::Plain) {
            return true;
        }
        matches!(self.resolve(dialect), Ok(Scalar::Str(_)))
    }

    /// The text, where the dialect reads a string.
    pub fn as_string(&self, dialect: Dialect) -> Option<&str> {
        if self.is_string(dialect) { self.as_str() } else { None }
    }

    /// The boolean, where the dialect reads one.
    pub fn as_bool(&self, dialect: Dialect) -> Option<bool> {
        match self.resolve(dialect) {
            Ok(Scalar::Bool(b)) => Some(b),
            _ => None,
        }
    }

    /// The integer, where one is written.
    pub fn as_i64(&self) -> Option<i64> {
        match self.resolve(Dialect::Kustomize) {
            Ok(Scalar::Int(i)) => Some(i),
            _ => None,
        }
    }
}

impl Scalar<'_> {
    /// The YAML tag of this value, short form.
    pub fn tag_name(&self) -> &'static str {
        match self {
            Scalar::Null => "!!null",
            Scalar::Bool(_) => "!!bool",
            Scalar::Int(_) | Scalar::UInt(_) => "!!int",
            Scalar::Float(_) => "!!float",
            Scalar::Str(_) => "!!str",
            Scalar::Time(_) => "!!timestamp",
        }
    }
}
