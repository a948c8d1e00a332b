//! Lists and maps in brackets, on one line.

use super::MAX_DEPTH;
use super::lines::Lines;
use super::scalar::{LONGEST_KEY, is_flow_plain, is_plain_start, node_at, plain_scalar};
use crate::node::{Node, Value};

impl Lines<'_> {
    /// The collection that starts at this bracket.
    pub(super) fn flow(&mut self, depth: usize) -> Option<Node> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let start = self.at;
        let value = if self.byte() == b'{' { self.flow_map(depth)? } else { self.flow_list(depth)? };
        Some(node_at(self, start, self.at, value))
    }

    fn flow_map(&mut self, depth: usize) -> Option<Value> {
        let mut entries: Vec<(Node, Node)> = Vec::with_capacity(2);
        self.at += 1;
        self.skip_spaces();
        while self.byte() != b'}' {
            let key = self.flow_scalar()?;
            if (key.pos.end - key.pos.start) as usize > LONGEST_KEY {
                return None;
            }
            let known = |(known, _): &(Node, Node)| known.as_str() == key.as_str();
            if entries.iter().any(known) || self.byte() != b':' || self.second() != b' ' {
                return None;
            }
            self.at += 1;
            self.skip_spaces();
            let value = self.flow_value(depth)?;
            entries.push((key, value));
            self.separator(b'}')?;
        }
        self.at += 1;
        Some(Value::Map { entries, flow: true })
    }

    fn flow_list(&mut self, depth: usize) -> Option<Value> {
        let mut items: Vec<Node> = Vec::with_capacity(1);
        self.at += 1;
        self.skip_spaces();
        while self.byte() != b']' {
            items.push(self.flow_value(depth)?);
            self.separator(b']')?;
        }
        self.at += 1;
        Some(Value::Seq { items, flow: true })
    }

    /// A comma with something behind it, or the end.
    fn separator(&mut self, end: u8) -> Option<()> {
        self.skip_spaces();
        if self.byte() == b',' {
            self.at += 1;
            self.skip_spaces();
            return (self.byte() != end).then_some(());
        }
        (self.byte() == end).then_some(())
    }

    fn flow_value(&mut self, depth: usize) -> Option<Node> {
        match self.byte() {
            b'{' | b'[' => self.flow(depth + 1),
            _ => self.flow_scalar(),
        }
    }

    fn flow_scalar(&mut self) -> Option<Node> {
        if matches!(self.byte(), b'"' | b'\'') {
            return self.quoted();
        }
        if !is_plain_start(self.byte(), self.second()) {
            return None;
        }
        let start = self.at;
        let mut end = start;
        while is_flow_plain(self.byte()) {
            self.at += 1;
            if self.bytes().get(self.at - 1) != Some(&b' ') {
                end = self.at;
            }
        }
        // A key's colon stands right behind it.
        if self.byte() == b':' && self.at != end {
            return None;
        }
        plain_scalar(self, start, end)
    }
}
