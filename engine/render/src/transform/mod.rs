//! Transformers: what a kustomization does to the objects that it gathered.

mod annotations;
mod finish;
mod images;
mod json_patch;
mod labels;
mod names;
mod namespace;
pub(crate) mod patches;
mod prefix;
mod replacements;
mod replicas;
mod requirements;
mod selector;
mod sort;
pub(crate) mod vars;

use std::sync::Arc;

pub(crate) use annotations::annotate;
use finish::needs_tidying;
pub(crate) use finish::{add_hashes, finish, has};
pub(crate) use images::set_image;
pub(crate) use labels::label;
pub(crate) use namespace::{NamespaceArgs, Subjects, set_namespace};
pub(crate) use patches::{apply_plugin_patch, json6902, read_patches, strategic_merge};
pub(crate) use prefix::{add_prefix, add_suffix};
pub(crate) use replacements::replace;
pub(crate) use replicas::set_replicas;
pub use requirements::LabelSelector;
pub(crate) use selector::Matcher;

use crate::accumulate::{Accumulator, Build, Target};
use crate::config::merge_specs;
use crate::error::{Context, Result};
use crate::origin::Origin;
use crate::plugin;
use crate::read::tidy_annotations;
use crate::resmap::ResMap;

/// Runs all transformers of a kustomization: those of its fields in kustomize's order, then those that it names.
pub(crate) fn run<'a>(build: &mut Build<'a>, target: &Target<'a>, into: &mut Accumulator) -> Result<()> {
    let content = &target.content;
    let config = into.config.clone();
    let step = Step { target, notes: build.notes };
    let resources = &mut into.resources;
    if !content.patches_strategic_merge.is_empty() {
        strategic_merge(build, target, resources, &content.patches_strategic_merge)?;
        step.done("PatchStrategicMergeTransformer", resources);
    }
    for patch in read_patches(build, target, &content.patches)? {
        patch.apply(build, resources)?;
        step.done("PatchTransformer", resources);
    }
    if !content.namespace.is_empty() {
        set_namespace(resources, &NamespaceArgs::new(&content.namespace), &config.namespace)?;
        step.done("NamespaceTransformer", resources);
    }
    if !content.name_prefix.is_empty() {
        add_prefix(resources, &content.name_prefix, &config.name_prefix)?;
        step.done("PrefixTransformer", resources);
    }
    if !content.name_suffix.is_empty() {
        add_suffix(resources, &content.name_suffix, &config.name_suffix)?;
        step.done("SuffixTransformer", resources);
    }
    for entry in &content.labels {
        let mut specs = entry.field_specs.clone();
        if entry.include_selectors {
            merge_specs(&mut specs, &config.common_labels)?;
        } else {
            if entry.include_templates {
                merge_specs(&mut specs, &config.template_labels)?;
            }
            merge_specs(&mut specs, &config.labels)?;
        }
        label(resources, &entry.pairs, &specs)?;
        step.done("LabelTransformer", resources);
    }
    // With `labels` there is one more transformer, for `commonLabels`, even if there are none.
    if !content.common_labels.is_empty() || !content.labels.is_empty() {
        label(resources, &content.common_labels, &config.common_labels)?;
        step.done("LabelTransformer", resources);
    }
    if !content.common_annotations.is_empty() {
        annotate(resources, &content.common_annotations, &config.common_annotations)?;
        step.done("AnnotationsTransformer", resources);
    }
    for patch in &content.patches_json6902 {
        json6902(build, target, resources, patch)?;
        step.done("PatchJson6902Transformer", resources);
    }
    for replica in &content.replicas {
        set_replicas(resources, replica, &config.replicas)?;
        step.done("ReplicaCountTransformer", resources);
    }
    for image in &content.images {
        set_image(resources, image, &config.images)?;
        step.done("ImageTagTransformer", resources);
    }
    if !content.replacements.is_empty() {
        replace(build, target, resources, &content.replacements)?;
        step.done("ReplacementTransformer", resources);
    }
    for plugin in plugin::load(build, target, &content.transformers)? {
        plugin::transform(build, target, &plugin, resources).context(|| plugin.describe())?;
        step.note(resources, || target.in_repository(plugin.origin()));
    }
    for plugin in plugin::load(build, target, &content.validators)? {
        plugin::validate(build, target, &plugin, resources).context(|| plugin.describe())?;
    }
    Ok(())
}

struct Step<'a, 'b> {
    target: &'a Target<'b>,
    notes: bool,
}

impl Step<'_, '_> {
    /// After a transformer: drops what it deleted, and notes that it ran.
    fn done(&self, kind: &str, resources: &mut ResMap) {
        self.note(resources, || self.target.builtin(kind));
    }

    fn note(&self, resources: &mut ResMap, origin: impl Fn() -> Origin) {
        resources.drop_empty();
        if self.notes {
            let origin = Arc::new(origin());
            for resource in resources.list_mut() {
                match &resource.origin {
                    // Where a patch wiped the notes out, the object counts as new.
                    None => resource.origin = Some(origin.clone()),
                    Some(_) => resource.transformations.push(origin.clone()),
                }
                // Whoever writes a note makes texts of all annotations.
                if needs_tidying(resource) {
                    tidy_annotations(resource.node_mut());
                }
                if resource.shares > 0
                    && let Some(annotations) = resource.node_mut().at_mut(&["metadata", "annotations"])
                {
                    annotations.unshare();
                }
            }
        }
    }
}
