//! Where things stand in their files.

use super::finding::Place;
use crate::offline::{Fleet, Placed, place};
use seatrial_yaml::{Node, ParseOptions, Pos, parse};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A step of a path in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// The path of a field as API servers write it: `spec.dependsOn[0].name`, `metadata.labels[a.b/c]`.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((inner, after)) => {
                steps.push(inner.parse().map_or_else(|_| Step::Key(inner.to_owned()), Step::Item));
                rest = after;
            }
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end > 0 {
                    steps.push(Step::Key(rest[..end].to_owned()));
                }
                rest = &rest[end..];
                if end == 0 && !rest.starts_with(['.', '[']) {
                    break;
                }
            }
        }
    }
    steps
}

/// What stands at a path of an object.
pub(super) fn value_at<'v>(object: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(object, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Item(index) => value.get(index),
    })
}

/// Finds places, with the files that were read for it.
pub(super) struct Places<'f> {
    fleet: &'f Fleet,
    files: RefCell<BTreeMap<String, Rc<Vec<Node>>>>,
}

impl<'f> Places<'f> {
    pub(super) fn new(fleet: &'f Fleet) -> Places<'f> {
        Places { fleet, files: RefCell::default() }
    }

    /// The documents of a file; none where it is no YAML.
    pub(super) fn documents(&self, file: &str) -> Rc<Vec<Node>> {
        let read = || {
            let content = self.fleet.tree.read(file).unwrap_or_default();
            let documents = parse(&content, &ParseOptions::default()).unwrap_or_default();
            Rc::new(documents.into_iter().map(|document| document.root).collect())
        };
        self.files.borrow_mut().entry(file.to_owned()).or_insert_with(read).clone()
    }

    /// Where a field of an object stands, as far as its file has it; none where the file is not known.
    pub(super) fn field(&self, placed: &Placed, path: &str) -> Option<Place> {
        self.of(&placed.file, &placed.object, path)
    }

    /// As [`Places::field`], of an object that comes from this file.
    pub(super) fn of(&self, file: &str, object: &Value, path: &str) -> Option<Place> {
        if file.is_empty() {
            return None;
        }
        let documents = self.documents(file);
        let pos = document(&documents, object).map(|node| deepest(node, &steps(path)));
        Some(placed(file, pos))
    }

    /// Where the first of these paths stands in a file, whatever object it is in.
    pub(super) fn in_file(&self, file: &str, path: &[Step]) -> Place {
        let documents = self.documents(file);
        placed(file, documents.first().map(|node| deepest(node, path)))
    }
}

/// A place, where the position is one.
pub(super) fn placed(file: &str, pos: Option<Pos>) -> Place {
    let pos = pos.filter(|pos| pos.line > 0);
    Place { file: file.to_owned(), line: pos.map(|pos| pos.line), column: pos.map(|pos| pos.column) }
}

/// The document that an object was made of: names may have become others on the way.
fn document<'n>(documents: &'n [Node], object: &Value) -> Option<&'n Node> {
    let name = place(object).1;
    let of_kind = |node: &&Node| {
        let version =
            |text: Option<&str>| text.and_then(|v| v.split_once('/')).map(|(group, _)| group.to_owned());
        node.str_at(&["kind"]) == object["kind"].as_str()
            && version(node.str_at(&["apiVersion"])) == version(object["apiVersion"].as_str())
    };
    let named = |node: &Node| node.str_at(&["metadata", "name"]).unwrap_or_default().to_owned();
    let of_kind: Vec<&Node> = documents.iter().filter(of_kind).collect();
    let exact = of_kind.iter().find(|node| named(node) == name);
    let part = || of_kind.iter().find(|node| !named(node).is_empty() && name.contains(&named(node)));
    exact.or_else(part).or_else(|| of_kind.first().filter(|_| of_kind.len() == 1)).copied()
}

/// The position of the last step that is there; of a field, that of its name.
fn deepest(node: &Node, steps: &[Step]) -> Pos {
    let (mut node, mut pos) = (node, node.pos);
    for step in steps {
        match step {
            Step::Key(wanted) => {
                let Some((key, value)) = node.entries().iter().find(|(key, _)| key.as_str() == Some(wanted))
                else {
                    break;
                };
                (node, pos) = (value, key.pos);
            }
            Step::Item(index) => {
                let Some(item) = node.items().get(*index) else { break };
                (node, pos) = (item, item.pos);
            }
        }
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::field("spec.path", "K:spec K:path")]
    #[case::items("spec.dependsOn[1].name", "K:spec K:dependsOn I:1 K:name")]
    #[case::keys_with_dots("metadata.labels[a.b/c]", "K:metadata K:labels K:a.b/c")]
    #[case::nothing("", "")]
    #[case::no_field("<nil>", "K:<nil>")]
    fn paths_are_read_as_api_servers_write_them(#[case] path: &str, #[case] expected: &str) {
        let shown: Vec<String> = steps(path)
            .iter()
            .map(|step| match step {
                Step::Key(key) => format!("K:{key}"),
                Step::Item(index) => format!("I:{index}"),
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }
}
