//! JSON values into structs as Go's decoder does: field names match in any case, `null` means the zero value, and unknown
//! fields are refused.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer, Visitor, value::Error as DeError};
use serde_json::Value as Json;

use crate::error::{Result, fail};

/// Decodes a value; unknown fields are refused.
pub(crate) fn decode<T: DeserializeOwned>(json: Json) -> Result<T> {
    decode_as(json, Mode::Strict)
}

/// Decodes a value; unknown fields are dropped.
pub(crate) fn decode_lenient<T: DeserializeOwned>(json: Json) -> Result<T> {
    decode_as(json, Mode::Lenient)
}

/// Decodes a value as Flux does: unknown fields are dropped, numbers and booleans are texts where texts are wanted.
pub(crate) fn decode_as_flux<T: DeserializeOwned>(json: Json) -> Result<T> {
    decode_as(json, Mode::Flux)
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// Unknown fields are refused.
    Strict,
    /// Unknown fields are dropped.
    Lenient,
    /// As lenient, and numbers and booleans are texts where texts are wanted.
    Flux,
}

fn decode_as<T: DeserializeOwned>(json: Json, mode: Mode) -> Result<T> {
    match T::deserialize(Go(json, mode)) {
        Ok(value) => Ok(value),
        // Rust's decoder lists the fields that there are.
        Err(error) => match error.to_string().strip_prefix("unknown field `").and_then(|t| t.split_once('`'))
        {
            Some((field, _)) => fail(format!("json: unknown field {field:?}")),
            None => fail(format!("json: {error}")),
        },
    }
}

/// A value, and how it is read.
struct Go(Json, Mode);

impl IntoDeserializer<'_, DeError> for Go {
    type Deserializer = Go;
    fn into_deserializer(self) -> Go {
        self
    }
}

impl Go {
    fn refuse<T>(&self, wanted: &str) -> Result<T, DeError> {
        let found = match &self.0 {
            Json::Null => "null",
            Json::Bool(_) => "bool",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        };
        Err(serde::de::Error::custom(format_args!("cannot unmarshal {found} into a field of type {wanted}")))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $ty:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            match &self.0 {
                Json::Null => visitor.$visit(0),
                Json::Number(n) => match n.as_i64().and_then(|n| <$ty>::try_from(n).ok()) {
                    Some(n) => visitor.$visit(n),
                    None => self.refuse(stringify!($ty)),
                },
                _ => self.refuse("int"),
            }
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Go {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.0.deserialize_any(visitor).map_err(serde::de::Error::custom)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            Json::Null => visitor.visit_bool(false),
            Json::Bool(b) => visitor.visit_bool(b),
            _ => self.refuse("bool"),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            Json::Null => visitor.visit_string(String::new()),
            Json::String(s) => visitor.visit_string(s),
            Json::Bool(b) if self.1 == Mode::Flux => visitor.visit_string(b.to_string()),
            Json::Number(n) if self.1 == Mode::Flux => visitor.visit_string(match n.as_f64() {
                Some(float) if n.is_f64() => seatrial_yaml::go_g_float(float),
                _ => n.to_string(),
            }),
            _ => self.refuse("string"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let mode = self.1;
        match self.0 {
            Json::Null => visitor.visit_seq(SeqDeserializer::new(std::iter::empty::<Go>())),
            Json::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(move |item| Go(item, mode))))
            }
            _ => self.refuse("list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        let mode = self.1;
        match self.0 {
            Json::Null => visitor.visit_map(MapDeserializer::new(std::iter::empty::<(String, Go)>())),
            Json::Object(map) => {
                visitor.visit_map(MapDeserializer::new(map.into_iter().map(move |(k, v)| (k, Go(v, mode)))))
            }
            _ => self.refuse("map"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let mode = self.1;
        let map = match self.0 {
            Json::Null => serde_json::Map::new(),
            Json::Object(map) => map,
            _ => return self.refuse("object"),
        };
        let entries = map.into_iter().filter(|(_, v)| !v.is_null()).map(|(key, value)| {
            let exact = fields.iter().any(|f| *f == key);
            let folded = fields.iter().find(|f| !exact && f.eq_ignore_ascii_case(&key));
            (folded.map_or(key, |f| (*f).to_owned()), value)
        });
        let entries = entries.filter(|(key, _)| mode == Mode::Strict || fields.contains(&key.as_str()));
        // A later spelling of a field goes before an earlier one.
        let mut last: serde_json::Map<String, Json> = serde_json::Map::new();
        for (key, value) in entries {
            last.insert(key, value);
        }
        visitor.visit_map(MapDeserializer::new(last.into_iter().map(move |(k, v)| (k, Go(v, mode)))))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct enum identifier ignored_any
    }
}
