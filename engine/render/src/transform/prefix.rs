//! Name prefixes and suffixes.

use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::resmap::ResMap;

/// Kinds whose name means something to the cluster: it stays.
const KEPT: [&str; 3] = ["CustomResourceDefinition", "APIService", "Namespace"];

/// Puts a prefix before names.
pub(crate) fn add_prefix(resources: &mut ResMap, prefix: &str, specs: &[FieldSpec]) -> Result<()> {
    rename(resources, prefix, specs, true)
}

/// Puts a suffix behind names.
pub(crate) fn add_suffix(resources: &mut ResMap, suffix: &str, specs: &[FieldSpec]) -> Result<()> {
    rename(resources, suffix, specs, false)
}

fn rename(resources: &mut ResMap, text: &str, specs: &[FieldSpec], front: bool) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    for resource in resources.list_mut() {
        let gvk = resource.gvk();
        if KEPT.contains(&gvk.kind.as_str()) {
            continue;
        }
        for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
            if spec.path == "metadata/name" {
                // The list of prefixes, and the earlier name, are what references are followed by.
                if front {
                    resource.prefixes.push(text.to_owned());
                } else {
                    resource.suffixes.push(text.to_owned());
                }
                resource.remember_id();
            }
            spec.apply(&gvk, resource.node_mut(), Create::Scalar, &mut |node| {
                let Some(old) = node.as_str() else {
                    return fail(format!("wrong node kind: expected scalar, but got {}", node.kind_name()));
                };
                let new = if front { format!("{text}{old}") } else { format!("{old}{text}") };
                node.set_open_text(new);
                Ok(())
            })?;
        }
    }
    Ok(())
}
