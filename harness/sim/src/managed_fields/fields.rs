//! The fields of one manager as they are stored: a few paths are looked up, put in and taken out without reading the rest.

use serde_json::{Map, Value};

use super::{FieldSet, FieldsError};

/// `fieldsV1`. Its keys are in the one form that [`FieldSet::to_fields_v1`] gives them, and no set in it is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Map<String, Value>);

/// Says in `fieldsV1` that the place itself is a member, where there are members below it as well.
pub(super) const SELF: &str = ".";

impl Fields {
    /// The fields of a set.
    pub fn of(set: &FieldSet) -> Fields {
        match set.to_fields_v1() {
            Value::Object(map) => Fields(map),
            _ => Fields::default(),
        }
    }

    /// What a client sent, which may have other forms of the same keys.
    ///
    /// # Errors
    /// See [`FieldSet::from_fields_v1`].
    pub fn read(sent: &Value) -> Result<Fields, FieldsError> {
        FieldSet::from_fields_v1(sent).map(|set| Fields::of(&set))
    }

    /// What an object holds that this module wrote.
    pub(super) fn stored(value: Value) -> Fields {
        match value {
            Value::Object(map) => Fields(map),
            _ => Fields::default(),
        }
    }

    /// The value of `fieldsV1`.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Whether a stored `fieldsV1` is the same.
    pub(super) fn are(&self, stored: &Value) -> bool {
        stored.as_object() == Some(&self.0)
    }

    /// As a set.
    pub fn set(&self) -> FieldSet {
        FieldSet::from_map(&self.0).unwrap_or_default()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all paths of a set.
    pub fn extend(&mut self, set: &FieldSet) {
        extend(&mut self.0, set);
    }

    /// Removes all paths of a set.
    pub fn subtract(&mut self, set: &FieldSet) {
        subtract(&mut self.0, set);
    }

    /// The paths that are in both.
    pub fn intersection(&self, set: &FieldSet) -> FieldSet {
        intersection(&self.0, set)
    }
}

fn is_member(below: &Map<String, Value>) -> bool {
    below.is_empty() || below.contains_key(SELF)
}

fn extend(map: &mut Map<String, Value>, set: &FieldSet) {
    let nothing = || Value::Object(Map::new());
    for member in set.members() {
        match map.entry(member.to_text()).or_insert_with(nothing) {
            Value::Object(below) if !below.is_empty() => {
                below.entry(SELF).or_insert_with(nothing);
            }
            _ => {}
        }
    }
    for (element, added) in set.children() {
        let key = element.to_text();
        match map.get_mut(&key) {
            Some(Value::Object(below)) => {
                if below.is_empty() {
                    below.insert(SELF.to_owned(), nothing());
                }
                extend(below, added);
            }
            _ => {
                map.insert(key, added.to_fields_v1());
            }
        }
    }
}

fn subtract(map: &mut Map<String, Value>, set: &FieldSet) {
    for member in set.members() {
        let key = member.to_text();
        if let Some(Value::Object(below)) = map.get_mut(&key) {
            below.remove(SELF);
            if below.is_empty() {
                map.remove(&key);
            }
        }
    }
    for (element, removed) in set.children() {
        let key = element.to_text();
        let Some(Value::Object(below)) = map.get_mut(&key) else { continue };
        if below.is_empty() {
            continue;
        }
        subtract(below, removed);
        if below.is_empty() {
            map.remove(&key);
        } else if below.len() == 1 {
            below.remove(SELF);
        }
    }
}

fn intersection(map: &Map<String, Value>, set: &FieldSet) -> FieldSet {
    let mut both = FieldSet::default();
    if map.is_empty() {
        return both;
    }
    let below = |text: &str| map.get(text).and_then(Value::as_object);
    for member in set.members() {
        if below(&member.to_text()).is_some_and(is_member) {
            both.insert_member(member.clone());
        }
    }
    for (element, theirs) in set.children() {
        if let Some(own) = below(&element.to_text()) {
            both.insert_child(element.clone(), intersection(own, theirs));
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Sets over few elements, so that they meet often.
    fn sets() -> impl Strategy<Value = FieldSet> {
        let element = prop_oneof![
            Just("f:a"),
            Just("f:b"),
            Just("k:{\"name\":\"x\",\"port\":80}"),
            Just("v:\"s\""),
            Just("i:1")
        ];
        let element = element.prop_map(|text| super::super::PathElement::parse(text).unwrap());
        let path = proptest::collection::vec(element, 1..4);
        proptest::collection::vec(path, 0..8).prop_map(|paths| {
            let mut set = FieldSet::default();
            paths.iter().for_each(|path| set.insert(path));
            set
        })
    }

    proptest! {
        #[test]
        fn they_do_what_sets_do(a in sets(), b in sets()) {
            let both = |change: fn(&mut Fields, &FieldSet)| {
                let mut fields = Fields::of(&a);
                change(&mut fields, &b);
                fields
            };
            let mut joined = a.clone();
            joined.extend(b.clone());
            prop_assert_eq!(both(Fields::extend), Fields::of(&joined));
            prop_assert_eq!(both(Fields::subtract), Fields::of(&a.clone().difference(&b)));
            prop_assert_eq!(Fields::of(&a).intersection(&b), a.intersection(&b));
            prop_assert_eq!(Fields::of(&a).set(), a);
        }
    }

    #[test]
    fn what_a_client_sent_is_written_in_one_form() {
        let sent = json!({"f:a": {"k:{\"port\": 80, \"name\": \"x\"}": {}, ".": {}}});
        let read = Fields::read(&sent).unwrap();
        assert_eq!(read.into_value(), json!({"f:a": {".": {}, "k:{\"name\":\"x\",\"port\":80}": {}}}));
    }
}
