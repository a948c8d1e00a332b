//! Field specs: which fields the built-in transformers know.

pub(crate) mod defaults;
mod fieldspec;
mod references;

use std::sync::Arc;

use serde::Deserialize;

pub(crate) use fieldspec::{Create, FieldSpec};

use crate::error::{Result, fail};
use crate::ids::Gvk;

/// Fields that hold the name of an object of some kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NameReference {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    #[serde(rename = "fieldSpecs")]
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl NameReference {
    pub(crate) fn target(&self) -> Gvk {
        Gvk { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() }
    }
}

/// The content of a file under `configurations`, and of all of them together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TransformerConfig {
    #[serde(rename = "namePrefix")]
    pub(crate) name_prefix: Vec<FieldSpec>,
    #[serde(rename = "nameSuffix")]
    pub(crate) name_suffix: Vec<FieldSpec>,
    #[serde(rename = "namespace")]
    pub(crate) namespace: Vec<FieldSpec>,
    #[serde(rename = "labels")]
    pub(crate) labels: Vec<FieldSpec>,
    #[serde(rename = "commonLabels")]
    pub(crate) common_labels: Vec<FieldSpec>,
    #[serde(rename = "templateLabels")]
    pub(crate) template_labels: Vec<FieldSpec>,
    #[serde(rename = "commonAnnotations")]
    pub(crate) common_annotations: Vec<FieldSpec>,
    #[serde(rename = "nameReference")]
    pub(crate) name_reference: Vec<NameReference>,
    #[serde(rename = "varReference")]
    pub(crate) var_reference: Vec<FieldSpec>,
    #[serde(rename = "images")]
    pub(crate) images: Vec<FieldSpec>,
    #[serde(rename = "replicas")]
    pub(crate) replicas: Vec<FieldSpec>,
}

impl TransformerConfig {
    /// kustomize's own field specs.
    pub(crate) fn builtin() -> Arc<TransformerConfig> {
        defaults::builtin()
    }

    /// Adds what another configuration says; the same one again costs nothing.
    pub(crate) fn merge_shared(
        this: &mut Arc<TransformerConfig>,
        other: &Arc<TransformerConfig>,
    ) -> Result<()> {
        if Arc::ptr_eq(this, other) {
            return Ok(());
        }
        if **this == TransformerConfig::default() {
            this.clone_from(other);
            return Ok(());
        }
        Arc::make_mut(this).merge(other)
    }

    /// Adds what another configuration says.
    pub(crate) fn merge(&mut self, other: &TransformerConfig) -> Result<()> {
        merge_specs(&mut self.name_prefix, &other.name_prefix)?;
        merge_specs(&mut self.name_suffix, &other.name_suffix)?;
        merge_specs(&mut self.namespace, &other.namespace)?;
        merge_specs(&mut self.labels, &other.labels)?;
        merge_specs(&mut self.common_labels, &other.common_labels)?;
        merge_specs(&mut self.template_labels, &other.template_labels)?;
        merge_specs(&mut self.common_annotations, &other.common_annotations)?;
        merge_specs(&mut self.var_reference, &other.var_reference)?;
        merge_specs(&mut self.images, &other.images)?;
        merge_specs(&mut self.replicas, &other.replicas)?;
        for reference in &other.name_reference {
            self.add_reference(reference)?;
        }
        Ok(())
    }

    /// Adds fields that hold names.
    pub(crate) fn add_reference(&mut self, reference: &NameReference) -> Result<()> {
        let known = self.name_reference.iter_mut().find(|known| {
            known.kind == reference.kind
                && known.group == reference.group
                && known.version == reference.version
        });
        match known {
            Some(known) => merge_specs(&mut known.field_specs, &reference.field_specs),
            None => {
                self.name_reference.push(reference.clone());
                Ok(())
            }
        }
    }
}

/// Adds specs that are not there yet: an earlier spec for some kind hides a later one for all kinds. The same place with
/// another `create` is a contradiction.
pub(crate) fn merge_specs(specs: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<()> {
    more.iter().try_for_each(|spec| merge_spec(specs, spec))
}

/// Adds one spec, as [`merge_specs`] does.
pub(crate) fn merge_spec(specs: &mut Vec<FieldSpec>, spec: &FieldSpec) -> Result<()> {
    match specs.iter().find(|known| known.covers(spec)) {
        Some(known) if known.create != spec.create => fail(format!(
            "conflicting fieldspecs: path {} of kind {:?} with and without create",
            spec.path, spec.kind
        )),
        Some(_) => Ok(()),
        None => {
            specs.push(spec.clone());
            Ok(())
        }
    }
}
