//! Printing a tree without the detour through JSON values.

use super::order::sorted;
use super::retold;
use super::writer::{STEP, Writer};
use crate::node::{Node, Style, Value};
use crate::resolve::{Dialect, Scalar, resolve_plain};

impl Writer<'_> {
    /// Prints what [`super::emit_json`] prints for [`super::emitted_value`]. `None` for what is wrong, and for tags and other
    /// rarities: then the detour has the say, and what was printed here does not count.
    pub(super) fn tree_document(&mut self, node: &Node) -> Option<()> {
        if !node.is_map() {
            return None;
        }
        self.start_document();
        self.tree(node, 0, false)?;
        self.end_document();
        Some(())
    }

    fn tree(&mut self, node: &Node, indent: usize, in_flow: bool) -> Option<()> {
        if !node.tag.is_empty() {
            return None;
        }
        match &node.value {
            Value::Scalar { text, style } => self.scalar(node, text, *style, indent, in_flow)?,
            Value::Seq { items, .. } if items.is_empty() => self.word("[]"),
            Value::Map { entries, .. } if entries.is_empty() => self.word("{}"),
            Value::Seq { items, flow } => {
                for item in items {
                    self.start_line(indent);
                    self.indicator("-");
                    self.tree(item, indent + STEP, in_flow || *flow)?;
                }
            }
            Value::Map { entries, flow } => {
                for (key, value) in in_order(entries)? {
                    self.start_line(indent);
                    let inner = self.key(key, value.is_seq(), indent).ok()?;
                    self.tree(value, inner, in_flow || *flow)?;
                }
            }
        }
        Some(())
    }

    fn known_word(&mut self, text: &str) -> Option<()> {
        self.word(text);
        Some(())
    }

    fn scalar(&mut self, node: &Node, text: &str, style: Style, indent: usize, in_flow: bool) -> Option<()> {
        match style {
            Style::Plain if in_flow && (text.is_empty() || text.contains(':')) => {
                self.string(text, indent, false).ok()
            }
            Style::Plain => match resolve_plain(text, Dialect::Kustomize) {
                Scalar::Null => self.known_word("null"),
                Scalar::Bool(b) => self.known_word(if b { "true" } else { "false" }),
                Scalar::Int(_) if is_decimal(text) => self.known_word(text),
                Scalar::Str(_) if !retold::breaks_off(text) => self.string(text, indent, false).ok(),
                Scalar::Str(_) => None,
                _ => self.node(&node.to_json(Dialect::Kustomize).ok()?, indent).ok(),
            },
            Style::Literal | Style::Folded => match retold::scalar(node, text, style, in_flow).ok()? {
                Some(Value::Scalar { text, .. }) => self.string(&text, indent, false).ok(),
                _ => self.string(text, indent, false).ok(),
            },
            Style::SingleQuoted | Style::DoubleQuoted => self.string(text, indent, false).ok(),
        }
    }
}

/// The entries of a map as they are printed; `None` where a key is no string, comes twice, or merges.
fn in_order(entries: &[(Node, Node)]) -> Option<Vec<(&str, &Node)>> {
    let mut out = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let text = key.as_str()?;
        if text == "<<" || !key.is_string(Dialect::Kustomize) || !key.tag.is_empty() {
            return None;
        }
        out.push((text, value));
    }
    // The order of JSON maps comes first: the natural one is no total order.
    let ascending = |out: &[(&str, &Node)]| out.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !ascending(&out) {
        out.sort_unstable_by_key(|(key, _)| *key);
        if !ascending(&out) {
            return None;
        }
    }
    Some(sorted(out, |entry| entry.0))
}

/// Whether an integer is written as it is printed.
fn is_decimal(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}
