//! Bodies in the protobuf form, in which client-go's typed clients send objects of built-in kinds. Answers are always JSON,
//! which those clients accept as well.
//!
//! The numbers of the fields stand in `protobuf/fields.txt`; what the fields are is known from the schema.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use seatrial_schema::{Scalar, TypeKind, TypeRef, kubernetes};
use serde_json::{Map, Value, json};

use crate::codec::short_name;

/// What stands before each body.
const MAGIC: &[u8] = b"k8s\0";
/// Nested deeper, a body is refused.
const DEPTH: usize = 64;

/// A body that cannot be read. The messages fit after "couldn't decode the object: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtobufError {
    /// The body does not begin as one in this form does.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Prefix,
    /// The body ends too early, or a length or number is broken.
    #[error("proto: unexpected end of the message or broken field")]
    Broken,
    /// No built-in kind has this type.
    #[error("no kind {0:?} is registered for version {1:?}")]
    Unknown(String, String),
    /// A text is not UTF-8, or a raw value is not JSON.
    #[error("proto: field {0} holds a value that cannot be read")]
    Value(String),
    /// The numbers of this message's fields are not known: what it says would be lost.
    #[error("proto: the simulated API server does not know the fields of {0}")]
    NoFields(String),
    /// Nested too deep.
    #[error("proto: the message is nested too deep")]
    Deep,
}

type Result<T> = std::result::Result<T, ProtobufError>;

enum Place {
    Field(&'static str),
    /// The fields of this message stand in the object itself.
    Inline(&'static str),
}

static FIELDS: LazyLock<BTreeMap<&'static str, Vec<(u64, Place)>>> = LazyLock::new(|| {
    let lines = include_str!("protobuf/fields.txt").lines().filter(|l| !l.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let fields = words.filter_map(|word| {
                let (number, field) = word.split_once(':')?;
                let place = match field.strip_prefix('@') {
                    Some(message) => Place::Inline(message),
                    None => Place::Field(field),
                };
                Some((number.parse().ok()?, place))
            });
            Some((name, fields.collect()))
        })
        .collect()
});

/// Decodes a body: the object with its `kind` and `apiVersion`, which are those given where the body has none.
///
/// # Errors
/// See [`ProtobufError`].
pub(crate) fn decode(body: &[u8], api_version: &str, kind: &str) -> Result<Value> {
    let unknown = body.strip_prefix(MAGIC).ok_or(ProtobufError::Prefix)?;
    let (mut own_version, mut own_kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(unknown) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for field in Fields(meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => own_version = utf8(text, "apiVersion")?,
                        (2, Wire::Bytes(text)) => own_kind = utf8(text, "kind")?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let api_version = if own_version.is_empty() { api_version.to_owned() } else { own_version };
    let kind = if own_kind.is_empty() { kind.to_owned() } else { own_kind };
    let unknown = || ProtobufError::Unknown(kind.clone(), api_version.clone());
    let ty = kubernetes().type_of(&api_version, &kind).ok_or_else(unknown)?;
    let name = ty.name().map(short_name).ok_or_else(unknown)?;
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.as_str().into());
    object.insert("apiVersion".to_owned(), api_version.as_str().into());
    message(raw, name, ty, &mut object, 0)?;
    Ok(object.into())
}

fn utf8(bytes: &[u8], field: &str) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ProtobufError::Value(field.to_owned()))
}

fn message(
    bytes: &[u8],
    name: &str,
    ty: TypeRef<'_>,
    out: &mut Map<String, Value>,
    depth: usize,
) -> Result<()> {
    if depth > DEPTH {
        return Err(ProtobufError::Deep);
    }
    // An empty message says nothing, whatever its fields are.
    let known = match FIELDS.get(name) {
        Some(known) => known.as_slice(),
        None if bytes.is_empty() => &[],
        None => return Err(ProtobufError::NoFields(name.to_owned())),
    };
    for field in Fields(bytes) {
        let (number, wire) = field?;
        // A field that is not known is passed over, as everywhere in this form.
        let Some((_, place)) = known.iter().find(|(n, _)| *n == number) else { continue };
        match (place, wire) {
            (Place::Inline(inner), Wire::Bytes(bytes)) => message(bytes, inner, ty, out, depth + 1)?,
            (Place::Inline(_), _) => return Err(ProtobufError::Broken),
            (Place::Field(field), wire) => {
                let Some(field_ty) = ty.field(field) else { continue };
                add(field, field_ty, wire, out, depth)?;
            }
        }
    }
    Ok(())
}

/// Adds what one field of a message says: a value, an item of a list, or an entry of a map.
fn add(
    field: &str,
    ty: TypeRef<'_>,
    wire: Wire<'_>,
    out: &mut Map<String, Value>,
    depth: usize,
) -> Result<()> {
    let broken = || ProtobufError::Value(field.to_owned());
    match (ty.items(), ty.values()) {
        (Some(items), _) => {
            let entry = out.entry(field.to_owned()).or_insert_with(|| json!([]));
            let Value::Array(list) = entry else { return Err(broken()) };
            match (items.scalar(), wire) {
                (Some(Scalar::Integer | Scalar::Boolean), Wire::Bytes(packed)) => {
                    let mut rest = Fields(packed);
                    while !rest.0.is_empty() {
                        let number = rest.varint()?;
                        list.push(value(field, items, Wire::Number(number), depth)?);
                    }
                }
                (_, wire) => list.push(value(field, items, wire, depth)?),
            }
        }
        (None, Some(values)) => {
            let Wire::Bytes(entry) = wire else { return Err(broken()) };
            let (mut key, mut found) = (String::new(), None);
            for part in Fields(entry) {
                match part? {
                    (1, Wire::Bytes(text)) => key = utf8(text, field)?,
                    (2, wire) => found = Some(map_value(field, values, wire, depth)?),
                    _ => {}
                }
            }
            let found = match found {
                Some(found) => found,
                None => map_value(field, values, Wire::Bytes(&[]), depth)?,
            };
            let entry = out.entry(field.to_owned()).or_insert_with(|| json!({}));
            let Value::Object(map) = entry else { return Err(broken()) };
            map.insert(key, found);
        }
        (None, None) => {
            out.insert(field.to_owned(), value(field, ty, wire, depth)?);
        }
    }
    Ok(())
}

/// A value of a map; a list stands there within a message of its own.
fn map_value(field: &str, ty: TypeRef<'_>, wire: Wire<'_>, depth: usize) -> Result<Value> {
    let (Some(_), Wire::Bytes(bytes)) = (ty.items(), &wire) else { return value(field, ty, wire, depth) };
    let mut out = Map::new();
    out.insert(field.to_owned(), json!([]));
    for item in Fields(bytes) {
        let (_, wire) = item?;
        add(field, ty, wire, &mut out, depth + 1)?;
    }
    Ok(out.remove(field).unwrap_or(Value::Null))
}

/// The name of the definition that a place refers to.
fn definition<'s>(ty: TypeRef<'s>) -> &'s str {
    let mut at = ty;
    loop {
        match (at.own_name(), at.referenced()) {
            (Some(name), _) => return short_name(name),
            (None, Some(next)) => at = next,
            (None, None) => return "",
        }
    }
}

fn value(field: &str, ty: TypeRef<'_>, wire: Wire<'_>, depth: usize) -> Result<Value> {
    let broken = || ProtobufError::Value(field.to_owned());
    let name = definition(ty);
    if let Wire::Bytes(bytes) = wire
        && let Some(special) = special(field, name, ty, bytes, depth)
    {
        return special;
    }
    match (ty.kind(), wire) {
        (TypeKind::Scalar(Scalar::String), Wire::Bytes(bytes)) if ty.format() == Some("byte") => {
            Ok(base64(bytes).into())
        }
        (TypeKind::Scalar(Scalar::String), Wire::Bytes(bytes)) => Ok(utf8(bytes, field)?.into()),
        // Negative numbers stand as their two's complement.
        (TypeKind::Scalar(Scalar::Integer), Wire::Number(number)) => Ok((number as i64).into()),
        (TypeKind::Scalar(Scalar::Boolean), Wire::Number(number)) => Ok((number != 0).into()),
        (TypeKind::Scalar(Scalar::Number), Wire::Fixed(bits)) => {
            serde_json::Number::from_f64(f64::from_bits(bits)).map(Value::Number).ok_or_else(broken)
        }
        (TypeKind::Object, Wire::Bytes(bytes)) => {
            let mut out = Map::new();
            message(bytes, name, ty, &mut out, depth + 1)?;
            Ok(out.into())
        }
        // Raw JSON within a message of its own.
        (TypeKind::Any | TypeKind::FreeObject, Wire::Bytes(bytes)) => match bytes_of(bytes, 1)? {
            Some(raw) => serde_json::from_slice(raw).map_err(|_| broken()),
            None => Ok(Value::Null),
        },
        _ => Err(broken()),
    }
}

/// Types that have a form of their own.
fn special(field: &str, name: &str, ty: TypeRef<'_>, bytes: &[u8], depth: usize) -> Option<Result<Value>> {
    let number = |n: u64| -> Result<i64> {
        let mut found = 0;
        for part in Fields(bytes) {
            if let (at, Wire::Number(value)) = part?
                && at == n
            {
                found = value as i64;
            }
        }
        Ok(found)
    };
    let text =
        |n: u64| -> Result<String> { bytes_of(bytes, n)?.map_or(Ok(String::new()), |b| utf8(b, field)) };
    let either = || -> Result<Value> {
        // One schema, or a list of schemas or names.
        let schema = kubernetes()
            .type_named("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
        let schema = schema.unwrap_or(ty);
        let mut list = Vec::new();
        for part in Fields(bytes) {
            match part? {
                (1, Wire::Bytes(one)) if name.ends_with("Array") => {
                    return value(field, schema, Wire::Bytes(one), depth + 1);
                }
                (2, Wire::Bytes(one)) if name.ends_with("Bool") => {
                    return value(field, schema, Wire::Bytes(one), depth + 1);
                }
                (2, Wire::Bytes(one)) if name.ends_with("StringArray") => list.push(utf8(one, field)?.into()),
                (2, Wire::Bytes(one)) => list.push(value(field, schema, Wire::Bytes(one), depth + 1)?),
                _ => {}
            }
        }
        if name.ends_with("Bool") { Ok((number(1)? != 0).into()) } else { Ok(Value::Array(list)) }
    };
    Some(match name {
        "meta.v1.Time" | "meta.v1.MicroTime" => (|| {
            let (seconds, nanos) = (number(1)?, number(2)?);
            // The zero time of Go stands for none.
            if bytes.is_empty() || seconds == -62_135_596_800 {
                return Ok(Value::Null);
            }
            let time = jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0));
            let time = time.map_err(|_| ProtobufError::Value(field.to_owned()))?;
            let form =
                if name.ends_with("MicroTime") { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
            Ok(time.strftime(form).to_string().into())
        })(),
        "api.resource.Quantity" => text(1).map(|t| if t.is_empty() { "0".into() } else { t.into() }),
        "util.intstr.IntOrString" => (|| {
            if number(1)? == 1 { Ok(text(3)?.into()) } else { Ok(number(2)?.into()) }
        })(),
        "apiextensions.v1.JSONSchemaPropsOrArray"
        | "apiextensions.v1.JSONSchemaPropsOrBool"
        | "apiextensions.v1.JSONSchemaPropsOrStringArray" => either(),
        _ => return None,
    })
}

fn bytes_of(message: &[u8], number: u64) -> Result<Option<&[u8]>> {
    let mut found = None;
    for field in Fields(message) {
        if let (n, Wire::Bytes(bytes)) = field?
            && n == number
        {
            found = Some(bytes);
        }
    }
    Ok(found)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, b)| word | u32::from(*b) << (16 - 8 * i));
        for i in 0..4 {
            let letter = LETTERS.get((word >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Wire<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    /// Eight bytes.
    Fixed(u64),
    /// Four bytes: no field of these messages has them.
    Short,
}

/// The fields of a message, in their order.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or(ProtobufError::Broken)?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Broken)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(ProtobufError::Broken)?;
        self.0 = rest;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Wire<'b>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => {
                Wire::Fixed(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| ProtobufError::Broken)?))
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Broken)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Short
            }
            _ => return Err(ProtobufError::Broken),
        };
        Ok((tag >> 3, wire))
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Wire<'b>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_table_names_the_fields_of_the_schema() {
        let types: BTreeMap<&str, TypeRef<'static>> =
            kubernetes().types().map(|(name, ty)| (short_name(name), ty)).collect();
        for (name, fields) in FIELDS.iter() {
            // An inlined message is no type of its own.
            let Some(ty) = types.get(name) else { continue };
            for (number, place) in fields {
                match place {
                    Place::Field(field) => assert!(ty.field(field).is_some(), "{name} {number}:{field}"),
                    Place::Inline(inner) => assert!(FIELDS.contains_key(inner), "{name} inlines {inner}"),
                }
            }
        }
    }

    #[rstest]
    #[case(b"", "")]
    #[case(b"a", "YQ==")]
    #[case(b"ab", "YWI=")]
    #[case(b"abc", "YWJj")]
    fn bytes_are_written_as_base64(#[case] bytes: &[u8], #[case] want: &str) {
        assert_eq!(base64(bytes), want);
    }

    #[rstest]
    #[case(b"{}", ProtobufError::Prefix)]
    #[case(b"k8s\0\x0a\x09", ProtobufError::Broken)]
    #[case(b"k8s\0\x0a\x07\x0a\x02v9\x12\x01X", ProtobufError::Unknown("X".into(), "v9".into()))]
    fn broken_bodies_are_refused(#[case] body: &[u8], #[case] want: ProtobufError) {
        assert_eq!(decode(body, "v1", "ConfigMap").unwrap_err(), want);
    }

    #[test]
    fn a_message_without_a_row_in_the_table_is_refused_unless_it_is_empty() {
        let ty = kubernetes().type_of("v1", "ConfigMap").unwrap();
        let mut out = Map::new();
        assert_eq!(message(b"", "v1.Nothing", ty, &mut out, 0), Ok(()));
        let refused = message(b"\x0a\x01a", "v1.Nothing", ty, &mut out, 0);
        assert_eq!(refused, Err(ProtobufError::NoFields("v1.Nothing".into())));
    }

    #[test]
    fn times_and_quantities_have_forms_of_their_own() {
        // Pod{metadata: {creationTimestamp: 1s}, spec: {containers: [{resources: {limits: {cpu: "1"}}}]}}
        let body = b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x1a\x0a\x04\x42\x02\x08\x01\x12\x12\x12\x10\x42\x0e\x0a\x0c\x0a\x03cpu\x12\x05\x0a\x031.5";
        let want = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"creationTimestamp": "1970-01-01T00:00:01Z"},
            "spec": {"containers": [{"resources": {"limits": {"cpu": "1.5"}}}]}});
        assert_eq!(decode(body, "", "").unwrap(), want);
    }

    #[test]
    fn a_config_map_is_read() {
        // ConfigMap{metadata: {name: "a"}, data: {"k": "v"}} as client-go writes it.
        let body =
            b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x0d\x0a\x03\x0a\x01a\x12\x06\x0a\x01k\x12\x01v";
        let want =
            json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"k": "v"}});
        assert_eq!(decode(body, "", "").unwrap(), want);
    }
}
