//! Printing as `kustomize build` does: block style, keys in natural order, quotes only where needed.

mod analyze;
mod kept;
mod order;
mod quote;
mod retold;
mod tree;
mod writer;

use serde_json::Value as Json;
use thiserror::Error;

use crate::json::JsonError;
use crate::node::{Node, Pos};
use crate::resolve::Dialect;

pub use kept::emit_kept;

/// Why a tree cannot be printed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EmitError {
    /// The tree has no JSON form.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A key `"<<"` in quotes: kustomize drops such an entry without a word, this crate refuses it.
    #[error("print line {}: a quoted << as a key is not supported", pos.line)]
    QuotedMerge {
        /// Where it stands.
        pos: Pos,
    },
    /// A key that is a map or a list.
    #[error("print line {}: a key must be a scalar", pos.line)]
    Key {
        /// Where it stands.
        pos: Pos,
    },
    /// A block scalar whose text starts with a tab.
    #[error("print line {}: found a tab character where an indentation space is expected", pos.line)]
    Tab {
        /// Where it stands.
        pos: Pos,
    },
    /// A string holds a character that YAML does not allow and JSON does not escape (`\u007f`, `\u0080`, `\uffff`).
    #[error("print {text:?}: control characters are not allowed")]
    Control {
        /// The string.
        text: String,
    },
}

/// Prints one document as `kustomize build` does, with a line break at its end and without `---`.
///
/// Comments and styles do not count, see the crate's introduction. Documents of a build are joined by `---` lines.
///
/// # Errors
/// The tree has no JSON form (a key that is no string, `.inf`, a tag that does not suit), or a string holds characters
/// that kustomize refuses.
pub fn emit(node: &Node) -> Result<String, EmitError> {
    let mut out = String::new();
    emit_to(node, &mut out)?;
    Ok(out)
}

/// As [`emit`], behind what a text holds already.
///
/// # Errors
/// Those of [`emit`]; the text stays as it was then.
pub fn emit_to(node: &Node, out: &mut String) -> Result<(), EmitError> {
    let before = out.len();
    if writer::Writer::new(out).tree_document(node).is_some() {
        return Ok(());
    }
    out.truncate(before);
    out.push_str(&emit_json(&emitted_value(node)?)?);
    Ok(())
}

/// Prints a JSON value as sigs.k8s.io/yaml's `JSONToYAML` does (and with it kustomize).
///
/// # Errors
/// A string holds a character that the Go program refuses.
pub fn emit_json(value: &Json) -> Result<String, EmitError> {
    let mut out = String::new();
    writer::Writer::new(&mut out).document(value)?;
    Ok(out)
}

/// The JSON value that kustomize prints for this tree. It differs from `node.to_json(Dialect::Kustomize)` where
/// kustomize's own round trip changes values (see the crate's introduction).
///
/// # Errors
/// The tree has no JSON form, or holds a quoted `"<<"` as a key.
pub fn emitted_value(node: &Node) -> Result<Json, EmitError> {
    match retold::retold(node, false)? {
        Some(node) => Ok(node.to_json(Dialect::Kustomize)?),
        None => Ok(node.to_json(Dialect::Kustomize)?),
    }
}

/// The style that a string gets where it is made by kustomize: plain where it reads as a string, `|` where it has several
/// lines, else quoted.
pub(crate) fn style_of(text: &str) -> crate::Style {
    quote::style_of(text, false)
}

/// Whether a text can stand without quotes in block style.
pub(crate) fn may_be_plain(text: &str) -> bool {
    !text.is_empty() && analyze::shape_of(text).plain
}
