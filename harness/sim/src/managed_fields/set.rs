//! Sets of field paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::fields::SELF;
use super::{FieldsError, PathElement};

/// A set of paths, as a tree. A path is a member where its last element is in `members` of the node before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    members: BTreeSet<PathElement>,
    children: BTreeMap<PathElement, FieldSet>,
}

impl FieldSet {
    /// Reads `fieldsV1`.
    ///
    /// # Errors
    /// A key that is no path element, or a value that is no object.
    pub fn from_fields_v1(fields: &Value) -> Result<FieldSet, FieldsError> {
        FieldSet::from_map(fields.as_object().ok_or(FieldsError::NoObject)?)
    }

    pub(super) fn from_map(map: &Map<String, Value>) -> Result<FieldSet, FieldsError> {
        let mut set = FieldSet::default();
        for (key, value) in map {
            if key == SELF {
                continue;
            }
            let element = PathElement::parse(key)?;
            let inner = value.as_object().ok_or(FieldsError::NoObject)?;
            if inner.is_empty() || inner.contains_key(SELF) {
                set.members.insert(element.clone());
            }
            let child = FieldSet::from_map(inner)?;
            if !child.is_empty() {
                set.children.insert(element, child);
            }
        }
        Ok(set)
    }

    /// Writes `fieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(self.write(false))
    }

    fn write(&self, is_member: bool) -> Map<String, Value> {
        let mut out = Map::with_capacity(self.members.len() + self.children.len() + 1);
        if is_member {
            out.insert(SELF.to_owned(), Value::Object(Map::new()));
        }
        // Both are sorted: they are merged into one order.
        let mut members = self.members.iter().peekable();
        for (element, child) in &self.children {
            while let Some(member) = members.next_if(|m| *m < element) {
                out.insert(member.to_text(), Value::Object(Map::new()));
            }
            let is_member = members.next_if(|m| *m == element).is_some();
            out.insert(element.to_text(), Value::Object(child.write(is_member)));
        }
        for member in members {
            out.insert(member.to_text(), Value::Object(Map::new()));
        }
        out
    }

    /// Whether it holds no path.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// Adds a path. The empty path is not one.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the element itself is a member here.
    pub fn has(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// What is below an element.
    pub fn child(&self, element: &PathElement) -> Option<&FieldSet> {
        self.children.get(element)
    }

    pub(super) fn children(&self) -> impl Iterator<Item = (&PathElement, &FieldSet)> {
        self.children.iter()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &PathElement> {
        self.members.iter()
    }

    pub(super) fn insert_member(&mut self, element: PathElement) {
        self.members.insert(element);
    }

    pub(super) fn insert_child(&mut self, element: PathElement, child: FieldSet) {
        if !child.is_empty() {
            self.children.insert(element, child);
        }
    }

    /// Adds all paths of another set.
    pub fn extend(&mut self, other: FieldSet) {
        if self.is_empty() {
            *self = other;
            return;
        }
        self.members.extend(other.members);
        for (element, child) in other.children {
            match self.children.get_mut(&element) {
                Some(own) => own.extend(child),
                None => self.insert_child(element, child),
            }
        }
    }

    /// Removes all paths of another set.
    pub fn subtract(&mut self, other: &FieldSet) {
        for member in &other.members {
            self.members.remove(member);
        }
        for (element, theirs) in &other.children {
            if let Some(own) = self.children.get_mut(element) {
                own.subtract(theirs);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// The paths that are in both.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet::default();
        if !self.members.is_empty() && !other.members.is_empty() {
            out.members = self.members.intersection(&other.members).cloned().collect();
        }
        for (element, child) in &self.children {
            if let Some(theirs) = other.children.get(element) {
                let both = child.intersection(theirs);
                if !both.is_empty() {
                    out.children.insert(element.clone(), both);
                }
            }
        }
        out
    }

    /// The paths that are here and not there.
    pub fn difference(mut self, other: &FieldSet) -> FieldSet {
        self.subtract(other);
        self
    }

    pub(super) fn remove_member(&mut self, element: &PathElement) {
        self.members.remove(element);
    }

    pub(super) fn child_mut(&mut self, element: &PathElement) -> Option<&mut FieldSet> {
        self.children.get_mut(element)
    }

    /// Removes everything that is at, or below, a member of another set.
    pub fn subtract_below(&mut self, other: &FieldSet) {
        for member in &other.members {
            self.members.remove(member);
            self.children.remove(member);
        }
        for (element, theirs) in &other.children {
            if let Some(own) = self.children.get_mut(element) {
                own.subtract_below(theirs);
                if own.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// All paths as messages show them: at each level the members, then what is below.
    pub fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        out.extend(self.members.iter().map(|m| format!("{prefix}{m}")));
        for (element, child) in &self.children {
            child.collect(&format!("{prefix}{element}"), out);
        }
    }
}
