//! Scalars and keys.

use super::super::count;
use super::lines::Lines;
use crate::node::{Node, Pos, Style, Typing, Value};

/// Longer keys are not plain.
pub(super) const LONGEST_KEY: usize = 512;

/// A node on this line, from byte `start` to `end`.
pub(super) fn node_at(lines: &Lines<'_>, start: usize, end: usize, value: Value) -> Node {
    let pos = Pos {
        line: lines.line,
        column: count(start - lines.start + 1),
        start: count(start),
        end: count(end),
    };
    Node { value, tag: String::new(), typing: Typing::Read, comments: None, pos, shared: 0 }
}

/// The value of a key that has none: it stands behind the colon.
pub(super) fn empty(key: &Node, colon_end: usize) -> Node {
    let at = count(colon_end);
    let pos = Pos { column: key.pos.column + (at - key.pos.start), start: at, end: at, ..key.pos };
    let value = Value::Scalar { text: String::new(), style: Style::Plain };
    Node { value, tag: String::new(), typing: Typing::Read, comments: None, pos, shared: 0 }
}

pub(super) fn plain_scalar(lines: &Lines<'_>, start: usize, end: usize) -> Option<Node> {
    let text = lines.text.get(start..end)?.to_owned();
    Some(node_at(lines, start, end, Value::Scalar { text, style: Style::Plain }))
}

/// Bytes that may start a plain scalar.
pub(super) fn is_plain_start(first: u8, second: u8) -> bool {
    match first {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'$' | b'(' | b'<' | b'+' | b'~' => {
            true
        }
        b'-' => matches!(second, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/'),
        _ => false,
    }
}

/// Bytes of keys that need no second look.
fn is_key(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-' | b'$')
}

/// Bytes that mean nothing inside of brackets.
pub(super) fn is_flow_plain(byte: u8) -> bool {
    is_key(byte) || matches!(byte, b' ' | b'+' | b'=' | b'~' | b'^' | b'(' | b')' | b';' | b'<' | b'>')
}

impl Lines<'_> {
    /// Whether a key stands here, with its colon.
    pub(super) fn is_key(&self) -> bool {
        if matches!(self.byte(), b'"' | b'\'') {
            let quote = self.byte();
            let rest = self.bytes().get(self.at + 1..).unwrap_or_default();
            let end = rest.iter().position(|b| *b == quote || *b == b'\n').unwrap_or(rest.len());
            return rest.get(end) == Some(&quote) && rest.get(end + 1) == Some(&b':');
        }
        self.key_end().is_some()
    }

    /// The byte of a plain key's colon.
    fn key_end(&self) -> Option<usize> {
        let bytes = self.bytes();
        let mut end = self.at;
        while bytes.get(end).is_some_and(|byte| is_key(*byte)) {
            end += 1;
        }
        let colon = bytes.get(end) == Some(&b':') && matches!(bytes.get(end + 1), None | Some(b' ' | b'\n'));
        (colon && end > self.at && end - self.at <= LONGEST_KEY).then_some(end)
    }

    /// The key here; goes behind its colon.
    pub(super) fn key(&mut self) -> Option<Node> {
        let key = match self.byte() {
            b'"' | b'\'' => {
                let key = self.quoted()?;
                let colon = self.byte() == b':' && matches!(self.second(), b' ' | b'\n');
                // A quoted `<<` is no merge key; leave it to the whole reader.
                if !colon
                    || (key.pos.end - key.pos.start) as usize > LONGEST_KEY
                    || key.as_str() == Some("<<")
                {
                    return None;
                }
                key
            }
            first if is_plain_start(first, self.second()) => {
                let end = self.key_end()?;
                let key = plain_scalar(self, self.at, end)?;
                self.at = end;
                key
            }
            _ => return None,
        };
        self.at += 1;
        Some(key)
    }

    /// A plain scalar, up to the end of the line or a comment.
    pub(super) fn plain(&mut self) -> Option<Node> {
        if !is_plain_start(self.byte(), self.second()) {
            return None;
        }
        let bytes = self.bytes();
        let start = self.at;
        let mut end = start;
        let mut before = 0;
        while let Some(byte) = bytes.get(self.at).copied() {
            match byte {
                b'\n' => break,
                b'\t' => return None,
                b'#' if before == b' ' => break,
                b' ' => {}
                b':' if matches!(bytes.get(self.at + 1), None | Some(b' ' | b'\n')) => return None,
                _ => end = self.at + 1,
            }
            before = byte;
            self.at += 1;
        }
        let node = plain_scalar(self, start, end)?;
        self.at = end;
        Some(node)
    }

    /// A scalar in quotes, on one line and without escapes.
    pub(super) fn quoted(&mut self) -> Option<Node> {
        let start = self.at;
        let single = self.byte() == b'\'';
        let quote = self.byte();
        let mut doubled = false;
        loop {
            self.at += 1;
            match *self.bytes().get(self.at)? {
                b'\n' | b'\t' => return None,
                b'\\' if !single => return None,
                byte if byte == quote && single && self.second() == quote => {
                    doubled = true;
                    self.at += 1;
                }
                byte if byte == quote => break,
                // Columns count characters.
                byte if !byte.is_ascii() => return None,
                _ => {}
            }
        }
        let text = self.text.get(start + 1..self.at)?;
        let text = if doubled { text.replace("''", "'") } else { text.to_owned() };
        self.at += 1;
        let style = if single { Style::SingleQuoted } else { Style::DoubleQuoted };
        Some(node_at(self, start, self.at, Value::Scalar { text, style }))
    }

    /// A `|` block below a line that is indented by `parent`.
    pub(super) fn literal(&mut self, parent: usize) -> Option<Node> {
        self.at += 1;
        let chomp = self.byte();
        if matches!(chomp, b'-' | b'+') {
            self.at += 1;
        }
        if self.byte() != b'\n' || self.at >= self.text.len() {
            return None;
        }
        self.enter_next_line(0);
        let first = self.rest().bytes().take_while(|byte| *byte == b' ').count();
        if first <= parent || matches!(self.bytes().get(self.at + first), None | Some(b'\n' | b'\t')) {
            return None;
        }
        let start = self.at + first;
        let line = self.line;
        let mut text = String::new();
        let mut breaks = 0;
        // The whole reader ends a block behind the spaces of the line after it.
        let mut end;
        loop {
            let rest = self.rest();
            end = self.at;
            if rest.is_empty() {
                break;
            }
            // A last line without a break is left to the whole reader.
            let length = rest.find('\n')?;
            let content = rest.get(..length)?;
            let spaces = content.bytes().take_while(|byte| *byte == b' ').count();
            if spaces == length && spaces <= first {
                breaks += 1;
            } else if spaces >= first {
                text.extend(std::iter::repeat_n('\n', breaks));
                text.push_str(content.get(first..)?);
                breaks = 1;
            } else if spaces > parent {
                return None;
            } else {
                end += spaces;
                break;
            }
            self.enter_next_line(length);
        }
        match chomp {
            b'-' => {}
            b'+' => text.extend(std::iter::repeat_n('\n', breaks)),
            _ => text.push('\n'),
        }
        let pos = Pos { line, column: count(first + 1), start: count(start), end: count(end) };
        let value = Value::Scalar { text, style: Style::Literal };
        self.find_content()?;
        if !self.done && self.indent > parent {
            return None;
        }
        Some(Node { value, tag: String::new(), typing: Typing::Read, comments: None, pos, shared: 0 })
    }
}
