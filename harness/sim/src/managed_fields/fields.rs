//! The fields of one manager as they are stored: as their JSON text, which is read where they meet a change.
//!
//! Most objects are written far more often than anybody looks at their owners, and as trees the owners would be the larger part
//! of most objects.

use serde_json::Value;

use super::{FieldSet, FieldsError, text};

/// `fieldsV1`: as text, in the one form that [`FieldSet::to_text`] gives it, or as the set that it says.
#[derive(Clone, Debug)]
pub struct Fields(Form);

#[derive(Clone, Debug)]
enum Form {
    Text(String),
    Set(FieldSet),
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::of(FieldSet::default())
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        match (&self.0, &other.0) {
            (Form::Text(a), Form::Text(b)) => a == b,
            (Form::Set(a), Form::Set(b)) => a == b,
            (Form::Text(text), Form::Set(set)) | (Form::Set(set), Form::Text(text)) => set.to_text() == *text,
        }
    }
}

impl Fields {
    /// The fields of a set.
    pub fn of(set: FieldSet) -> Fields {
        Fields(Form::Set(set))
    }

    /// What a client sent, which may have other forms of the same keys, or the text that a client in this process was given.
    ///
    /// # Errors
    /// See [`FieldSet::from_fields_v1`].
    pub fn read(sent: &Value) -> Result<Fields, FieldsError> {
        match sent {
            Value::String(text) => FieldSet::from_text(text),
            sent => FieldSet::from_fields_v1(sent),
        }
        .map(Fields::of)
    }

    /// What an object holds that this module wrote.
    pub(super) fn stored(value: Value) -> Fields {
        match value {
            Value::String(text) => Fields(Form::Text(text)),
            value => Fields::of(FieldSet::from_fields_v1(&value).unwrap_or_default()),
        }
    }

    /// The text of `fieldsV1`, as objects are stored with.
    pub(super) fn into_text(self) -> String {
        match self.0 {
            Form::Text(text) => text,
            Form::Set(set) => set.to_text(),
        }
    }

    /// The value of `fieldsV1`.
    pub fn to_value(&self) -> Value {
        self.set().to_fields_v1()
    }

    /// Whether a stored `fieldsV1` is the same.
    pub(super) fn are(&self, stored: &Value) -> bool {
        match (&self.0, stored) {
            (Form::Text(text), Value::String(stored)) => text == stored,
            (_, stored) => *self == Fields::stored(stored.clone()),
        }
    }

    /// Whether none of the paths of a set can be here: none of its first elements stands in the text.
    fn is_apart_from(&self, set: &FieldSet) -> bool {
        let Form::Text(text) = &self.0 else { return set.is_empty() };
        let mut first = set.members().chain(set.children().map(|(element, _)| element));
        let mut key = String::new();
        !first.any(|element| {
            key.clear();
            text::put_key(element, &mut key);
            text.contains(key.as_str())
        })
    }

    /// As a set.
    pub fn set(&self) -> FieldSet {
        match &self.0 {
            // Texts are of this module's own making.
            Form::Text(text) => FieldSet::from_text(text).unwrap_or_default(),
            Form::Set(set) => set.clone(),
        }
    }

    fn set_mut(&mut self) -> &mut FieldSet {
        if matches!(self.0, Form::Text(_)) {
            self.0 = Form::Set(self.set());
        }
        match &mut self.0 {
            Form::Set(set) => set,
            Form::Text(_) => unreachable!("made a set just now"),
        }
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Text(text) => text == "{}",
            Form::Set(set) => set.is_empty(),
        }
    }

    /// Adds all paths of a set.
    pub fn extend(&mut self, set: FieldSet) {
        if !set.is_empty() {
            self.set_mut().extend(set);
        }
    }

    /// Removes all paths of a set.
    pub fn subtract(&mut self, set: &FieldSet) {
        if !self.is_apart_from(set) {
            self.set_mut().subtract(set);
        }
    }

    /// The paths that are in both.
    pub fn intersection(&self, set: &FieldSet) -> FieldSet {
        match &self.0 {
            _ if self.is_apart_from(set) => FieldSet::default(),
            Form::Text(_) => self.set().intersection(set),
            Form::Set(own) => own.intersection(set),
        }
    }
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
                let mut fields = Fields::of(a.clone());
                change(&mut fields, &b);
                fields
            };
            let mut joined = a.clone();
            joined.extend(b.clone());
            prop_assert_eq!(both(|fields, set| fields.extend(set.clone())), Fields::of(joined.clone()));
            prop_assert_eq!(both(Fields::subtract), Fields::of(a.clone().difference(&b)));
            prop_assert_eq!(Fields::of(a.clone()).intersection(&b), a.intersection(&b));
            prop_assert_eq!(Fields::of(a.clone()).set(), a.clone());
            // As they are stored.
            let text = |set: &FieldSet| Fields::stored(Fields::of(set.clone()).into_text().into());
            let stored = |change: fn(&mut Fields, &FieldSet)| {
                let mut fields = text(&a);
                change(&mut fields, &b);
                fields
            };
            prop_assert_eq!(stored(|fields, set| fields.extend(set.clone())), text(&joined));
            prop_assert_eq!(stored(Fields::subtract), text(&a.clone().difference(&b)));
            prop_assert_eq!(text(&a).intersection(&b), a.intersection(&b));
            prop_assert_eq!(text(&a).is_empty(), a.is_empty());
            prop_assert_eq!(text(&a), Fields::of(a.clone()));
            prop_assert!(text(&a).are(&Fields::of(a.clone()).to_value()));
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
