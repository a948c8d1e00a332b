//! ConfigMaps and Secrets.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seatrial_yaml::{Node, Style};

use super::pairs::Pairs;
use crate::error::{Result, fail};
use crate::kustomization::model::GeneratorOptions;

pub(super) fn config_map(
    name: &str,
    namespace: &str,
    pairs: Pairs,
    options: &GeneratorOptions,
) -> Result<Node> {
    let mut node = base("ConfigMap", name, namespace)?;
    for (key, value) in checked(pairs, &format!("configmap {name}"))? {
        let (field, text) = match String::from_utf8(value.to_vec()) {
            Ok(text) => ("data", text),
            Err(_) => ("binaryData", wrapped_base64(&value)),
        };
        put(&mut node, &[field], &key, &text);
    }
    Ok(with_options(node, options))
}

pub(super) fn secret(
    name: &str,
    namespace: &str,
    secret_type: &str,
    pairs: Pairs,
    options: &GeneratorOptions,
) -> Result<Node> {
    let mut node = base("Secret", name, namespace)?;
    node.set("data", Node::map());
    node.set("type", Node::str(if secret_type.is_empty() { "Opaque" } else { secret_type }));
    for (key, value) in checked(pairs, &format!("secret {name}"))? {
        put(&mut node, &["data"], &key, &wrapped_base64(&value));
    }
    Ok(with_options(node, options))
}

fn base(kind: &str, name: &str, namespace: &str) -> Result<Node> {
    if name.is_empty() {
        return fail(format!("a {} must have a name", kind.to_lowercase()));
    }
    let mut node = Node::map();
    node.set("apiVersion", Node::str("v1"));
    node.set("kind", Node::str(kind));
    put(&mut node, &["metadata"], "name", name);
    if !namespace.is_empty() {
        put(&mut node, &["metadata"], "namespace", namespace);
    }
    Ok(node)
}

fn put(node: &mut Node, path: &[&str], key: &str, value: &str) {
    if let Some(map) = node.make_maps(path) {
        // Texts of several lines are blocks, even those that cannot be read again (a tab at their start is refused).
        let block = value.contains('\n');
        map.set_plain(key, if block { Node::scalar(value, Style::Literal) } else { Node::text(value) });
    }
}

fn with_options(mut node: Node, options: &GeneratorOptions) -> Node {
    for (key, value) in &options.labels {
        put(&mut node, &["metadata", "labels"], key, value);
    }
    for (key, value) in &options.annotations {
        put(&mut node, &["metadata", "annotations"], key, value);
    }
    if options.immutable {
        node.set("immutable", Node::bool(true));
    }
    node
}

fn checked(pairs: Pairs, what: &str) -> Result<BTreeMap<String, bytes::Bytes>> {
    let mut out = BTreeMap::new();
    for (key, value) in pairs {
        if out.insert(key.clone(), value).is_some() {
            return fail(format!("{what} illegally repeats the key `{key}`"));
        }
    }
    Ok(out)
}

/// Base64 in lines of 70 characters, each with a line break; text shorter than that has none.
fn wrapped_base64(data: &[u8]) -> String {
    let encoded = STANDARD.encode(data);
    if encoded.len() < 70 {
        return encoded;
    }
    let mut out = String::with_capacity(encoded.len() + encoded.len() / 70 + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(70));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out
}
