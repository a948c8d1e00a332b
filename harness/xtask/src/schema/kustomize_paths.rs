//! The kinds of a swagger document's paths, and whether they are namespaced. kustomize decides by the paths alone: a kind is
//! namespaced if any path that gets it holds `namespaces/{namespace}`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use seatrial_schema::{Builder, Resource};
use serde_json::Value;

/// Adds one resource per kind, with its plural where a path names it, and without verbs.
pub(super) fn resources(builder: &mut Builder, document: &Value) -> Result<()> {
    let mut kinds: BTreeMap<(String, String, String), (bool, String)> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        let Some(kind) = item["get"].get("x-kubernetes-group-version-kind") else { continue };
        let word = |key: &str| kind[key].as_str().unwrap_or_default().to_owned();
        let entry = kinds.entry((word("group"), word("version"), word("kind"))).or_default();
        entry.0 |= path.contains("namespaces/{namespace}");
        let parts: Vec<&str> = path.split('/').collect();
        if let [.., plural, "{name}"] = parts.as_slice() {
            entry.1 = (*plural).to_owned();
        }
    }
    for ((group, version, kind), (namespaced, plural)) in kinds {
        builder.add_resource(Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: "".into(),
            namespaced,
            verbs: Vec::new(),
            short_names: Vec::new(),
            categories: Vec::new(),
            subresources: Vec::new(),
        });
    }
    Ok(())
}
