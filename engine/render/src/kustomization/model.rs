//! The fields of a kustomization file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::config::FieldSpec;

macro_rules! model {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "camelCase")]
        pub(crate) struct $name { $(
            $(#[$field_meta])*
            #[serde(skip_serializing_if = "says_nothing")]
            pub(crate) $field: $ty,
        )* }
    )*};
}

/// As in Go, fields without a value are not written.
fn says_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Patch {
    /// As kustomize writes it.
    pub(crate) fn json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }
}

model! {
    /// `kustomization.yaml`.
    Kustomization {
        api_version: String,
        kind: String,
        metadata: Option<ObjectMeta>,
        open_api: BTreeMap<String, String>,
        name_prefix: String,
        name_suffix: String,
        namespace: String,
        common_labels: BTreeMap<String, String>,
        labels: Vec<Label>,
        common_annotations: BTreeMap<String, String>,
        patches_strategic_merge: Vec<String>,
        #[serde(rename = "patchesJson6902")]
        patches_json6902: Vec<Patch>,
        patches: Vec<Patch>,
        images: Vec<Image>,
        image_tags: Vec<Image>,
        replacements: Vec<ReplacementField>,
        replicas: Vec<Replica>,
        sort_options: Option<SortOptions>,
        vars: Vec<Var>,
        resources: Vec<String>,
        components: Vec<String>,
        crds: Vec<String>,
        bases: Vec<String>,
        config_map_generator: Vec<ConfigMapArgs>,
        secret_generator: Vec<SecretArgs>,
        helm_globals: Option<HelmGlobals>,
        helm_charts: Vec<Json>,
        helm_chart_inflation_generator: Vec<Json>,
        generator_options: Option<GeneratorOptions>,
        configurations: Vec<String>,
        generators: Vec<String>,
        transformers: Vec<String>,
        validators: Vec<String>,
        build_metadata: Vec<String>,
    }
    /// `metadata`: read and not used.
    ObjectMeta {
        name: String,
        namespace: String,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
    }
    /// `helmGlobals`: without charts they say nothing.
    HelmGlobals {
        chart_home: String,
        config_home: String,
    }
    /// An entry of `labels`.
    Label {
        pairs: BTreeMap<String, String>,
        include_selectors: bool,
        include_templates: bool,
        #[serde(rename = "fields")]
        field_specs: Vec<FieldSpec>,
    }
    /// An entry of `patches` and `patchesJson6902`.
    Patch {
        path: String,
        patch: String,
        target: Option<Selector>,
        options: PatchOptions,
    }
    /// What a patch may change beside the content.
    PatchOptions {
        allow_name_change: bool,
        allow_kind_change: bool,
    }
    /// Which objects: parts that are empty match all.
    Selector {
        group: String,
        version: String,
        kind: String,
        name: String,
        namespace: String,
        annotation_selector: String,
        label_selector: String,
    }
    /// An entry of `images`.
    Image {
        name: String,
        new_name: String,
        tag_suffix: String,
        new_tag: String,
        digest: String,
    }
    /// An entry of `replicas`.
    Replica {
        name: String,
        count: i64,
    }
    /// `sortOptions`.
    SortOptions {
        order: String,
        legacy_sort_options: Option<LegacySortOptions>,
    }
    /// Kinds at the start and at the end.
    LegacySortOptions {
        order_first: Vec<String>,
        order_last: Vec<String>,
    }
    /// An entry of `vars`.
    Var {
        name: String,
        objref: VarTarget,
        fieldref: VarField,
    }
    /// The object that a variable is about.
    VarTarget {
        api_version: String,
        group: String,
        version: String,
        kind: String,
        name: String,
        namespace: String,
    }
    /// The field that a variable takes its value from.
    VarField {
        #[serde(rename = "fieldpath")]
        field_path: String,
    }
    /// An entry of `configMapGenerator`.
    ConfigMapArgs {
        namespace: String,
        name: String,
        behavior: String,
        literals: Vec<String>,
        files: Vec<String>,
        envs: Vec<String>,
        env: String,
        options: Option<GeneratorOptions>,
    }
    /// An entry of `secretGenerator`.
    SecretArgs {
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
    /// `generatorOptions`, and the `options` of one generator.
    GeneratorOptions {
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        disable_name_suffix_hash: bool,
        immutable: bool,
    }
    /// An entry of `replacements`: a file, or one inline.
    ReplacementField {
        path: String,
        source: Option<ReplacementSource>,
        source_value: Option<String>,
        targets: Vec<ReplacementTarget>,
    }
    /// Where a replacement takes its value from.
    ReplacementSource {
        group: String,
        version: String,
        kind: String,
        name: String,
        namespace: String,
        field_path: String,
        options: Option<FieldOptions>,
    }
    /// Where a replacement writes.
    ReplacementTarget {
        select: Option<Selector>,
        reject: Vec<Selector>,
        field_paths: Vec<String>,
        options: Option<FieldOptions>,
    }
    /// How a replacement reads or writes.
    FieldOptions {
        delimiter: String,
        index: i64,
        encoding: String,
        create: bool,
    }
}
