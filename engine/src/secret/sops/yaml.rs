//! YAML, with its comments. Pure.

use super::File;
use super::metadata::Metadata;
use super::tree::{Entry, Value, take};
use seatrial_yaml::{Comments, Dialect, Node, ParseOptions, Scalar};

/// Reads a file. The metadata of its first document holds for all.
pub(super) fn load(content: &[u8]) -> Result<File, String> {
    let parsed = seatrial_yaml::parse(content, &ParseOptions::default())
        .map_err(|error| format!("line {}: {}", error.line, error.message))?;
    let mut documents = Vec::new();
    let mut metadata = None;
    for document in parsed.iter().filter(|document| !document.is_empty()) {
        let mut entries = match value(&document.root)? {
            Value::Map(entries) => entries,
            _ => return Err("a document must be a map".to_owned()),
        };
        let own = take(&mut entries, "sops");
        metadata = metadata.or(own);
        documents.push(entries);
    }
    Ok(File { documents, metadata: Metadata::of(metadata)? })
}

fn value(node: &Node) -> Result<Value, String> {
    if node.is_map() {
        let mut entries = Vec::new();
        for (key, inner) in node.entries() {
            let name = key.as_str().ok_or("keys must be texts")?.to_owned();
            for comments in [&key.comments, &inner.comments].into_iter().flatten() {
                entries.extend(before(comments).map(Entry::Comment));
            }
            entries.push(Entry::Pair(name, value(inner)?));
            for comments in [&key.comments, &inner.comments].into_iter().flatten() {
                entries.extend(lines(&comments.foot).map(Entry::Comment));
            }
        }
        return Ok(Value::Map(entries));
    }
    if node.is_seq() {
        let mut items = Vec::new();
        for item in node.items() {
            let comments = item.comments.as_deref();
            items.extend(comments.into_iter().flat_map(before).map(Value::Comment));
            items.push(value(item)?);
            let foot = comments.map_or("", |comments| comments.foot.as_str());
            items.extend(lines(foot).map(Value::Comment));
        }
        return Ok(Value::List(items));
    }
    let text = node.as_str().unwrap_or_default();
    let scalar = node.resolve(Dialect::Kustomize).map_err(|error| error.to_string())?;
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => Value::Bool(flag),
        Scalar::Int(int) => Value::Int(int),
        Scalar::UInt(int) => Value::Float(int as f64),
        Scalar::Float(float) => Value::Float(float),
        Scalar::Str(text) => Value::Text(text.into()),
        Scalar::Time(_) => Value::Time(text.to_owned()),
    })
}

/// The comments that stand before a node: those at the end of its line as well.
fn before(comments: &Comments) -> impl Iterator<Item = String> + '_ {
    lines(&comments.head).chain(lines(&comments.line))
}

/// The lines of a comment, without their signs.
fn lines(comment: &str) -> impl Iterator<Item = String> + '_ {
    comment.lines().filter_map(|line| line.strip_prefix('#')).map(str::to_owned)
}

/// Prints documents as SOPS does: by four spaces, in their order, lines unbroken.
pub(super) fn emit(documents: &[Vec<Entry>]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            out.push_str("---\n");
        }
        seatrial_yaml::emit_kept(&map(document), 4, &mut out).map_err(|error| error.to_string())?;
    }
    Ok(out.into_bytes())
}

fn comment(pending: &mut String, text: &str) {
    if !pending.is_empty() {
        pending.push('\n');
    }
    pending.push('#');
    pending.push_str(text);
}

/// Moves comments to the node that they stand before.
fn with_head(mut node: Node, head: &mut String) -> Node {
    if !head.is_empty() {
        node.comments.get_or_insert_default().head = std::mem::take(head);
    }
    node
}

fn map(entries: &[Entry]) -> Node {
    let mut out: Vec<(Node, Node)> = Vec::new();
    let mut head = String::new();
    for entry in entries {
        match entry {
            Entry::Comment(text) => comment(&mut head, text),
            Entry::Pair(key, value) => out.push((with_head(Node::str(key), &mut head), node(value))),
        }
    }
    if let Some((key, _)) = out.last_mut().filter(|_| !head.is_empty()) {
        key.comments.get_or_insert_default().foot = head;
    }
    Node::from_entries(out)
}

fn node(value: &Value) -> Node {
    match value {
        Value::Null | Value::Comment(_) => Node::null(),
        Value::Bool(flag) => Node::plain(flag.to_string()),
        Value::Int(int) => Node::plain(int.to_string()),
        Value::Float(float) => Node::plain(seatrial_yaml::go_g_float(*float)),
        Value::Text(text) => Node::str(text),
        Value::Bytes(bytes) => Node::str(String::from_utf8_lossy(bytes)),
        Value::Time(text) => Node::plain(text),
        Value::List(items) => {
            let mut out: Vec<Node> = Vec::new();
            let mut head = String::new();
            for item in items {
                match item {
                    Value::Comment(text) => comment(&mut head, text),
                    item => out.push(with_head(node(item), &mut head)),
                }
            }
            if let Some(last) = out.last_mut().filter(|_| !head.is_empty()) {
                last.comments.get_or_insert_default().foot = head;
            }
            Node::from_items(out)
        }
        Value::Map(entries) => map(entries),
    }
}
