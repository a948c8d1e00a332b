//! The fields of plugin configurations.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::config::FieldSpec;
use crate::kustomization::model::{
    GeneratorOptions, Image, Patch, PatchOptions, ReplacementField, Replica, Selector,
};

macro_rules! args {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(super) struct $name { $($(#[$field_meta])* pub(super) $field: $ty,)* }
    )*};
}

args! {
    /// `ConfigMapGenerator` and `SecretGenerator`.
    Maps {
        metadata: Meta,
        namespace: String,
        name: String,
        behavior: String,
        literals: Vec<String>,
        files: Vec<String>,
        envs: Vec<String>,
        env: String,
        options: Option<GeneratorOptions>,
        #[serde(rename = "type")]
        secret_type: String,
    }
    /// `metadata`.
    Meta {
        name: String,
        namespace: String,
    }
    /// `PrefixTransformer`, `SuffixTransformer`, `PrefixSuffixTransformer`.
    Affixes {
        prefix: String,
        suffix: String,
        field_specs: Vec<FieldSpec>,
    }
    /// `LabelTransformer`.
    Labels {
        labels: BTreeMap<String, String>,
        field_specs: Vec<FieldSpec>,
    }
    /// `AnnotationsTransformer`.
    Annotations {
        annotations: BTreeMap<String, String>,
        field_specs: Vec<FieldSpec>,
    }
    /// `NamespaceTransformer`.
    Namespace {
        metadata: Meta,
        namespace: String,
        field_specs: Vec<FieldSpec>,
        unset_only: bool,
        set_role_binding_subjects: String,
    }
    /// `PatchTransformer` and `PatchJson6902Transformer`.
    Patching {
        path: String,
        patch: String,
        json_op: String,
        target: Option<Selector>,
        options: PatchOptions,
    }
    /// `PatchStrategicMergeTransformer`.
    Merging {
        paths: Vec<String>,
        patches: String,
    }
    /// `ReplicaCountTransformer`.
    Replicas {
        replica: Replica,
        field_specs: Vec<FieldSpec>,
    }
    /// `ImageTagTransformer`.
    Images {
        image_tag: Image,
        field_specs: Vec<FieldSpec>,
    }
    /// `ReplacementTransformer`.
    Replacing {
        replacements: Vec<ReplacementField>,
    }
    /// `ValueAddTransformer`.
    ValueAdd {
        value: Json,
        target_file_path: String,
        targets: Vec<ValueTarget>,
    }
    /// The file that `targetFilePath` names.
    ValueTargets {
        targets: Vec<ValueTarget>,
    }
    /// A place for `ValueAddTransformer`.
    ValueTarget {
        selector: Selector,
        #[serde(rename = "fieldPath")]
        field_path: String,
        file_path_position: i64,
    }
    /// `IAMPolicyGenerator`.
    Policy {
        cloud: String,
        kubernetes_service: Meta,
        service_account: Account,
    }
    /// A Google service account.
    Account {
        name: String,
        project_id: String,
    }
}

impl Patching {
    pub(super) fn into_patch(self) -> Patch {
        let patch = if self.patch.is_empty() { self.json_op } else { self.patch };
        Patch { path: self.path, patch, target: self.target, options: self.options }
    }
}
