//! Printing as `kustomize build` does: block style, keys in natural order, quotes only where needed.

mod analyze;
mod order;
mod quote;
mod writer;

use serde_json::Value as Json;
use thiserror::Error;

use crate::json::JsonError;
use crate::node::{Node, Value};
use crate::resolve::Dialect;

/// Why a tree cannot be printed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EmitError {
    /// The tree has no JSON form.
    #[error(transparent)]
    Json(#[from] JsonError),
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
    emit_json(&emitted_value(node)?)
}

/// Prints a JSON value as sigs.k8s.io/yaml's `JSONToYAML` does (and with it kustomize).
///
/// # Errors
/// A string holds a character that the Go program refuses.
pub fn emit_json(value: &Json) -> Result<String, EmitError> {
    let mut writer = writer::Writer::default();
    writer.document(value)?;
    Ok(writer.finish())
}

/// The JSON value that kustomize prints for this tree. It differs from `node.to_json(Dialect::Kustomize)` in flow style
/// only, where kustomize's own round trip changes two kinds of plain scalars (see the crate's introduction).
///
/// # Errors
/// The tree has no JSON form.
pub fn emitted_value(node: &Node) -> Result<Json, JsonError> {
    if has_flow(node) { respelled(node, false).to_json(Dialect::Kustomize) } else { node.to_json(Dialect::Kustomize) }
}

fn has_flow(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { .. } => false,
        Value::Seq { items, flow } => *flow && !items.is_empty() || items.iter().any(has_flow),
        Value::Map { entries, flow } => {
            *flow && !entries.is_empty() || entries.iter().any(|(k, v)| has_flow(k) || has_flow(v))
        }
    }
}

fn respelled(node: &Node, in_flow: bool) -> Node {
    match &node.value {
        Value::Scalar { text, .. } => {
            let quoted_by_kustomize = text.is_empty() || text.contains(':');
            if in_flow && node.tag.is_empty() && quoted_by_kustomize {
                Node::str(text.as_str())
            } else {
                node.clone()
            }
        }
        Value::Seq { items, flow } => {
            let inner = in_flow || *flow;
            Node { value: Value::Seq { items: items.iter().map(|item| respelled(item, inner)).collect(), flow: *flow }, ..bare(node) }
        }
        Value::Map { entries, flow } => {
            let inner = in_flow || *flow;
            let entries = entries.iter().map(|(k, v)| (k.clone(), respelled(v, inner))).collect();
            Node { value: Value::Map { entries, flow: *flow }, ..bare(node) }
        }
    }
}

/// The node without its value.
fn bare(node: &Node) -> Node {
    Node { value: Value::Seq { items: Vec::new(), flow: false }, tag: node.tag.clone(), comments: None, pos: node.pos }
}
