//! Where in an object a transformer works.

use std::sync::OnceLock;

use seatrial_yaml::Node;
use serde::{Deserialize, Serialize};

use crate::error::{Result, fail};
use crate::ids::Gvk;

/// A path into objects of some kinds. Empty parts of the kind match anything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FieldSpec {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) path: String,
    pub(crate) create: bool,
    /// The parts of the path, once they were asked for.
    #[serde(skip)]
    parts: OnceLock<Vec<String>>,
}

impl PartialEq for FieldSpec {
    fn eq(&self, other: &FieldSpec) -> bool {
        let FieldSpec { group, version, kind, path, create, parts: _ } = self;
        (group, version, kind, path, create)
            == (&other.group, &other.version, &other.kind, &other.path, &other.create)
    }
}

/// What to make where a path ends in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Create {
    Nothing,
    Scalar,
    Map,
}

impl FieldSpec {
    pub(crate) fn new(group: &str, version: &str, kind: &str, path: &str, create: bool) -> FieldSpec {
        let [group, version, kind, path] = [group, version, kind, path].map(str::to_owned);
        FieldSpec { group, version, kind, path, create, parts: OnceLock::new() }
    }

    /// The parts of the path, see [`split_path`].
    pub(crate) fn parts(&self) -> &[String] {
        self.parts.get_or_init(|| split_path(&self.path))
    }

    /// Whether objects of this kind are meant.
    pub(crate) fn selects(&self, gvk: &Gvk) -> bool {
        let part = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        part(&self.kind, &gvk.kind) && part(&self.group, &gvk.group) && part(&self.version, &gvk.version)
    }

    /// Whether this spec takes the place of a later one: the same path, and kinds that the later one would select.
    pub(crate) fn covers(&self, later: &FieldSpec) -> bool {
        let part = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        self.path == later.path
            && part(&later.kind, &self.kind)
            && part(&later.group, &self.group)
            && part(&later.version, &self.version)
    }

    /// Calls `set` on each node that the path reaches in an object of kind `gvk`.
    pub(crate) fn apply(
        &self,
        gvk: &Gvk,
        root: &mut Node,
        make: Create,
        set: &mut dyn FnMut(&mut Node) -> Result<()>,
    ) -> Result<()> {
        if !self.selects(gvk) {
            return Ok(());
        }
        let make = if self.create { make } else { Create::Nothing };
        walk(root, self.parts(), make, set).map_err(|errors| {
            errors.map(|mut error| {
                error.message =
                    format!("considering field '{}' of object {gvk}: {}", self.path, error.message);
                error
            })
        })
    }
}

/// Splits at `/`; `\/` is a slash inside a part.
fn split_path(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut open = false;
    for part in path.split('/') {
        let (text, goes_on) = match part.strip_suffix('\\') {
            Some(start) => (format!("{start}/"), true),
            None => (part.to_owned(), false),
        };
        match parts.last_mut() {
            Some(last) if open => last.push_str(&text),
            _ => parts.push(text),
        }
        open = goes_on;
    }
    if parts.first().is_some_and(String::is_empty) {
        parts.remove(0);
    }
    parts
}

fn walk(
    node: &mut Node,
    path: &[String],
    make: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let Some((first, rest)) = path.split_first() else { return set(node) };
    if node.is_null() {
        return Ok(());
    }
    if let Some(items) = node.items_mut() {
        return items.iter_mut().try_for_each(|item| walk(item, path, make, set));
    }
    if !node.is_map() {
        return fail("expected sequence or mapping node");
    }
    let (name, is_list) = match first.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (first.as_str(), false),
    };
    let make_here = if is_list { Create::Nothing } else { make };
    let wanted = match (make_here, rest.is_empty()) {
        (Create::Nothing, _) => None,
        (Create::Scalar, true) => Some(Node::plain("")),
        _ => Some(Node::map()),
    };
    if let Some(wanted) = wanted {
        match node.get_mut(name) {
            Some(there) if there.is_null() => *there = wanted,
            Some(_) => {}
            None => {
                node.set(name, wanted);
            }
        }
    }
    match node.get_mut(name) {
        Some(next) => walk(next, rest, make, set),
        None => Ok(()),
    }
}
