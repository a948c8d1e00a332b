//! What a build gives.

use std::sync::Arc;

use seatrial_yaml::Node;
use serde_json::Value as Json;

use crate::error::{RenderError, RenderErrors};
use crate::parallel;

/// Enough objects that a thread is worth its while.
const OBJECTS_PER_PART: usize = 32;

/// A rendered Kubernetes object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub(crate) node: Arc<Node>,
    pub(crate) file: Arc<str>,
}

impl Object {
    /// The object as a tree.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The object as JSON, with the values that [`Rendered::to_yaml`] prints.
    ///
    /// # Errors
    /// The object has no JSON form (`.inf`, a key that is no string).
    pub fn to_json(&self) -> Result<Json, RenderErrors> {
        seatrial_yaml::emitted_value(&self.node).map_err(|error| self.error(&error))
    }

    /// The object as YAML, without `---`.
    ///
    /// # Errors
    /// As for [`Object::to_json`].
    pub fn to_yaml(&self) -> Result<String, RenderErrors> {
        seatrial_yaml::emit(&self.node).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &dyn std::error::Error) -> RenderErrors {
        let name = format!("{} {}", self.kind(), self.name());
        RenderError::new(format!("{name}: {error}")).in_file(&self.file).into()
    }

    /// `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// `Deployment`.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// `metadata.namespace`; empty where there is none.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// Whether kustomize knows the kind as one that lives outside of namespaces.
    pub fn is_cluster_scoped(&self) -> bool {
        seatrial_schema::kustomize_is_namespaced(self.api_version(), self.kind()) == Some(false)
    }

    /// The file that it was read from, as a path in the tree; for a generated object the kustomization's file.
    pub fn origin(&self) -> &str {
        &self.file
    }

    fn text(&self, path: &[&str]) -> &str {
        self.node.str_at(path).unwrap_or_default()
    }
}

/// The result of a build.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// The objects, in the order of the output.
    pub objects: Vec<Object>,
    /// Warnings (deprecated fields), in the order in which they were met.
    pub warnings: Vec<String>,
}

impl Rendered {
    /// What `kustomize build` prints: the objects, with `---` between them.
    ///
    /// # Errors
    /// An object cannot be printed, see [`Object::to_json`].
    pub fn to_yaml(&self) -> Result<String, RenderErrors> {
        Ok(self.to_yaml_parts(1)?.concat())
    }

    /// [`Rendered::to_yaml`] in parts that follow each other, made by up to `threads` threads.
    ///
    /// # Errors
    /// As for [`Rendered::to_yaml`].
    pub fn to_yaml_parts(&self, threads: usize) -> Result<Vec<String>, RenderErrors> {
        let size = if threads < 2 { self.objects.len().max(1) } else { OBJECTS_PER_PART };
        let parts: Vec<(usize, &[Object])> = self.objects.chunks(size).enumerate().collect();
        let parts = parallel::map(threads, &parts, |(at, objects)| {
            let mut out = String::with_capacity(objects.len() * 512);
            for (i, object) in objects.iter().enumerate() {
                if *at > 0 || i > 0 {
                    out.push_str("---\n");
                }
                seatrial_yaml::emit_to(&object.node, &mut out).map_err(|error| object.error(&error))?;
            }
            Ok(out)
        });
        parts.into_iter().collect()
    }
}
