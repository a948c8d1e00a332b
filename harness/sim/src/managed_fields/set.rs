//! Sets of field paths.

use serde_json::{Map, Value};

use super::{FieldsError, PathElement, text};

/// Says in `fieldsV1` that the place itself is a member, where there are members below it as well.
pub(super) const SELF: &str = ".";

/// A set of paths, as a tree: its nodes in the order of their elements. Objects have few fields at a place and name them in
/// order, so that a list is smaller than a map and as fast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: Vec<Node>,
}

/// An element and what is below it. It is a member, or something below it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: PathElement,
    pub(super) is_member: bool,
    pub(super) below: FieldSet,
}

impl FieldSet {
    /// Reads `fieldsV1`.
    ///
    /// # Errors
    /// A key that is no path element, or a value that is no object.
    pub fn from_fields_v1(fields: &Value) -> Result<FieldSet, FieldsError> {
        FieldSet::from_map(fields.as_object().ok_or(FieldsError::NoObject)?)
    }

    fn from_map(map: &Map<String, Value>) -> Result<FieldSet, FieldsError> {
        let mut set = FieldSet::default();
        for (key, value) in map {
            if key == SELF {
                continue;
            }
            let element = PathElement::parse(key)?;
            let inner = value.as_object().ok_or(FieldsError::NoObject)?;
            let is_member = inner.is_empty() || inner.contains_key(SELF);
            let below = FieldSet::from_map(inner)?;
            set.put(element, is_member, below);
        }
        Ok(set)
    }

    /// Writes `fieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(self.write(false))
    }

    /// Reads the JSON text of `fieldsV1`.
    ///
    /// # Errors
    /// Those of [`FieldSet::from_fields_v1`]; text that is no JSON counts as no object.
    pub fn from_text(text: &str) -> Result<FieldSet, FieldsError> {
        text::read(text)
    }

    /// Writes the JSON text of `fieldsV1`: keys in the order of their elements, so that equal sets have equal texts.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    fn write(&self, is_member: bool) -> Map<String, Value> {
        let own = is_member.then(|| (SELF.to_owned(), Value::Object(Map::new())));
        let below = self.nodes.iter().map(|node| {
            let is_member = node.is_member && !node.below.is_empty();
            (node.element.to_text(), Value::Object(node.below.write(is_member)))
        });
        own.into_iter().chain(below).collect()
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether it holds no path.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where an element is, or belongs.
    fn place(&self, element: &PathElement) -> Result<usize, usize> {
        match self.nodes.last() {
            // Mostly they come in order.
            Some(last) if last.element < *element => Err(self.nodes.len()),
            Some(_) => self.nodes.binary_search_by(|node| node.element.cmp(element)),
            None => Err(0),
        }
    }

    fn node(&self, element: &PathElement) -> Option<&Node> {
        self.nodes.get(self.place(element).ok()?)
    }

    /// Adds an element as a member, where it is one, and what is below it in the place of what was.
    pub(super) fn put(&mut self, element: PathElement, is_member: bool, below: FieldSet) {
        if !is_member && below.is_empty() {
            return;
        }
        match self.place(&element) {
            Err(place) => self.nodes.insert(place, Node { element, is_member, below }),
            Ok(place) => {
                if let Some(node) = self.nodes.get_mut(place) {
                    node.is_member |= is_member;
                    if !below.is_empty() {
                        node.below = below;
                    }
                }
            }
        }
    }

    /// Changes the node of an element, where there is one; it goes where it comes to be empty.
    fn change(&mut self, element: &PathElement, change: impl FnOnce(&mut Node)) {
        if let Ok(place) = self.place(element)
            && let Some(node) = self.nodes.get_mut(place)
        {
            change(node);
            if !node.is_member && node.below.is_empty() {
                self.nodes.remove(place);
            }
        }
    }

    /// Adds a path. The empty path is not one.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => self.insert_member(last.clone()),
            [first, rest @ ..] => match self.place(first) {
                Ok(place) => {
                    if let Some(node) = self.nodes.get_mut(place) {
                        node.below.insert(rest);
                    }
                }
                Err(_) => {
                    let mut below = FieldSet::default();
                    below.insert(rest);
                    self.put(first.clone(), false, below);
                }
            },
        }
    }

    /// Whether the element itself is a member here.
    pub fn has(&self, element: &PathElement) -> bool {
        self.node(element).is_some_and(|node| node.is_member)
    }

    /// What is below an element.
    pub fn child(&self, element: &PathElement) -> Option<&FieldSet> {
        self.node(element).map(|node| &node.below).filter(|below| !below.is_empty())
    }

    /// The elements with something below them.
    pub(super) fn children(&self) -> impl Iterator<Item = (&PathElement, &FieldSet)> {
        self.nodes.iter().filter(|node| !node.below.is_empty()).map(|node| (&node.element, &node.below))
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &PathElement> {
        self.nodes.iter().filter(|node| node.is_member).map(|node| &node.element)
    }

    pub(super) fn insert_member(&mut self, element: PathElement) {
        self.put(element, true, FieldSet::default());
    }

    pub(super) fn insert_child(&mut self, element: PathElement, child: FieldSet) {
        self.put(element, false, child);
    }

    /// Adds all paths of another set.
    pub fn extend(&mut self, other: FieldSet) {
        if self.is_empty() {
            *self = other;
            return;
        }
        for Node { element, is_member, below } in other.nodes {
            match self.place(&element) {
                Err(place) => self.nodes.insert(place, Node { element, is_member, below }),
                Ok(place) => {
                    if let Some(own) = self.nodes.get_mut(place) {
                        own.is_member |= is_member;
                        own.below.extend(below);
                    }
                }
            }
        }
    }

    /// Removes all paths of another set.
    pub fn subtract(&mut self, other: &FieldSet) {
        for theirs in &other.nodes {
            self.change(&theirs.element, |own| {
                own.is_member &= !theirs.is_member;
                own.below.subtract(&theirs.below);
            });
        }
    }

    /// The paths that are in both.
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut out = FieldSet::default();
        for own in &self.nodes {
            if let Some(theirs) = other.node(&own.element) {
                let below = own.below.intersection(&theirs.below);
                out.put(own.element.clone(), own.is_member && theirs.is_member, below);
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
        self.change(element, |own| own.is_member = false);
    }

    /// Changes what is below an element, where there is something.
    pub(super) fn change_child(&mut self, element: &PathElement, change: impl FnOnce(&mut FieldSet)) {
        self.change(element, |own| change(&mut own.below));
    }

    /// Removes everything that is at, or below, a member of another set.
    pub fn subtract_below(&mut self, other: &FieldSet) {
        for theirs in &other.nodes {
            self.change(&theirs.element, |own| {
                if theirs.is_member {
                    own.is_member = false;
                    own.below = FieldSet::default();
                } else {
                    own.below.subtract_below(&theirs.below);
                }
            });
        }
    }

    /// All paths as messages show them: at each level the members, then what is below.
    pub fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        out.extend(self.members().map(|m| format!("{prefix}{m}")));
        for (element, child) in self.children() {
            child.collect(&format!("{prefix}{element}"), out);
        }
    }
}
