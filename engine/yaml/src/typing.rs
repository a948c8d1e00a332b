//! Writing over scalars as kustomize does: some of what was there stays.

use crate::node::{Node, Style, Typing, Value};
use crate::resolve::{Dialect, Scalar, resolve_plain};

impl Node {
    /// Writes another text into a scalar; its type and its style stay: a number that is to hold a word cannot be printed,
    /// a string that is to hold a number stays a string. A scalar whose type is open keeps no type. Other nodes stay as
    /// they are.
    pub fn set_text(&mut self, text: impl Into<String>) {
        if !self.is_scalar() {
            return;
        }
        let (tag, typing) = self.own_type();
        if let Some(old) = self.as_str_mut() {
            *old = text.into();
        }
        self.give_type(tag, typing);
    }

    /// Writes a text without a type into a scalar: style and text say what it is, and so they do for any later text. Any
    /// other node becomes a plain scalar.
    pub fn set_open_text(&mut self, text: impl Into<String>) {
        let style = self.style().unwrap_or_default();
        self.value = Value::Scalar { text: text.into(), style };
        self.tag.clear();
        self.typing = Typing::Open;
    }

    /// A plain scalar without a type, see [`Node::set_open_text`].
    pub fn open(text: impl Into<String>) -> Node {
        let mut node = Node::plain(text);
        node.typing = Typing::Open;
        node
    }

    /// Takes the style of another scalar (with it, whether a tag is written out), and keeps its own type: a number becomes
    /// a string where the style has quotes. Does nothing unless both are scalars.
    pub fn take_style(&mut self, from: &Node) {
        let Some(new) = from.style() else { return };
        if self.style() == Some(new) && self.tag.is_empty() && from.tag.is_empty() {
            return;
        }
        let (tag, mut typing) = self.own_type();
        let Value::Scalar { style, .. } = &mut self.value else { return };
        *style = new;
        if typing != Typing::Open {
            let written = from.typing == Typing::Read && !from.tag.is_empty();
            typing = if written { Typing::Read } else { Typing::Kept };
        }
        self.give_type(tag, typing);
    }

    /// Puts quotes around a plain scalar that kustomize takes for a string and a YAML 1.1 reader does not (`yes`), and
    /// around one whose type is open and that would read as anything but a string.
    pub fn quote_what_is_no_string(&mut self) {
        let Value::Scalar { text, style: Style::Plain } = &self.value else { return };
        if text.is_empty() || matches!(resolve_plain(text, Dialect::KubernetesJson), Scalar::Str(_)) {
            return;
        }
        let is_string = match self.typing {
            Typing::Open => true,
            Typing::Kept => self.tag == "!!str",
            Typing::Read => self.tag.is_empty() && self.is_string(Dialect::Kustomize),
        };
        if is_string && let Value::Scalar { style, .. } = &mut self.value {
            *style = Style::DoubleQuoted;
            let (tag, typing) = self.own_type();
            self.give_type(tag, typing);
        }
    }

    /// Makes a string of a scalar whose type is open, unless it is empty, with quotes where it would read as anything else.
    /// Quotes as [`Node::quote_what_is_no_string`] does, too.
    pub fn close_as_string(&mut self) {
        if self.typing == Typing::Open && self.as_str().is_some_and(|text| !text.is_empty()) {
            self.give_type("!!str".to_owned(), Typing::Kept);
        }
        self.quote_what_is_no_string();
    }

    /// The tag that kustomize has for this scalar.
    fn own_type(&self) -> (String, Typing) {
        match (self.typing, &self.value) {
            (Typing::Open, _) => (String::new(), Typing::Open),
            (Typing::Read, Value::Scalar { text, style }) if self.tag.is_empty() => {
                (implied(text, *style).to_owned(), Typing::Kept)
            }
            (typing, _) => (self.tag.clone(), typing),
        }
    }

    /// Gives a scalar a type; a tag that text and style imply is not kept beside them.
    fn give_type(&mut self, tag: String, typing: Typing) {
        let Value::Scalar { text, style } = &self.value else { return };
        if typing == Typing::Kept && tag == implied(text, *style) {
            self.tag = String::new();
            self.typing = Typing::Read;
        } else {
            self.tag = tag;
            self.typing = typing;
        }
    }
}

/// The type of a scalar without a tag.
fn implied(text: &str, style: Style) -> &'static str {
    match style {
        Style::Plain => resolve_plain(text, Dialect::Kustomize).tag_name(),
        _ => "!!str",
    }
}
