//! Component manifests that the user brings (`--manifests`): what a kustomization of theirs builds, as it is.

use super::manifests::{Components, InstallOptions, heading};
use crate::{Disk, VerbError};
use seatrial_render::{LoadRestrictor, Options, Renderer, Tree};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Builds the folder. As with flux, flags that change the manifests change nothing of these; the heading says what they ask for.
pub(super) fn built(folder: &Path, install: &InstallOptions) -> Result<Components, VerbError> {
    let failed = |why: String| {
        VerbError::failed(format!("component manifest generation failed: {}: {why}", folder.display()))
    };
    let whole = folder.canonicalize().map_err(|error| failed(error.to_string()))?;
    let inside = whole.strip_prefix("/").unwrap_or(&whole).to_string_lossy().into_owned();
    let tree = Tree::from_source(Arc::new(Disk::default())).shown_at("/");
    let options = Options { load_restrictor: LoadRestrictor::None, ..Options::default() };
    let rendered = Renderer::for_one_build().build(&tree, &inside, &options);
    let rendered = rendered.map_err(|errors| failed(errors.report()))?;
    let objects = rendered.objects.iter().map(|object| object.to_json());
    let mut objects = objects.collect::<Result<Vec<Value>, _>>().map_err(|error| failed(error.report()))?;
    // In the order in which they can be applied.
    objects.sort_by_key(|object| match object["kind"].as_str() {
        Some("Namespace") => 0,
        Some("CustomResourceDefinition" | "ClusterRole" | "ServiceAccount") => 1,
        _ => 2,
    });
    let text = rendered.to_yaml().map_err(|error| failed(error.report()))?;
    Ok(Components { objects, file: format!("{}\n{text}", heading(install)) })
}
