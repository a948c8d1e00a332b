//! What happens once, when everything is gathered: hashes, references, variables, order, notes.

use std::collections::BTreeMap;

use seatrial_yaml::{Dialect, Node, Style};

use super::names::fix_references;
use super::sort::{sort, sort_default};
use super::{labels, vars};
use crate::accumulate::{Accumulator, Build, Target};
use crate::config::FieldSpec;
use crate::error::{Context, Result};
use crate::generate::hash;
use crate::notes::{ORIGIN, TRANSFORMATIONS};
use crate::origin::Origin;
use crate::read::tidy_annotations;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::{Options, Reorder};

const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// The output of a build.
pub(crate) fn finish(build: &mut Build<'_>, target: &Target<'_>, all: Accumulator) -> Result<ResMap> {
    let Accumulator { mut resources, config, vars } = all;
    add_hashes(&mut resources)?;
    fix_references(&mut resources, &config, build.threads)?;
    vars::resolve(build, &mut resources, &vars, &config.var_reference)?;
    resources.list_mut().iter_mut().filter(|r| needs_tidying(r)).for_each(|r| tidy_annotations(r.node_mut()));
    // Only lists may do without; the notes that kustomize keeps there leave an empty map.
    for resource in resources.list_mut().iter_mut().filter(|r| !r.node().has("metadata")) {
        resource.node_mut().set("metadata", Node::map());
    }
    resources.check_unique("may not add resource with an already registered id")?;
    resources.list_mut().retain(|r| r.annotation(LOCAL_CONFIG).is_none_or(|value| value == "false"));
    order(build.options, target, &mut resources, &mut build.warnings)?;
    if build.options.managed_by_label || has(target, "managedByLabel") {
        let pairs =
            BTreeMap::from([("app.kubernetes.io/managed-by".to_owned(), "kustomize-v5.8.1".to_owned())]);
        labels::label(&mut resources, &pairs, &[FieldSpec::new("", "", "", "metadata/labels", true)])?;
    }
    write_notes(build, &mut resources);
    Ok(resources)
}

/// Whether there are annotations that are no strings, or none at all, or one that is folded: kustomize writes them anew.
pub(super) fn needs_tidying(resource: &Resource) -> bool {
    resource.node().at(&["metadata", "annotations"]).is_some_and(|all| {
        let is_plain =
            |value: &Node| value.is_string(Dialect::Kustomize) && value.style() != Some(Style::Folded);
        let strings = all.entries().iter().all(|(_, value)| is_plain(value));
        !strings || !all.is_map() || all.is_empty_collection()
    })
}

/// Whether `buildMetadata` has an option.
pub(crate) fn has(target: &Target<'_>, option: &str) -> bool {
    target.content.build_metadata.iter().any(|o| o == option)
}

pub(crate) fn add_hashes(resources: &mut ResMap) -> Result<()> {
    for resource in resources.list_mut().iter_mut().filter(|r| r.needs_hash) {
        let hash = hash(resource.node()).context(|| format!("failed to hash {}", resource.id()))?;
        resource.remember_id();
        let name = format!("{}-{hash}", resource.name());
        resource.set_name(&name);
    }
    Ok(())
}

fn order(
    options: &Options,
    target: &Target<'_>,
    resources: &mut ResMap,
    warnings: &mut Vec<String>,
) -> Result<()> {
    if let Some(wanted) = &target.content.sort_options {
        if options.reorder != Reorder::Unspecified {
            warnings.push(
                "Warning: Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag \
                 ('--reorder'). Using the kustomization file over the CLI flag."
                    .to_owned(),
            );
        }
        return sort(resources, wanted);
    }
    if options.reorder != Reorder::None {
        sort_default(resources);
    }
    Ok(())
}

/// The annotations that `buildMetadata` asks for.
fn write_notes(build: &Build<'_>, resources: &mut ResMap) {
    for resource in resources.list_mut() {
        let origin = resource.origin.clone().filter(|_| build.origins);
        let transformations = std::mem::take(&mut resource.transformations);
        if let Some(origin) = origin {
            annotate(resource.node_mut(), ORIGIN, origin.to_yaml());
        }
        if build.transformations && !transformations.is_empty() {
            let text = Origin::list_to_yaml(transformations.iter().map(AsRef::as_ref));
            annotate(resource.node_mut(), TRANSFORMATIONS, text);
        }
    }
}

fn annotate(node: &mut Node, key: &str, text: String) {
    if let Some(annotations) = node.make_maps(&["metadata", "annotations"]) {
        annotations.set(key, Node::str(text));
    }
}
