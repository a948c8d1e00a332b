//! The kustomization that Flux makes for a directory without one.

use crate::decode::{decode, decode_as_flux};
use crate::error::{MALFORMED, RenderError, RenderErrors, is_malformed, key_twice, yaml_words};
use crate::kustomization::{KUSTOMIZATION_FILES, Kustomization};
use crate::{Found, Renderer, Tree, path};
use bytes::Bytes;
use seatrial_yaml::Dialect;
use serde_json::{Map, Value};

/// Makes the `kustomization.yaml` that Flux makes for a directory without one: every `.yaml` and `.yml` file below it that
/// holds Kubernetes objects is a resource, and a directory with a kustomization of its own is one resource.
///
/// # Errors
/// The directory is missing, or has a kustomization already.
pub fn generate_kustomization(tree: &Tree, dir: &str) -> Result<Vec<u8>, RenderErrors> {
    let root = match tree.resolve(dir) {
        Ok(Found::Dir(root)) => root,
        Ok(Found::File(file, _)) => {
            return Err(RenderError::new("expected a directory, found a file").in_file(&file).into());
        }
        Err(error) => return Err(RenderError::new(error.to_string()).in_file(dir).into()),
    };
    let mut resources = Vec::new();
    walk(tree, &root, &root, &mut resources);
    let mut out = String::from("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    // So kustomize does not refuse a file without resources as an empty one; objects of components get to see it, too.
    out.push_str(if resources.is_empty() { "namespace: _placeholder\n" } else { "resources:\n" });
    for resource in resources {
        // JSON strings are YAML strings.
        out.push_str(&format!("- {}\n", Value::String(format!("./{resource}"))));
    }
    Ok(out.into_bytes())
}

/// A kustomization file as Flux reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct FluxFile {
    /// Its fields, without those that kustomize does not know; numbers and booleans are texts where texts are wanted.
    pub fields: Map<String, Value>,
    /// Whether they are just what kustomize would read in the file.
    pub same: bool,
}

/// What is said of a map that is nothing of an object.
const NOTHING: &str = "missing kind in object {{ } {{ } map[] map[]}}";

impl Renderer {
    /// A kustomization file as Flux reads it before it writes its own: more leniently than kustomize.
    ///
    /// # Errors
    /// It is no YAML, or fields have values of other types; the text is Flux's.
    pub fn flux_file(&self, content: &Bytes) -> Result<FluxFile, String> {
        let broken = |what: String| format!("error converting YAML to JSON: {what}");
        let wrong = |what: String| format!("error unmarshaling JSON: while decoding JSON: {what}");
        let document = self.parse_kustomization(content).map_err(|errors| match errors.errors.first() {
            Some(error) => broken(yaml_words(error)),
            None => broken(errors.to_string()),
        })?;
        let Some(first) = document.filter(|document| !document.is_empty()) else {
            return Ok(FluxFile { fields: Map::new(), same: false });
        };
        let json = first.root.to_json(Dialect::KubernetesJson).map_err(|error| broken(error.to_string()))?;
        let found = match &json {
            Value::Object(_) | Value::Null => None,
            Value::Array(_) => Some("array"),
            Value::String(_) => Some("string"),
            Value::Number(_) => Some("number"),
            Value::Bool(_) => Some("bool"),
        };
        if let Some(found) = found {
            let what = format!("json: cannot unmarshal {found} into Go value of type types.Kustomization");
            return Err(wrong(what));
        }
        let read: Kustomization = decode_as_flux(json.clone()).map_err(|errors| wrong(errors.to_string()))?;
        let same = decode::<Kustomization>(json).is_ok_and(|strict| strict == read);
        let fields = match serde_json::to_value(read) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        Ok(FluxFile { fields, same })
    }

    /// The first of the files that [`generate_kustomization`] lists of which no objects can be read, with the reason. Flux looks
    /// at each of them before it builds.
    pub fn unreadable(&self, tree: &Tree, dir: &str) -> Option<(String, String)> {
        let Ok(Found::Dir(root)) = tree.resolve(dir) else { return None };
        let mut resources = Vec::new();
        walk(tree, &root, &root, &mut resources);
        resources.iter().find_map(|resource| {
            let file = path::join(&root, resource);
            let Ok(Found::File(_, content)) = tree.resolve(&file) else { return None };
            let error = self.resources(&content).err()?.errors.into_iter().next()?;
            // Flux does not mind keys that come twice; the build does.
            if key_twice(&error).is_some() {
                return None;
            }
            let message = if is_malformed(&error) {
                format!("{MALFORMED}{}", yaml_words(&error))
            } else if error.message == NOTHING {
                "missing Resource metadata".to_owned()
            } else {
                error.message
            };
            Some((file, message))
        })
    }
}

fn has_kustomization(tree: &Tree, dir: &str) -> bool {
    KUSTOMIZATION_FILES.iter().any(|name| matches!(tree.resolve(&path::join(dir, name)), Ok(Found::File(..))))
}

fn walk(tree: &Tree, root: &str, dir: &str, resources: &mut Vec<String>) {
    for name in tree.list(dir) {
        let at = path::join(dir, &name);
        let relative = if root.is_empty() { at.as_str() } else { &at[root.len() + 1..] };
        match tree.get(&at) {
            // Flux walks with lstat: a link is neither a directory nor a regular file.
            Some(crate::Entry::Link(_)) => {}
            _ => match tree.resolve(&at) {
                Ok(Found::Dir(_)) if has_kustomization(tree, &at) => resources.push(relative.to_owned()),
                Ok(Found::Dir(_)) => walk(tree, root, &at, resources),
                Ok(Found::File(..)) if is_manifest(&name) => resources.push(relative.to_owned()),
                _ => {}
            },
        }
    }
}

fn is_manifest(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, e)| e);
    matches!(extension, Some("yaml" | "yml"))
}
