//! Maps and lists in block style.

use std::collections::BTreeSet;

use super::MAX_DEPTH;
use super::lines::Lines;
use super::scalar::{empty, node_at};
use crate::node::{Node, Value};

/// Above this many keys they are looked up in a set.
const FEW_KEYS: usize = 12;

impl Lines<'_> {
    /// The block collection that starts here, in the column `indent`.
    pub(super) fn block(&mut self, indent: usize, depth: usize) -> Option<Node> {
        if depth >= MAX_DEPTH {
            return None;
        }
        if self.at_dash() { self.list(indent, depth) } else { self.map(indent, depth) }
    }

    /// Whether an item of a list starts here.
    fn at_dash(&self) -> bool {
        self.byte() == b'-' && matches!(self.second(), b' ' | b'\n')
    }

    fn map(&mut self, indent: usize, depth: usize) -> Option<Node> {
        let mut map = node_at(self, self.at, self.at, Value::Map { entries: Vec::new(), flow: false });
        let mut entries: Vec<(Node, Node)> = Vec::with_capacity(1);
        let mut many: BTreeSet<String> = BTreeSet::new();
        loop {
            let key = self.key()?;
            if is_known(&entries, &mut many, key.as_str()?) {
                return None;
            }
            let value = self.value_of(&key, indent, depth)?;
            entries.push((key, value));
            if self.done || self.indent < indent {
                break;
            }
            if self.indent > indent || self.at_dash() {
                return None;
            }
        }
        map.value = Value::Map { entries, flow: false };
        Some(map)
    }

    /// What stands behind the colon of a key, or below it.
    fn value_of(&mut self, key: &Node, indent: usize, depth: usize) -> Option<Node> {
        let colon_end = self.at;
        self.skip_spaces();
        if self.byte() != b'\n' && self.byte() != b'#' {
            return self.value(indent, depth);
        }
        if self.byte() == b'#' && self.at == colon_end {
            return None;
        }
        let nothing = empty(key, colon_end);
        self.end_line()?;
        if !self.done && (self.indent > indent || self.indent == indent && self.at_dash()) {
            return self.block(self.indent, depth + 1);
        }
        Some(nothing)
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Node> {
        let mut list = node_at(self, self.at, self.at, Value::Seq { items: Vec::new(), flow: false });
        let mut items: Vec<Node> = Vec::with_capacity(1);
        loop {
            self.at += 1;
            self.skip_spaces();
            if matches!(self.byte(), b'\n' | b'#') || self.at_dash() {
                return None;
            }
            let column = self.at - self.start;
            let item = match self.is_key() {
                true => {
                    if depth + 1 >= MAX_DEPTH {
                        return None;
                    }
                    let item = self.map(column, depth + 1)?;
                    if !self.done && self.indent > indent {
                        return None;
                    }
                    item
                }
                false => self.value(indent, depth)?,
            };
            items.push(item);
            if self.done || self.indent < indent || !self.at_dash() {
                break;
            }
        }
        list.value = Value::Seq { items, flow: false };
        Some(list)
    }

    /// A value that stands on this line, or starts on it.
    fn value(&mut self, parent: usize, depth: usize) -> Option<Node> {
        let node = match self.byte() {
            b'|' => return self.literal(parent),
            b'{' | b'[' => self.flow(depth + 1)?,
            b'"' | b'\'' => self.quoted()?,
            _ => self.plain()?,
        };
        self.end_value(parent)?;
        Some(node)
    }
}

/// Whether the key is there already; notes it.
fn is_known(entries: &[(Node, Node)], many: &mut BTreeSet<String>, key: &str) -> bool {
    if entries.len() < FEW_KEYS {
        return entries.iter().any(|(known, _)| known.as_str() == Some(key));
    }
    if many.is_empty() {
        many.extend(entries.iter().filter_map(|(known, _)| known.as_str().map(str::to_owned)));
    }
    !many.insert(key.to_owned())
}
