//! Builds the objects of a Kustomization. Pure.
//!
//! The spec's own transformations (namespace, names, images, patches, components) are written into the kustomization
//! file of the folder, which is made where it is missing; then kustomize has its way.

use super::remotes::ServedRemotes;
use crate::artifact::{ArtifactStore, Built, StoredArtifact, hex};
use crate::secret::{DecryptError, Decryptor};
use seatrial_api::kustomization::KustomizationSpec;
use seatrial_render::{
    Entry, FluxFile, KUSTOMIZATION_FILES, LoadRestrictor, Options, RenderErrors, Renderer, Reorder,
    ResolveError, Tree,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Why there are no objects.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// The folder is not in the artifact.
    #[error("kustomization path not found: stat {path}: {reason}")]
    NoPath {
        /// The folder.
        path: String,
        /// What is there instead.
        reason: String,
    },
    /// The kustomization file cannot be read, or not be written anew with what the spec says. The text is Flux's.
    #[error("{message}")]
    Kustomization {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// A component of the spec is elsewhere.
    #[error("component path '{0}' must be local and relative")]
    Component(
        /// The path.
        String,
    ),
    /// A file of a folder without a kustomization file cannot be read.
    #[error("failed to decode Kubernetes YAML from {file}: {message}")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
        /// What the build says of it, with the place.
        errors: RenderErrors,
    },
    /// A source of a secret generator cannot be decrypted.
    #[error("{0}")]
    Decrypt(
        /// What is wrong.
        String,
    ),
    /// kustomize refuses.
    #[error("kustomize build failed: {0}")]
    Build(
        /// What it says.
        RenderErrors,
    ),
}

/// A path as it is below the root: nothing leads out of it.
fn inside(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Checks that the folder of `spec` is in the tree; gives its clean path.
pub(crate) fn folder(tree: &Tree, spec: &KustomizationSpec) -> Result<String, BuildError> {
    let path = &inside(spec.path.as_deref().unwrap_or_default());
    let missing =
        |reason: ResolveError| BuildError::NoPath { path: format!("/{}", path), reason: reason.to_string() };
    match tree.resolve(path) {
        Ok(seatrial_render::Found::Dir(folder)) => Ok(folder),
        // It is there: that it is no folder is told when a kustomization file is written into it.
        Ok(seatrial_render::Found::File(file, _)) => Ok(file),
        Err(reason) => Err(missing(reason)),
    }
}

/// The objects that `spec` builds of `artifact`, in the order of the build, before decryption, substitution and labels. Built
/// once per content and spec; where it has remote bases, they are read from `remotes` each time.
///
/// # Errors
/// [`BuildError`].
pub fn build(
    renderer: &Renderer,
    store: &ArtifactStore,
    remotes: &Arc<ServedRemotes>,
    artifact: &StoredArtifact,
    spec: &KustomizationSpec,
) -> Result<Arc<Vec<Value>>, BuildError> {
    build_decrypted(renderer, store, remotes, artifact, spec, None)
}

/// As [`build`], with the sources of secret generators in plain text.
pub(crate) fn build_decrypted(
    renderer: &Renderer,
    store: &ArtifactStore,
    remotes: &Arc<ServedRemotes>,
    artifact: &StoredArtifact,
    spec: &KustomizationSpec,
    decryptor: Option<&Decryptor>,
) -> Result<Arc<Vec<Value>>, BuildError> {
    let folder = folder(&artifact.tree, spec)?;
    let changes = changes(spec);
    let keys = decryptor.map(Decryptor::fingerprint);
    let inputs = json!([artifact.digest, folder, changes, spec.ignore_missing_components, keys]);
    let key = hex(&Sha256::digest(inputs.to_string()));
    let mut tree = prepare(&artifact.tree, &folder, spec, changes, renderer)?;
    if let Some(decryptor) = decryptor {
        let failed = |error: DecryptError| BuildError::Decrypt(error.to_string());
        tree = decryptor.sources(&tree, &folder).map_err(failed)?;
    }
    store.built(&key, || render(renderer, remotes, &tree, &folder), || remotes.read()).map_err(|errors| {
        // Flux looks at each file before it builds. What it finds there makes the build fail, too.
        match renderer.unreadable(&artifact.tree, &folder).filter(|_| !has_file(&artifact.tree, &folder)) {
            Some((file, message)) => BuildError::Manifest { file, message, errors },
            None => BuildError::Build(errors),
        }
    })
}

/// Whether the folder has a kustomization file.
fn has_file(tree: &Tree, folder: &str) -> bool {
    KUSTOMIZATION_FILES.iter().any(|name| tree.read(&at(folder, name)).is_some())
}

/// A path in the folder.
fn at(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn render(renderer: &Renderer, remotes: &Arc<ServedRemotes>, tree: &Tree, folder: &str) -> Built {
    let options = Options {
        load_restrictor: LoadRestrictor::None,
        remotes: Some(remotes.clone()),
        ..Options::default()
    };
    let rendered = renderer.build(tree, folder, &options)?;
    let objects: Result<Vec<Value>, RenderErrors> = rendered.objects.iter().map(|o| o.to_json()).collect();
    objects.map(Arc::new)
}

/// As [`build`], of files that no artifact holds, with nothing remembered; each object with the file that it comes from.
pub(crate) fn build_files(
    renderer: &Renderer,
    tree: &Tree,
    spec: &KustomizationSpec,
    remotes: Option<Arc<dyn seatrial_render::Remotes>>,
) -> Result<Vec<(Value, String)>, BuildError> {
    let folder = folder(tree, spec)?;
    let tree = prepare(tree, &folder, spec, changes(spec), renderer)?;
    // Flux does not sort what kustomize built: it is shown in the order of the files.
    let reorder = Reorder::None;
    let options = Options { load_restrictor: LoadRestrictor::None, remotes, reorder, ..Options::default() };
    let rendered = renderer.build(&tree, &folder, &options).map_err(BuildError::Build)?;
    let object = |object: &seatrial_render::Object| Ok((object.to_json()?, object.origin().to_owned()));
    let objects: Result<Vec<(Value, String)>, RenderErrors> = rendered.objects.iter().map(object).collect();
    objects.map_err(BuildError::Build)
}

/// The tree with a kustomization file in `folder` that says what `spec` says.
fn prepare(
    tree: &Tree,
    folder: &str,
    spec: &KustomizationSpec,
    changes: Map<String, Value>,
    renderer: &Renderer,
) -> Result<Tree, BuildError> {
    let at = |name: &str| at(folder, name);
    if !tree.is_dir(folder) {
        let file = at(KUSTOMIZATION_FILES[0]);
        let message = format!("open {file}: not a directory remove {file}: not a directory");
        return Err(BuildError::Kustomization { file, message });
    }
    let existing = KUSTOMIZATION_FILES
        .iter()
        .map(|name| at(name))
        .find_map(|file| tree.read(&file).map(|text| (file, text)));
    let (file, FluxFile { mut fields, same }, generated) = match existing {
        Some((file, text)) => {
            let read = renderer.flux_file(&text);
            let read = read.map_err(|message| BuildError::Kustomization { file: file.clone(), message })?;
            (file, read, false)
        }
        None => {
            let text = seatrial_render::generate_kustomization(tree, folder).map_err(BuildError::Build)?;
            let (file, text) = (at(KUSTOMIZATION_FILES[0]), text.into());
            if changes.is_empty() {
                return Ok(tree.with_file(&file, text));
            }
            let read = renderer.flux_file(&text);
            let read = read.map_err(|message| BuildError::Kustomization { file: file.clone(), message })?;
            (file, read, true)
        }
    };
    let failed = |message: String| BuildError::Kustomization { file: file.clone(), message };
    // With this, kustomize does not take a file without resources for an empty one.
    if !generated && !fields.contains_key("resources") {
        fields.insert("buildMetadata".to_owned(), json!(["originAnnotations"]));
    } else if same && changes.is_empty() {
        return Ok(tree.clone());
    }
    if let Some(path) = spec.components.iter().find(|path| is_elsewhere(path)) {
        return Err(BuildError::Component(path.clone()));
    }
    merge(&mut fields, changes, |component| !spec.ignore_missing_components || tree.is_dir(&at(component)));
    let text = seatrial_yaml::emit_json(&Value::Object(fields)).map_err(|error| failed(error.to_string()))?;
    let mut tree = tree.clone();
    tree.insert(&file, Entry::File(text.into()));
    Ok(tree)
}

/// Whether a component is not below the artifact's root: a path from the root of the file system, or in a repository, by a URL or
/// by a host.
fn is_elsewhere(path: &str) -> bool {
    let host = path.split('/').next().unwrap_or_default();
    let by_host = host.starts_with("git@") || (path.contains('/') && host == "github.com");
    path.starts_with('/') || path.contains("://") || by_host
}

/// What of the spec goes into the kustomization file.
fn changes(spec: &KustomizationSpec) -> Map<String, Value> {
    let mut out = Map::new();
    let texts = [
        ("namespace", &spec.target_namespace),
        ("namePrefix", &spec.name_prefix),
        ("nameSuffix", &spec.name_suffix),
    ];
    for (field, value) in texts {
        if let Some(value) = value {
            out.insert(field.to_owned(), json!(value));
        }
    }
    let lists = [
        ("patches", json!(spec.patches)),
        ("images", json!(spec.images)),
        ("components", json!(spec.components)),
        ("buildMetadata", json!(spec.build_metadata)),
    ];
    for (field, value) in lists {
        if value.as_array().is_some_and(|items| !items.is_empty()) {
            out.insert(field.to_owned(), value);
        }
    }
    out
}

/// Texts and `buildMetadata` replace the file's, other lists are added behind the file's; an image of the same name is replaced.
fn merge(fields: &mut Map<String, Value>, changes: Map<String, Value>, has: impl Fn(&str) -> bool) {
    for (field, value) in changes {
        let new = match value {
            Value::Array(new) if field != "buildMetadata" => new,
            value => {
                fields.insert(field, value);
                continue;
            }
        };
        let list = fields.entry(field.as_str()).or_insert_with(|| json!([]));
        if list.is_null() {
            *list = json!([]);
        }
        let Some(list) = list.as_array_mut() else { continue };
        for item in new {
            match field.as_str() {
                "images" => list.retain(|old| old["name"] != item["name"]),
                "components" if list.contains(&item) || !item.as_str().is_some_and(&has) => continue,
                _ => {}
            }
            list.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use seatrial_yaml::{Dialect, ParseOptions};

    fn spec(rest: Value) -> KustomizationSpec {
        let mut spec = json!({
            "interval": "1m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "x" },
        });
        for (key, value) in rest.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        serde_json::from_value(spec).expect("a spec")
    }

    #[rstest]
    #[case::root(json!({}), Ok(""))]
    #[case::dot(json!({"path": "./"}), Ok(""))]
    #[case::folder(json!({"path": "./apps/beta"}), Ok("apps/beta"))]
    #[case::slash(json!({"path": "/apps/"}), Ok("apps"))]
    #[case::missing(
        json!({"path": "./nope"}),
        Err("kustomization path not found: stat /nope: no such file or directory")
    )]
    #[case::file(json!({"path": "apps/beta/a.yaml"}), Ok("apps/beta/a.yaml"))]
    #[case::escape(json!({"path": "../x"}), Err("kustomization path not found: stat /x: no such file or directory"))]
    #[case::root_from_below(json!({"path": "../../.."}), Ok(""))]
    fn the_folder_must_be_in_the_artifact(#[case] rest: Value, #[case] expected: Result<&str, &str>) {
        let tree = Tree::new().with_file("apps/beta/a.yaml", "");
        let found = folder(&tree, &spec(rest)).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn the_specs_transformations_join_those_of_the_file() {
        let tree = Tree::new().with_file(
            "kustomization.yaml",
            "namespace: a\nimages: [{name: x, newTag: '1'}, {name: z, newTag: '1'}]\nresources: [r.yaml]\n",
        );
        let spec = spec(json!({
            "targetNamespace": "b",
            "images": [{ "name": "x", "newTag": "2" }],
            "components": ["c", "missing"],
            "ignoreMissingComponents": true,
            "patches": [{ "patch": "p", "target": { "kind": "Pod" } }],
        }));
        let tree = tree.with_file("c/kustomization.yaml", "kind: Component\n");
        let prepared = prepare(&tree, "", &spec, changes(&spec), &Renderer::new()).expect("a tree");
        let text = prepared.read("kustomization.yaml").expect("a file");
        let node = seatrial_yaml::parse_one(&text, &ParseOptions::default()).expect("YAML");
        assert_eq!(
            node.to_json(Dialect::KubernetesJson).expect("JSON"),
            json!({
                "namespace": "b",
                "images": [{ "name": "z", "newTag": "1" }, { "name": "x", "newTag": "2" }],
                "resources": ["r.yaml"],
                "components": ["c"],
                "patches": [{ "patch": "p", "target": { "kind": "Pod" } }],
            })
        );
    }
}
