//! From file contents to resources and configurations.

use std::sync::Arc;

use bytes::Bytes;
use seatrial_yaml::{Dialect, Document, Node, Scalar, Style, Value};
use serde::de::DeserializeOwned;

use crate::Renderer;
use crate::config::TransformerConfig;
use crate::decode::decode;
use crate::error::{RenderError, Result, fail};
use crate::loader::{Loader, in_file};
use crate::notes;
use crate::resource::{Resource, Types};

/// Annotations that programs use among themselves: dropped when read.
const DROPPED: [&str; 6] = [
    "config.kubernetes.io/index",
    "config.kubernetes.io/path",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/id",
];

/// The resources of a file.
pub(crate) fn resources(
    renderer: &Renderer,
    content: &Bytes,
    file: &str,
    types: &Arc<Types>,
) -> Result<Vec<Resource>> {
    let nodes = renderer.resources(content)?;
    let file: Arc<str> = file.into();
    let resource = |node: &Arc<Node>| notes::taken(Resource::new(node.clone(), file.clone(), types.clone()));
    Ok(nodes.iter().map(resource).collect())
}

/// The objects of a file's documents: lists unpacked, annotations in order.
pub(crate) fn objects(documents: Vec<Document>, content: &[u8]) -> Result<Vec<Arc<Node>>> {
    let listed = |document: &Document| text(&document.root, &["kind"]).ends_with("List");
    let alone = documents.iter().any(listed) && is_one_document(content);
    let mut out = Vec::new();
    let roots = documents.into_iter().filter(|d| !d.is_empty()).map(|d| d.root);
    // The items of lists come behind all other objects of the file.
    let (lists, others): (Vec<Node>, Vec<Node>) = roots.partition(is_list);
    others.into_iter().chain(lists).try_for_each(|root| add(root, alone, &mut out))?;
    Ok(out)
}

fn is_one_document(content: &[u8]) -> bool {
    !content.windows(4).any(|window| window == b"\n---")
}

/// Gives a tree the styles that it has in JSON: who merges into it finds these. Strings have quotes, and what comes into its
/// maps and lists stands in flow style.
fn style_as_json(node: &mut Node) {
    let is_string = node.is_string(Dialect::Kustomize);
    match &mut node.value {
        Value::Scalar { style, .. } if is_string => *style = Style::DoubleQuoted,
        Value::Scalar { .. } => {}
        Value::Seq { items, flow } => {
            *flow = true;
            items.iter_mut().for_each(style_as_json);
        }
        Value::Map { entries, flow } => {
            *flow = true;
            entries.iter_mut().for_each(|(_, value)| style_as_json(value));
        }
    }
}

/// A float that is zero keeps its sign in JSON.
fn keep_signs_of_zeros(item: &Node, retold: &mut Node) {
    match (&item.value, &mut retold.value) {
        (Value::Seq { items, .. }, Value::Seq { items: retold, .. }) => {
            items.iter().zip(retold).for_each(|(item, retold)| keep_signs_of_zeros(item, retold));
        }
        (Value::Map { entries, .. }, Value::Map { entries: retold, .. }) => {
            for (key, retold) in retold {
                let old = entries.iter().find(|(old, _)| old.as_str() == key.as_str());
                old.into_iter().for_each(|(_, old)| keep_signs_of_zeros(old, retold));
            }
        }
        _ => {
            if let Ok(Scalar::Float(float)) = item.resolve(Dialect::Kustomize)
                && float == 0.0
                && float.is_sign_negative()
            {
                *retold = Node::plain("-0");
            }
        }
    }
}

/// The item as it is after a way through JSON.
fn retold(item: &Node) -> Result<Node> {
    let pos = item.pos;
    let json = seatrial_yaml::emitted_value(item);
    let json = json.map_err(|e| RenderError::new(e.to_string()).at(pos.line, pos.column))?;
    let mut node = Node { pos, ..Node::from_json(&json) };
    style_as_json(&mut node);
    keep_signs_of_zeros(item, &mut node);
    Ok(node)
}

fn is_list(node: &Node) -> bool {
    text(node, &["kind"]).ends_with("List") && node.has("items")
}

fn add(mut node: Node, alone: bool, out: &mut Vec<Arc<Node>>) -> Result<()> {
    let pos = node.pos;
    let at = |error: RenderError| error.at(pos.line, pos.column);
    if node.is_null() || node.is_empty_collection() {
        return Ok(());
    }
    if !node.is_map() {
        return Err(at(RenderError::new("missing Resource metadata")).into());
    }
    let kind = text(&node, &["kind"]);
    if alone && kind == "ResourceList" && !node.has("items") {
        // What functions are given: the wrapping goes, whatever is in it.
        return Ok(());
    }
    if kind.ends_with("List")
        && let Some(items) = node.get("items")
    {
        if items.is_seq() {
            // But for a `List` that is alone in its file, it is lost how items were written: numbers, for one.
            return items.items().iter().try_for_each(|item| {
                match alone && matches!(kind, "List" | "ResourceList") {
                    true => add(item.clone(), false, out),
                    false => add(retold(item)?, false, out),
                }
            });
        }
        if items.is_null() {
            return Ok(());
        }
    }
    if kind.is_empty() {
        return Err(at(RenderError::new(format!("missing kind in object {}", described(&node)))).into());
    }
    if text(&node, &["metadata", "name"]).is_empty() && !kind.ends_with("List") {
        return Err(
            at(RenderError::new(format!("missing metadata.name in object {}", described(&node)))).into()
        );
    }
    let dropped = |(key, _): &(Node, Node)| key.as_str().is_some_and(|key| DROPPED.contains(&key));
    if node.at(&["metadata", "annotations"]).is_some_and(|all| all.entries().iter().any(dropped)) {
        drop_annotations(&mut node);
    }
    out.push(Arc::new(node));
    Ok(())
}

/// An object's type, name and labels, as Go prints them.
fn described(node: &Node) -> String {
    let field = |path: &[&str]| text(node, path);
    let map = |name: &str| {
        let entries = node.at(&["metadata", name]).map_or(&[][..], Node::entries).iter();
        let mut pairs: Vec<String> = entries
            .map(|(key, value)| {
                format!("{}:{}", key.as_str().unwrap_or_default(), value.as_str().unwrap_or_default())
            })
            .collect();
        pairs.sort_unstable();
        format!("map[{}]", pairs.join(" "))
    };
    format!(
        "{{{{{} {}}} {{{{{} {}}} {} {}}}}}",
        field(&["apiVersion"]),
        field(&["kind"]),
        field(&["metadata", "name"]),
        field(&["metadata", "namespace"]),
        map("labels"),
        map("annotations")
    )
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    node.at(path).filter(|n| !n.is_null()).and_then(Node::as_str).unwrap_or_default()
}

/// Drops the annotations that other programs left; without any, the field goes.
fn drop_annotations(node: &mut Node) {
    let Some(metadata) = node.get_mut("metadata") else { return };
    let Some(annotations) = metadata.get_mut("annotations") else { return };
    if let Some(entries) = annotations.entries_mut() {
        entries.retain(|(key, _)| key.as_str().is_none_or(|key| !DROPPED.contains(&key)));
    }
    if annotations.is_null() || annotations.is_empty_collection() {
        metadata.remove("annotations");
    }
}

/// Annotations are strings in the end, whatever was written; without any, the field goes.
pub(crate) fn tidy_annotations(node: &mut Node) {
    let Some(annotations) = node.at_mut(&["metadata", "annotations"]) else { return };
    if !annotations.is_map() {
        *annotations = Node::null();
    }
    if let Value::Map { entries, flow } = &mut annotations.value {
        *flow = false;
        for (_, value) in entries {
            match &mut value.value {
                Value::Scalar { style, .. } => {
                    *style = Style::DoubleQuoted;
                    value.tag.clear();
                }
                // What is no scalar has no text.
                Value::Map { .. } | Value::Seq { .. } => *value = Node::text(""),
            }
        }
    }
    drop_annotations(node);
}

/// One YAML document as a struct of fields.
pub(crate) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T> {
    match node.to_json(Dialect::KubernetesJson) {
        Ok(json) => decode(json),
        Err(error) => fail(error.to_string()),
    }
}

/// A file of field specs.
pub(crate) fn config(renderer: &Renderer, loader: &Loader<'_>, file: &str) -> Result<TransformerConfig> {
    let (path, content) = loader.load(file)?;
    let shown = loader.shown(&path);
    let read = || match renderer.parse(&content)?.iter().find(|d| !d.is_empty()) {
        Some(document) => typed(&document.root),
        None => Ok(TransformerConfig::default()),
    };
    read().map_err(|e| e.map(in_file(&shown)))
}
