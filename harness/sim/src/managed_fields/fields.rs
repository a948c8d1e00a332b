//! The fields of one manager as they are stored: as their JSON text, which is read where they meet a change.
//!
//! Most objects are written far more often than anybody looks at their owners, and as trees the owners would be the larger part
//! of most objects.

use serde_json::{Map, Value};

use super::{FieldSet, FieldsError};

/// `fieldsV1`. Its keys are in the one form that [`FieldSet::to_fields_v1`] gives them, and no set in it is empty: equal fields
/// have equal texts.
#[derive(Clone, Debug)]
pub struct Fields(Form);

#[derive(Clone, Debug)]
enum Form {
    Text(String),
    Tree(Map<String, Value>),
}

impl Default for Fields {
    fn default() -> Fields {
        Fields(Form::Tree(Map::new()))
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        match (&self.0, &other.0) {
            (Form::Text(a), Form::Text(b)) => a == b,
            (Form::Tree(a), Form::Tree(b)) => a == b,
            _ => self.clone().into_text() == other.clone().into_text(),
        }
    }
}

/// Says in `fieldsV1` that the place itself is a member, where there are members below it as well.
pub(super) const SELF: &str = ".";

impl Fields {
    /// The fields of a set.
    pub fn of(set: &FieldSet) -> Fields {
        Fields::tree(set.to_fields_v1())
    }

    fn tree(value: Value) -> Fields {
        match value {
            Value::Object(map) => Fields(Form::Tree(map)),
            _ => Fields::default(),
        }
    }

    /// What a client sent, which may have other forms of the same keys, or the text that a client in this process was given.
    ///
    /// # Errors
    /// See [`FieldSet::from_fields_v1`].
    pub fn read(sent: &Value) -> Result<Fields, FieldsError> {
        let read = |value: &Value| FieldSet::from_fields_v1(value).map(|set| Fields::of(&set));
        match sent {
            Value::String(text) => read(&serde_json::from_str(text).unwrap_or_else(|_| sent.clone())),
            sent => read(sent),
        }
    }

    /// What an object holds that this module wrote.
    pub(super) fn stored(value: Value) -> Fields {
        match value {
            Value::String(text) => Fields(Form::Text(text)),
            value => Fields::tree(value),
        }
    }

    /// The text of `fieldsV1`, as objects are stored with.
    pub(super) fn into_text(self) -> String {
        match self.0 {
            Form::Text(text) => text,
            Form::Tree(map) => Value::Object(map).to_string(),
        }
    }

    /// The value of `fieldsV1`.
    pub fn to_value(&self) -> Value {
        Value::Object(self.map())
    }

    /// Whether a stored `fieldsV1` is the same.
    pub(super) fn are(&self, stored: &Value) -> bool {
        match (&self.0, stored) {
            (Form::Text(text), Value::String(stored)) => text == stored,
            (Form::Tree(map), Value::Object(stored)) => map == stored,
            (_, stored) => *self == Fields::stored(stored.clone()),
        }
    }

    fn map(&self) -> Map<String, Value> {
        match &self.0 {
            // Texts are of this module's own making.
            Form::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            Form::Tree(map) => map.clone(),
        }
    }

    fn map_mut(&mut self) -> &mut Map<String, Value> {
        if matches!(self.0, Form::Text(_)) {
            self.0 = Form::Tree(self.map());
        }
        match &mut self.0 {
            Form::Tree(map) => map,
            Form::Text(_) => unreachable!("made a tree just now"),
        }
    }

    /// Whether none of the paths of a set can be here: none of its first elements stands in the text.
    fn is_apart_from(&self, set: &FieldSet) -> bool {
        let Form::Text(text) = &self.0 else { return set.is_empty() };
        let mut first = set.members().chain(set.children().map(|(element, _)| element));
        !first.any(|element| text.contains(&Value::String(element.to_text()).to_string()))
    }

    /// As a set.
    pub fn set(&self) -> FieldSet {
        FieldSet::from_map(&self.map()).unwrap_or_default()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Text(text) => text == "{}",
            Form::Tree(map) => map.is_empty(),
        }
    }

    /// Adds all paths of a set.
    pub fn extend(&mut self, set: &FieldSet) {
        if !set.is_empty() {
            extend(self.map_mut(), set);
        }
    }

    /// Removes all paths of a set.
    pub fn subtract(&mut self, set: &FieldSet) {
        if !self.is_apart_from(set) {
            subtract(self.map_mut(), set);
        }
    }

    /// The paths that are in both.
    pub fn intersection(&self, set: &FieldSet) -> FieldSet {
        if self.is_apart_from(set) {
            return FieldSet::default();
        }
        match &self.0 {
            Form::Text(_) => intersection(&self.map(), set),
            Form::Tree(map) => intersection(map, set),
        }
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
            prop_assert_eq!(Fields::of(&a).set(), a.clone());
            // As they are stored.
            let text = |set: &FieldSet| Fields::stored(Fields::of(set).into_text().into());
            let stored = |change: fn(&mut Fields, &FieldSet)| {
                let mut fields = text(&a);
                change(&mut fields, &b);
                fields
            };
            prop_assert_eq!(stored(Fields::extend), text(&joined));
            prop_assert_eq!(stored(Fields::subtract), text(&a.clone().difference(&b)));
            prop_assert_eq!(text(&a).intersection(&b), a.intersection(&b));
            prop_assert_eq!(text(&a).is_empty(), a.is_empty());
            prop_assert_eq!(text(&a), Fields::of(&a));
            prop_assert!(text(&a).are(&Fields::of(&a).to_value()));
        }
    }

    #[test]
    fn what_a_client_sent_is_written_in_one_form() {
        let sent = json!({"f:a": {"k:{\"port\": 80, \"name\": \"x\"}": {}, ".": {}}});
        let read = Fields::read(&sent).unwrap();
        assert_eq!(Fields::read(&sent.to_string().into()).unwrap(), read);
        assert!(Fields::read(&"no fields".into()).is_err());
        assert_eq!(read.to_value(), json!({"f:a": {".": {}, "k:{\"name\":\"x\",\"port\":80}": {}}}));
    }
}
