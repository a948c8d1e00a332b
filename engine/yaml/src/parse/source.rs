//! What the source says about a node beyond the parser's event.

use granit_parser::{ScalarStyle, Span, Tag};

use super::{ParseError, count};
use crate::node::{Node, Pos, Style, Value};

/// How many nodes a tree has, and how deep it is (1 for a scalar).
pub(super) fn measure(node: &Node) -> (usize, usize) {
    let mut size = 1;
    let mut depth = 0;
    let mut add = |child: &Node| {
        let (s, d) = measure(child);
        size += s;
        depth = depth.max(d);
    };
    for (key, value) in node.entries() {
        add(key);
        add(value);
    }
    node.items().iter().for_each(add);
    (size, depth + 1)
}

pub(super) fn pos_of(span: &Span) -> Pos {
    let bytes = span.byte_range().unwrap_or_default();
    Pos {
        line: count(span.start.line()),
        column: count(span.start.col() + 1),
        start: count(bytes.start),
        end: count(bytes.end),
    }
}

/// The parser has a list that stands at the column of its key start behind its first dash: move it to the dash.
pub(super) fn move_to_dash(source: &str, pos: &mut Pos) {
    let before = source.get(..pos.start as usize).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let spaces = source[line_start..].len() - source[line_start..].trim_start_matches(' ').len();
    if source[line_start + spaces..].starts_with('-') {
        let start = count(line_start + spaces);
        *pos = Pos { column: count(spaces + 1), start, end: start, ..*pos };
    }
}

/// The last line that a scalar stands on: a block scalar's span ends at the start of the line after it.
pub(super) fn last_line(span: &Span, node: &Node) -> usize {
    let block = matches!(node.style(), Some(Style::Literal | Style::Folded));
    let end = span.end.line();
    if block && span.end.col() == 0 && end > span.start.line() { end - 1 } else { end }
}

pub(super) fn scalar_value(text: String, style: ScalarStyle, span: &Span) -> Value {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    };
    // The parser says `~` where nothing is written.
    let nothing = style == Style::Plain && span.byte_range().is_some_and(|range| range.is_empty());
    Value::Scalar { text: if nothing { String::new() } else { text }, style }
}

/// Escapes that the parser takes and Go's readers do not: `\/`, and halves of surrogate pairs.
pub(super) fn check_escapes(source: &str, span: &Span) -> Result<(), ParseError> {
    let mut rest = source;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        let surrogate = escape.strip_prefix('u').and_then(|hex| hex.get(..4)).is_some_and(|hex| {
            u32::from_str_radix(hex, 16).is_ok_and(|code| (0xD800..0xE000).contains(&code))
        });
        if surrogate {
            return Err(ParseError::at(pos_of(span), "found invalid Unicode character escape code"));
        }
        if escape.starts_with('/') {
            return Err(ParseError::at(pos_of(span), "found unknown escape character"));
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    Ok(())
}

pub(super) fn tag_text(tag: Option<&Tag>) -> String {
    match tag {
        None => String::new(),
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(suffix) => format!("!!{suffix}"),
            // The non-specific tag means no more than no tag.
            None if tag.original() == "!" => String::new(),
            None => tag.original(),
        },
    }
}
