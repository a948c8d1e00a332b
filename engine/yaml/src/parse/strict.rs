//! Where Go's readers see something else than the parser: what they refuse is refused.

use granit_parser::Span;

use super::ParseError;
use super::build::Builder;
use super::count;
use super::source::pos_of;
use super::tabs;
use crate::node::{Node, Pos, Style};

impl Builder<'_> {
    /// Go's readers refuse tabs where the parser takes them.
    pub(super) fn check_tabs(&self, span: &Span) -> Result<(), ParseError> {
        match self.frames.last() {
            Some(frame) if !frame.block => Ok(()),
            frame => {
                let column = frame.map_or(0, |frame| frame.node.pos.column);
                self.tabs
                    .check(self.source, span, column)
                    .map_err(|message| ParseError::at(pos_of(span), message))
            }
        }
    }

    /// The same inside a plain scalar of several lines.
    pub(super) fn check_tabs_inside(&self, span: &Span) -> Result<(), ParseError> {
        let Some(frame) = self.frames.last() else { return Ok(()) };
        let lines = span.slice(self.source).unwrap_or_default();
        tabs::check_plain(lines, frame.node.pos.column)
            .map_err(|message| ParseError::at(pos_of(span), message))
    }

    /// Go's readers see colons in `[]` and `{}` with other eyes: `:a` is an error, `{a:}` has the key `a:`.
    pub(super) fn check_colon(&self, node: &Node) -> Result<(), ParseError> {
        let text = node.as_str().unwrap_or_default();
        let glued = |key: &Node| {
            let after = self.source.as_bytes().get(key.pos.end as usize..).unwrap_or_default();
            key.style() == Some(Style::Plain) && matches!(after, [b':', b',' | b'[' | b']' | b'{' | b'}', ..])
        };
        if text.starts_with(':') {
            return Err(ParseError::at(node.pos, "did not find expected node content"));
        }
        match self.frames.last().and_then(|frame| frame.key.as_ref()) {
            Some(key) if text.is_empty() && glued(key) => Err(ParseError::at(
                key.pos,
                "a colon right before ',', ']' or '}' is not supported: add a space",
            )),
            _ => Ok(()),
        }
    }

    /// `: value` without a key: Go's readers refuse it in block style.
    pub(super) fn check_missing_key(&self, pos: Pos) -> Result<(), ParseError> {
        let is_key = self.frames.last().is_some_and(|f| f.block && f.node.is_map() && f.key.is_none());
        let before = self.source.get(..pos.start as usize).unwrap_or_default();
        let long_form = before.trim_end_matches([' ', '\t', '\r', '\n']).ends_with('?');
        if is_key && !long_form && self.source[before.len()..].starts_with(':') {
            return Err(ParseError::at(pos, "did not find expected key"));
        }
        Ok(())
    }

    /// The parser puts an empty value at the end of its key: move it behind the colon, if that is on the same line.
    /// Elsewhere (`- `, `{a}`) there is no place of its own.
    pub(super) fn move_behind_colon(&self, pos: &mut Pos) {
        let rest = self.source.get(pos.start as usize..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let has_key = self.frames.last().is_some_and(|frame| frame.key.is_some());
        if has_key && rest[blanks..].starts_with(':') {
            let step = count(blanks + 1);
            (pos.start, pos.end, pos.column) = (pos.start + step, pos.end + step, pos.column + step);
        } else {
            (pos.start, pos.end) = (0, 0);
        }
    }
}
