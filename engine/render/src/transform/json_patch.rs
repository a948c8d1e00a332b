//! JSON patches (RFC 6902), as kustomize applies them: an index may count from the end.

use seatrial_yaml::{Dialect, Node};
use serde_json::Value as Json;

use super::patches::as_floats;
use crate::error::{Result, fail};

/// A patch.
#[derive(Clone, Debug)]
pub(crate) struct JsonPatch(Vec<Operation>);

#[derive(Clone, Debug)]
struct Operation {
    op: String,
    path: String,
    from: String,
    value: Option<Json>,
}

impl JsonPatch {
    /// Reads a patch; text that starts with `[` must be JSON, other text is YAML.
    pub(crate) fn parse(text: &str) -> Result<JsonPatch> {
        let json: Json = if text.starts_with('[') {
            serde_json::from_str(text).or_else(|e| fail(format!("invalid JSON: {e}")))?
        } else {
            let options = seatrial_yaml::ParseOptions {
                comments: false,
                duplicate_keys: seatrial_yaml::DuplicateKeys::LastWins,
                ..Default::default()
            };
            let first = seatrial_yaml::parse_first(text.as_bytes(), &options);
            let first = first.or_else(|e| fail(e.to_string()))?;
            let root = first.map_or_else(Node::null, |document| document.root);
            root.to_json(Dialect::KubernetesJson).or_else(|e| fail(e.to_string()))?
        };
        JsonPatch::from_json(json)
    }

    fn from_json(json: Json) -> Result<JsonPatch> {
        let Json::Array(operations) = json else { return fail("a JSON patch must be a list of operations") };
        let read = |operation: Json| match operation {
            Json::Object(mut map) => {
                let text = |key: &str| match map.get(key) {
                    Some(Json::String(text)) => text.clone(),
                    _ => String::new(),
                };
                let (op, path, from) = (text("op"), text("path"), text("from"));
                let mut value = map.remove("value");
                value.iter_mut().for_each(as_floats);
                Ok(Operation { op, path, from, value })
            }
            _ => fail("an operation of a JSON patch must be an object"),
        };
        operations.into_iter().map(read).collect::<Result<_>>().map(JsonPatch)
    }

    /// Whether it writes or removes all annotations, or what is around them.
    pub(super) fn reaches_annotations(&self) -> bool {
        let around = |path: &str| matches!(path, "" | "/metadata" | "/metadata/annotations");
        self.0.iter().any(|operation| around(&operation.path) || around(&operation.from))
    }

    /// Applies all operations in order.
    pub(crate) fn apply(&self, root: &mut Node) -> Result<()> {
        self.0.iter().try_for_each(|operation| operation.apply(root))
    }
}

impl Operation {
    fn apply(&self, root: &mut Node) -> Result<()> {
        let value = || self.value.as_ref().map_or_else(Node::null, Node::from_json);
        match self.op.as_str() {
            "add" => add(root, &self.path, value()),
            "remove" => remove(root, &self.path, "remove").map(drop),
            "replace" => replace(root, &self.path, value()),
            "test" => test(root, &self.path, self.value.as_ref()),
            "move" => {
                let moved = remove(root, &self.from, "move")?;
                add(root, &self.path, moved)
            }
            "copy" => {
                let copied = get(root, &self.from)?.clone();
                add(root, &self.path, copied)
            }
            "" => fail("Unexpected kind: unknown"),
            other => fail(format!("Unexpected kind: {other}")),
        }
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}

/// The index of an existing item, or (to add) the place behind the last.
fn index(key: &str, len: usize, adding: bool) -> Option<usize> {
    if key == "-" {
        return adding.then_some(len);
    }
    let at: i64 = key.parse().ok()?;
    let size = i64::try_from(len).ok()?;
    let at = if at < 0 { at + size + i64::from(adding) } else { at };
    let limit = if adding { size + 1 } else { size };
    if (0..limit).contains(&at) { usize::try_from(at).ok() } else { None }
}

fn child<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    if node.is_map() {
        return node.get_mut(key);
    }
    let items = node.items_mut()?;
    let at = index(key, items.len(), false)?;
    items.get_mut(at)
}

/// Not every operation says it in the same way.
fn missing<T>(op: &str, path: &str) -> Result<T> {
    let what = match op {
        "replace" => format!("doc is missing path: {path}"),
        "test" => format!("is missing path: {path}"),
        "move" | "copy" => format!("doc is missing from path: {path}"),
        _ => format!("doc is missing path: {path:?}"),
    };
    fail(format!("{op} operation does not apply: {what}: missing value"))
}

/// The container of the path's last part.
fn container<'n>(root: &'n mut Node, path: &str, op: &str) -> Result<(&'n mut Node, String)> {
    let mut parts = parts(path);
    let Some(last) = parts.pop() else { return missing(op, path) };
    let mut at = root;
    for part in parts {
        match child(at, &part) {
            Some(next) => at = next,
            None => return missing(op, path),
        }
    }
    if at.is_scalar() { missing(op, path) } else { Ok((at, last)) }
}

fn get<'n>(root: &'n mut Node, path: &str) -> Result<&'n mut Node> {
    let (container, last) = container(root, path, "copy")?;
    match child(container, &last) {
        Some(node) => Ok(node),
        None => missing("copy", path),
    }
}

fn add(root: &mut Node, path: &str, value: Node) -> Result<()> {
    if path.is_empty() {
        *root = value;
        return Ok(());
    }
    let (container, last) = container(root, path, "add")?;
    if container.is_map() {
        container.set(&last, value);
        return Ok(());
    }
    let Some(items) = container.items_mut() else { return missing("add", path) };
    match index(&last, items.len(), true) {
        Some(at) => {
            items.insert(at, value);
            Ok(())
        }
        None => {
            fail(format!("add operation does not apply: doc is missing path: {path:?}: invalid index {last}"))
        }
    }
}

fn remove(root: &mut Node, path: &str, op: &str) -> Result<Node> {
    let (container, last) = container(root, path, op)?;
    let removed = match container.is_map() {
        true => container.remove(&last),
        false => container.items_mut().and_then(|items| {
            let at = index(&last, items.len(), false)?;
            Some(items.remove(at))
        }),
    };
    let nothing = || match container.is_map() {
        true => fail(format!(
            "error in {op} for path: '{}': Unable to remove nonexistent key: {last}: missing value",
            if op == "move" { &last } else { path }
        )),
        false => missing(op, path),
    };
    removed.map_or_else(nothing, Ok)
}

fn replace(root: &mut Node, path: &str, value: Node) -> Result<()> {
    if path.is_empty() {
        *root = value;
        return Ok(());
    }
    let (container, last) = container(root, path, "replace")?;
    if container.is_map() {
        // As in the library that kustomize uses, a key that is not there is added.
        container.set(&last, value);
        return Ok(());
    }
    match child(container, &last) {
        Some(node) => {
            *node = value;
            Ok(())
        }
        None => missing("replace", path),
    }
}

fn test(root: &mut Node, path: &str, value: Option<&Json>) -> Result<()> {
    let wanted = value.map_or_else(Node::null, Node::from_json);
    let found = match path {
        "" => Some(&*root),
        _ => {
            let (container, last) = container(root, path, "test")?;
            child(container, &last).map(|node| &*node)
        }
    };
    let same = match found {
        Some(node) => node.same_value(&wanted, Dialect::Kustomize),
        None => wanted.is_null(),
    };
    if same { Ok(()) } else { fail(format!("testing value {path} failed: test failed")) }
}
