//! Replica counts.

use seatrial_yaml::Node;

use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::ids::Gvk;
use crate::kustomization::model::Replica;
use crate::resmap::ResMap;

/// Sets the count of the workloads with a name.
pub(crate) fn set_replicas(resources: &mut ResMap, replica: &Replica, specs: &[FieldSpec]) -> Result<()> {
    let mut found = false;
    for spec in specs {
        for resource in resources.list_mut() {
            let gvk = resource.gvk();
            // The name and the kind may both be former ones; what is set depends on the kind of now.
            let is_meant = |name: &str, gvk: &Gvk| name == replica.name && spec.selects(gvk);
            let is_meant = is_meant(resource.name(), &gvk)
                || resource.past.iter().any(|past| is_meant(&past.name, &resource.past_id(past).gvk));
            if !is_meant {
                continue;
            }
            found = true;
            spec.apply(&gvk, resource.node_mut(), Create::Scalar, &mut |node| {
                // Quotes around the old count stay.
                let mut count = Node::int(replica.count);
                count.take_style(node);
                *node = count;
                Ok(())
            })?;
        }
    }
    if found {
        return Ok(());
    }
    let gvk =
        |s: &FieldSpec| Gvk { group: s.group.clone(), version: s.version.clone(), kind: s.kind.clone() };
    let kinds: Vec<String> = specs.iter().map(|s| gvk(s).to_string()).collect();
    fail(format!(
        "resource with name {} does not match a config with the following GVK [{}]",
        replica.name,
        kinds.join(" ")
    ))
}
