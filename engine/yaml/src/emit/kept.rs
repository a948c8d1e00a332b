//! Printing as go-yaml's encoder does: in the tree's own order, with its comments.

use super::EmitError;
use super::writer::{Layout, Writer};
use crate::node::{Comments, Node, Style, Value};

/// Prints one document as go-yaml's encoder (version 3) does behind `SetIndent(step)`, behind what `out` holds already: keys in
/// their order, comments before and behind what they belong to, lists below their keys, long lines unbroken. Plain scalars
/// are printed as they are, others in the style that a string of their text gets.
///
/// # Errors
/// A string or key holds a character that the Go program refuses, or a key is no scalar.
pub fn emit_kept(node: &Node, step: usize, out: &mut String) -> Result<(), EmitError> {
    let layout = Layout { step: step.clamp(2, 9), width: usize::MAX, lists_indented: true };
    let mut writer = Writer::with(out, layout);
    writer.start_document();
    writer.kept(node, 0)?;
    writer.end_document();
    Ok(())
}

impl Writer<'_> {
    fn kept(&mut self, node: &Node, indent: usize) -> Result<(), EmitError> {
        match &node.value {
            Value::Scalar { text, style: Style::Plain } if node.tag.is_empty() => {
                self.word(if text.is_empty() { "null" } else { text });
            }
            Value::Scalar { text, .. } => self.string(text, indent, false)?,
            Value::Seq { items, .. } if items.is_empty() => self.word("[]"),
            Value::Map { entries, .. } if entries.is_empty() => self.word("{}"),
            Value::Seq { items, .. } => {
                for item in items {
                    self.head(item.comments.as_deref(), indent);
                    self.start_line(indent);
                    self.indicator("-");
                    self.kept(item, indent + "- ".len())?;
                    self.foot(item.comments.as_deref(), indent);
                }
            }
            Value::Map { entries, .. } => {
                for (key, value) in entries {
                    let name = key.as_str().ok_or(EmitError::Key { pos: key.pos })?;
                    self.head(key.comments.as_deref(), indent);
                    self.start_line(indent);
                    let inner = self.key(name, value.is_seq(), indent)?;
                    self.kept(value, inner)?;
                    self.foot(key.comments.as_deref(), indent);
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, comments: Option<&Comments>, indent: usize) {
        self.comment(comments.map_or("", |comments| &comments.head), indent);
    }

    fn foot(&mut self, comments: Option<&Comments>, indent: usize) {
        self.comment(comments.map_or("", |comments| &comments.foot), indent);
    }

    fn comment(&mut self, text: &str, indent: usize) {
        for line in text.lines() {
            self.start_line(indent);
            self.word(line);
        }
    }
}
