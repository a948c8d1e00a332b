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
    for resource in resources.list_mut() {
        let gvk = resource.gvk();
        for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
            spec.apply(&gvk, resource.node_mut(), Create::Map, &mut |node| {
                if node.is_null() {
                    *node = Node::map();
                }
                if !node.is_map() {
                    return fail(format!("wrong node kind: expected map, but got {}", node.kind_name()));
                }
                for (key, value) in pairs {
                    node.set(key, Node::str(value.as_str()));
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
