//! Sets of field paths as JSON text, without trees of JSON in between.

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::fmt;

use super::set::SELF;
use super::{FieldSet, FieldsError, PathElement};

/// Writes `fieldsV1`.
pub(super) fn write(set: &FieldSet) -> String {
    let mut out = String::with_capacity(256);
    put(set, false, &mut out);
    out
}

fn put(set: &FieldSet, is_member: bool, out: &mut String) {
    out.push('{');
    if is_member {
        out.push_str("\".\":{}");
    }
    for (at, node) in set.nodes().iter().enumerate() {
        if at > 0 || is_member {
            out.push(',');
        }
        put_key(&node.element, out);
        out.push(':');
        put(&node.below, node.is_member && !node.below.is_empty(), out);
    }
    out.push('}');
}

/// Writes an element as a key of `fieldsV1`.
pub(super) fn put_key(element: &PathElement, out: &mut String) {
    let is_plain = |text: &str| !text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    match element {
        // Most elements are fields with plain names.
        PathElement::Field(name) if is_plain(name) => {
            out.push_str("\"f:");
            out.push_str(name);
            out.push('"');
        }
        element => out.push_str(&serde_json::Value::String(element.to_text()).to_string()),
    }
}

/// Reads `fieldsV1`.
pub(super) fn read(text: &str) -> Result<FieldSet, FieldsError> {
    let mut bad = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Place { bad: &mut bad }.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    match read {
        Ok(found) => Ok(found.below),
        Err(_) => Err(bad.unwrap_or(FieldsError::NoObject)),
    }
}

/// What stands at a place.
struct Found {
    is_member: bool,
    below: FieldSet,
}

/// Reads what stands at a place; `bad` is told which key is no path element.
struct Place<'b> {
    bad: &'b mut Option<FieldsError>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Found, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let (mut says_itself, mut below) = (false, FieldSet::default());
        while let Some(key) = map.next_key_seed(Key)? {
            let element = match key {
                None => {
                    says_itself = true;
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Some(Ok(element)) => element,
                Some(Err(error)) => {
                    let told = A::Error::custom(&error);
                    *self.bad = Some(error);
                    return Err(told);
                }
            };
            let found = map.next_value_seed(Place { bad: self.bad })?;
            below.put(element, found.is_member, found.below);
        }
        Ok(Found { is_member: says_itself || below.is_empty(), below })
    }
}

/// Reads a key: nothing where it says the place itself.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<Result<PathElement, FieldsError>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<Result<PathElement, FieldsError>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path element")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok((key != SELF).then(|| PathElement::parse(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case::nothing(json!({}))]
    #[case::a_member(json!({"f:a": {}}))]
    #[case::a_member_with_members_below(json!({"f:a": {".": {}, "f:b": {}}}))]
    #[case::keys_are_escaped(json!({"f:\"a\\\n\u{1}ä": {"k:{\"name\":\"x\",\"port\":80}": {}, "v:\"s\"": {}, "i:1": {}}}))]
    fn the_text_says_what_the_value_says(#[case] fields: Value) {
        let set = FieldSet::from_fields_v1(&fields).unwrap();
        let text = write(&set);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), fields);
        assert_eq!(read(&text).unwrap(), set);
    }

    #[rstest]
    #[case::no_json("{")]
    #[case::no_object("[]")]
    #[case::a_value_that_is_no_object(r#"{"f:a": 1}"#)]
    #[case::no_path_element(r#"{"f:a": {"x": {}}}"#)]
    #[case::something_behind_it("{} {}")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(read(text).is_err(), "{text}");
    }

    #[test]
    fn the_key_that_is_no_path_element_is_named() {
        let error = read(r#"{"f:a": {"x": {}}}"#).unwrap_err();
        assert!(matches!(&error, FieldsError::PathElement(key) if key == "x"), "{error}");
    }
}
