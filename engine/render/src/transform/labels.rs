//! Labels.

use std::collections::BTreeMap;

use seatrial_yaml::Node;

use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::resmap::ResMap;

/// Puts labels on all objects, and into selectors and templates where the specs say.
pub(crate) fn label(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    set_pairs(resources, pairs, specs)
}

/// Sets the pairs in each map that a spec reaches.
pub(super) fn set_pairs(
    resources: &mut ResMap,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    for resource in resources.list_mut() {
        let gvk = resource.gvk();
        let first = resource.shares + 1;
        resource.shares = resource.shares.saturating_add(count);
        let mut written: Vec<(u32, Node)> = Vec::new();
        // Notes of kustomize's own stand there, even where nobody wrote annotations.
        let into_notes = |spec: &&FieldSpec| spec.path == "metadata/annotations" && spec.selects(&gvk);
        if specs.iter().any(|spec| into_notes(&spec)) && resource.has_notes() {
            resource.node_mut().make_maps(&["metadata", "annotations"]);
        }
        for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
            spec.apply(&gvk, resource.node_mut(), Create::Map, &mut |node| {
                if node.is_null() {
                    *node = Node::map();
                }
                if !node.is_map() {
                    return fail(format!("wrong node kind: expected map, but got {}", node.kind_name()));
                }
                for (number, (key, value)) in (first..).zip(pairs) {
                    let mut value = Node::text(value.as_str());
                    match node.get_mut(key) {
                        Some(there) => {
                            value.take_style(there);
                            value.shared = there.shared;
                            if there.shared != 0 {
                                written.push((there.shared, value.clone()));
                            }
                            *there = value;
                        }
                        None => {
                            value.shared = number;
                            node.set_plain(key, value);
                        }
                    }
                }
                Ok(())
            })?;
        }
        for (shared, value) in written {
            resource.node_mut().write_shared(shared, &value);
        }
    }
    Ok(())
}
