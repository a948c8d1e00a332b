//! Edits in place: one scalar changes, every other byte of the file stays.

use thiserror::Error;

use crate::node::{Node, Pos, Style, Value};
use crate::resolve::{Dialect, Scalar, resolve_plain};

/// Why an edit was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpliceError {
    /// Maps and lists cannot be replaced.
    #[error("replace a value at line {}: it is a {kind}, not a scalar", pos.line)]
    NotScalar {
        /// `map` or `list`.
        kind: &'static str,
        /// Where it stands.
        pos: Pos,
    },
    /// Scalars in `|` or `>` form cannot be replaced.
    #[error("replace the value at line {}: block scalars are not supported", pos.line)]
    Block {
        /// Where it stands.
        pos: Pos,
    },
    /// The node was not read from these bytes, or nothing stands for it there (the value of `a` in `{a}`,
    /// an empty list item).
    #[error("replace the value at line {}: it does not stand in this file", pos.line)]
    Elsewhere {
        /// Where it should stand.
        pos: Pos,
    },
    /// Two edits of the same bytes with different texts.
    #[error("replace the value at line {}: another edit changes it too", pos.line)]
    Overlap {
        /// Where it stands.
        pos: Pos,
    },
}

/// Replaces the text of one scalar in the file that `node` was parsed from; see [`splice_scalars`].
///
/// # Errors
/// `node` is no scalar, a block scalar, or not from these bytes.
pub fn splice_scalar(bytes: &[u8], node: &Node, text: &str) -> Result<Vec<u8>, SpliceError> {
    splice_scalars(bytes, &[(node, text)])
}

/// Replaces the texts of several scalars in the file that the nodes were parsed from; every other byte stays.
///
/// Quotes stay as they are. A plain scalar gets double quotes only if the new text cannot stand without, or if a string
/// would become something else (`1.0.0` replaced by `1.0`).
///
/// The same edit may come twice (an alias reaches the same bytes).
///
/// # Errors
/// A node is no scalar, a block scalar, or not from these bytes; two edits disagree.
pub fn splice_scalars(bytes: &[u8], edits: &[(&Node, &str)]) -> Result<Vec<u8>, SpliceError> {
    let mut ordered: Vec<(Pos, String)> = edits
        .iter()
        .map(|(node, text)| Ok((node.pos, written(bytes, node, text)?)))
        .collect::<Result<_, SpliceError>>()?;
    ordered.sort_by_key(|(pos, _)| (pos.start, pos.end));
    ordered.dedup();
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut done = 0;
    let mut last: Option<Pos> = None;
    for (pos, text) in ordered {
        let (start, end) = (pos.start as usize, pos.end as usize);
        if start < done || last.is_some_and(|last| last.start == pos.start) {
            return Err(SpliceError::Overlap { pos });
        }
        out.extend_from_slice(&bytes[done..start]);
        out.extend_from_slice(text.as_bytes());
        done = end;
        last = Some(pos);
    }
    out.extend_from_slice(&bytes[done..]);
    Ok(out)
}

/// The bytes that take the place of the scalar.
fn written(bytes: &[u8], node: &Node, text: &str) -> Result<String, SpliceError> {
    let pos = node.pos;
    let Value::Scalar { text: old, style } = &node.value else {
        return Err(SpliceError::NotScalar { kind: node.kind_name(), pos });
    };
    let (start, end) = (pos.start as usize, pos.end as usize);
    let Some(source) = bytes.get(start..end).filter(|_| pos.line > 0) else {
        return Err(SpliceError::Elsewhere { pos });
    };
    let quoted_by =
        |quote: u8| source.len() >= 2 && source.first() == Some(&quote) && source.last() == Some(&quote);
    let new = match style {
        Style::Literal | Style::Folded => return Err(SpliceError::Block { pos }),
        Style::SingleQuoted if quoted_by(b'\'') && fits_single_quotes(text) => single_quoted(text),
        Style::DoubleQuoted if quoted_by(b'"') => double_quoted(text),
        Style::SingleQuoted if quoted_by(b'\'') => double_quoted(text),
        Style::Plain if stays_plain(old, text, !node.tag.is_empty()) => text.to_owned(),
        Style::Plain => double_quoted(text),
        _ => return Err(SpliceError::Elsewhere { pos }),
    };
    match bytes[..start].last() {
        _ if !source.is_empty() => Ok(new),
        // Nothing is written there: the value goes right behind the colon.
        Some(b':') => Ok(format!(" {new}")),
        _ => Err(SpliceError::Elsewhere { pos }),
    }
}

fn stays_plain(old: &str, new: &str, tagged: bool) -> bool {
    let same_type = |dialect| {
        matches!(resolve_plain(new, dialect), Scalar::Str(_))
            || !matches!(resolve_plain(old, dialect), Scalar::Str(_) | Scalar::Null)
    };
    crate::emit::may_be_plain(new)
        && !new.contains([',', '[', ']', '{', '}', '?'])
        && !new.starts_with(':')
        && (tagged || (same_type(Dialect::Kustomize) && same_type(Dialect::KubernetesJson)))
}

fn fits_single_quotes(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{FFFD}') && c != '\u{FEFF}')
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => {
                out.push_str(&format!("\\u{:04X}", u32::from(c)))
            }
            _ if c.is_control() => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
