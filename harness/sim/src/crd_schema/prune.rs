//! Removing what a schema does not declare.

use seatrial_schema::kubernetes;
use serde_json::{Map, Value};

use super::node::Node;
use super::path::Path;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Prunes a custom resource; its own `apiVersion`, `kind` and `metadata` stay as they are.
pub(super) fn prune(object: &mut Value, root: &Node) -> Vec<String> {
    let mut walk = Prune { removed: Vec::new(), metadata: Vec::new() };
    if let Value::Object(map) = object {
        walk.map(map, root, &Path::Root, &["apiVersion", "kind", "metadata"]);
    }
    walk.removed.sort();
    walk.metadata.sort();
    walk.removed.extend(walk.metadata);
    walk.removed
}

struct Prune {
    removed: Vec<String>,
    /// What was removed from the metadata of embedded resources.
    metadata: Vec<String>,
}

impl Prune {
    fn value(&mut self, value: &mut Value, node: &Node, path: &Path<'_>) {
        match value {
            Value::Object(map) => {
                let kept: &[&str] = if node.embedded { &["apiVersion", "kind", "metadata"] } else { &[] };
                if node.embedded
                    && let Some(Value::Object(metadata)) = map.get_mut("metadata")
                {
                    self.embedded_metadata(metadata, path);
                }
                self.map(map, node, path, kept);
            }
            Value::Array(list) => {
                if let Some(items) = &node.items {
                    for (index, item) in list.iter_mut().enumerate() {
                        self.value(item, items, &path.item(index));
                    }
                } else if !node.preserve_unknown {
                    for (index, item) in list.iter_mut().enumerate() {
                        self.value(item, &Node::default(), &path.item(index));
                    }
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map<String, Value>, node: &Node, path: &Path<'_>, kept: &[&str]) {
        let mut unknown = Vec::new();
        for (key, value) in map.iter_mut() {
            if kept.contains(&key.as_str()) {
                continue;
            }
            let below = path.field(key);
            match node.properties.get(key).or(node.additional.as_deref()) {
                Some(property) => self.value(value, property, &below),
                None if node.preserve_unknown => {}
                None => {
                    self.removed.push(below.to_string());
                    unknown.push(key.clone());
                }
            }
        }
        for key in unknown {
            map.remove(&key);
        }
    }

    fn embedded_metadata(&mut self, metadata: &mut Map<String, Value>, path: &Path<'_>) {
        let Some(ty) = kubernetes().type_named(OBJECT_META) else { return };
        let removed = &mut self.metadata;
        metadata.retain(|key, _| {
            let known = ty.field(key).is_some();
            if !known {
                removed.push(format!("{path}.metadata.{key}"));
            }
            known
        });
    }
}
