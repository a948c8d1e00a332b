//! Finding and reading a kustomization file.

use std::sync::Arc;

use bytes::Bytes;
use seatrial_yaml::Dialect;

use super::Kustomization;
use crate::Renderer;
use crate::decode::decode;
use crate::error::{Context, RenderError, Result, fail, yaml_words};
use crate::loader::Loader;

/// The names that a kustomization file may have, in the order in which they are looked for.
pub const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a kustomization file says.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its fields, deprecated ones moved to where they belong now.
    content: Arc<Kustomization>,
    warnings: Vec<String>,
}

/// A kustomization file, read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// Its fields, deprecated ones moved to where they belong now.
    pub(crate) content: Arc<Kustomization>,
    /// Its name.
    pub(crate) file_name: String,
    /// Its path in the tree.
    pub(crate) path: String,
    /// What kustomize says about it on standard error.
    pub(crate) warnings: Vec<String>,
}

/// Reads the kustomization file of the loader's directory.
pub(crate) fn load(renderer: &Renderer, loader: &Loader<'_>) -> Result<Loaded> {
    let mut found =
        KUSTOMIZATION_FILES.iter().filter_map(|name| loader.own_file(name).map(|file| (*name, file)));
    let dir = loader.shown(&loader.root);
    let Some((file_name, (path, content))) = found.next() else {
        return fail(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{dir}'"
        ));
    };
    if found.next().is_some() {
        return fail(format!("Found multiple kustomization files under: {dir}\n"));
    }
    let shown = loader.shown(&path);
    let known = renderer
        .kustomizations
        .get_or_make(&content, || read(renderer, &content, file_name, &dir, &shown))?;
    let Read { content, warnings } = known.as_ref();
    Ok(Loaded { content: content.clone(), file_name: file_name.to_owned(), path, warnings: warnings.clone() })
}

fn read(renderer: &Renderer, content: &Bytes, file_name: &str, dir: &str, shown: &str) -> Result<Read> {
    let document = renderer.parse_kustomization(content).map_err(|errors| {
        errors.map(|mut error| {
            error.message = format!("invalid Kustomization: {}", yaml_words(&error));
            error.in_file(shown)
        })
    })?;
    let empty = || RenderError::new(format!("{file_name} is empty")).in_file(shown);
    let first = document.filter(|d| !d.is_empty()).ok_or_else(empty)?;
    let json = first
        .root
        .to_json(Dialect::KubernetesJson)
        .map_err(|e| RenderError::new(format!("invalid Kustomization: {e}")).in_file(shown))?;
    if says_nothing(&json) {
        return Err(empty().into());
    }
    let warnings = warnings(&json);
    let mut content: Kustomization = decode(json).map_err(|errors| {
        errors.map(|mut error| {
            error.message = format!("invalid Kustomization: {}", error.message);
            error.in_file(shown)
        })
    })?;
    check_kind(&mut content)
        .context(|| format!("Failed to read kustomization file under {dir}"))
        .map_err(|e| e.map(|error| spelled_over_lines(error).in_file(shown)))?;
    move_deprecated(&mut content);
    Ok(Read { content: Arc::new(content), warnings })
}

/// Whether no field has a value; empty lists and maps are values, unless they are moved elsewhere.
fn says_nothing(json: &serde_json::Value) -> bool {
    let moved = |key: &str| key.eq_ignore_ascii_case("bases") || key.eq_ignore_ascii_case("imageTags");
    json.as_object().is_some_and(|map| {
        map.iter().all(|(key, value)| match value {
            _ if key.eq_ignore_ascii_case("apiVersion") || key.eq_ignore_ascii_case("kind") => true,
            serde_json::Value::String(text) => text.is_empty(),
            serde_json::Value::Array(items) => items.is_empty() && moved(key),
            other => other.is_null(),
        })
    })
}

fn check_kind(content: &mut Kustomization) -> Result<()> {
    if content.kind.is_empty() {
        content.kind = "Kustomization".to_owned();
    }
    let version = match content.kind.as_str() {
        "Component" => "kustomize.config.k8s.io/v1alpha1",
        _ => "kustomize.config.k8s.io/v1beta1",
    };
    let mut wrong = Vec::new();
    if !matches!(content.kind.as_str(), "Kustomization" | "Component") {
        wrong.push("kind should be Kustomization or Component".to_owned());
    }
    if content.api_version.is_empty() {
        content.api_version = version.to_owned();
    }
    if content.api_version != version {
        wrong.push(format!("apiVersion for {} should be {version}", content.kind));
    }
    if wrong.is_empty() { Ok(()) } else { fail(wrong.join("\n")) }
}

/// Puts the reasons on lines of their own.
fn spelled_over_lines(mut error: RenderError) -> RenderError {
    error.message = error.message.replacen(": ", ":\n", 1);
    error
}

fn warnings(json: &serde_json::Value) -> Vec<String> {
    let deprecated = [
        ("bases", "resources", ""),
        ("commonLabels", "labels", ""),
        ("imageTags", "images", ""),
        ("patchesJson6902", "patches", ""),
        ("patchesStrategicMerge", "patches", ""),
        ("vars", "replacements", " [EXPERIMENTAL]"),
    ];
    let has = |field: &str| {
        json.as_object().is_some_and(|map| {
            map.iter().any(|(key, value)| {
                let empty = value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(serde_json::Map::is_empty);
                key.eq_ignore_ascii_case(field) && !value.is_null() && !empty
            })
        })
    };
    let mut out = Vec::new();
    for (old, new, note) in deprecated {
        if has(old) {
            out.push(format!(
                "# Warning: '{old}' is deprecated. Please use '{new}' instead.{note} Run 'kustomize edit fix' to update \
                 your Kustomization automatically."
            ));
        }
    }
    out
}

/// Puts the values of old fields into the ones that replaced them.
fn move_deprecated(content: &mut Kustomization) {
    content.resources.append(&mut content.bases);
    content.images.append(&mut content.image_tags);
    for generator in &mut content.config_map_generator {
        let env = std::mem::take(&mut generator.env);
        generator.envs.extend((!env.is_empty()).then_some(env));
    }
    for generator in &mut content.secret_generator {
        let env = std::mem::take(&mut generator.env);
        generator.envs.extend((!env.is_empty()).then_some(env));
    }
}
