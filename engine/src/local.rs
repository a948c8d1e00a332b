//! What a Kustomization would do with files that are not committed: its objects, and what an apply would change.
//!
//! The objects are those that the engine would apply: the same build, substitution and labels, whatever holds the files.

use crate::apply::{self, Action, ApplyError, Wanted};
use crate::cluster::Cluster;
use crate::object::ObjectRef;
use crate::render::post_build::{self, PostBuildError};
use crate::render::{self, BuildError};
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_api::kustomization::{KustomizationSpec, ResourceInventory};
use seatrial_render::{Remotes, Renderer, Tree};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files that a Kustomization is built of.
pub struct LocalBuild<'a> {
    /// The Kustomization.
    pub kustomization: &'a Value,
    /// The files.
    pub tree: &'a Tree,
    /// The folder that is built, in the place of `spec.path`.
    pub folder: &'a str,
    /// The cluster of `substituteFrom`; `None`: what would come from there is not substituted.
    pub client: Option<Client>,
    /// Whether a variable that has no value is an error.
    pub strict: bool,
    /// Where remote bases come from; `None`: they are refused.
    pub remotes: Option<Arc<dyn Remotes>>,
}

/// Why there are no objects.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LocalError {
    /// The Kustomization has a field that is not supported, or one of another type.
    #[error("{0}")]
    Spec(String),
    /// The folder could not be built.
    #[error(transparent)]
    Build(BuildError),
    /// Variables could not be had.
    #[error("{0}")]
    Variables(String),
    /// Variables could not be substituted in an object.
    #[error("var substitution failed for '{name}': {reason}")]
    Substitute {
        /// Name of the object.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Builds the objects, in the order of the build, with owner labels and common metadata.
///
/// # Errors
/// [`LocalError`]. Objects that SOPS has encrypted are refused.
pub async fn build(local: &LocalBuild<'_>) -> Result<Vec<Value>, LocalError> {
    let mut spec: KustomizationSpec = serde_json::from_value(local.kustomization["spec"].clone())
        .map_err(|error| LocalError::Spec(format!("spec of the Kustomization: {error}")))?;
    if !spec.ignore.is_empty() {
        return Err(LocalError::Spec("Seatrial does not support spec.ignore of a Kustomization yet".into()));
    }
    spec.path = Some(local.folder.to_owned());
    let built = render::build_files(&Renderer::for_one_build(), local.tree, &spec, local.remotes.clone())
        .map_err(LocalError::Build)?;
    let mut objects = match &spec.post_build {
        None => built,
        Some(wanted) => {
            let mut wanted = wanted.clone();
            let owner = ObjectRef::of(local.kustomization);
            let variables = match &local.client {
                Some(client) => {
                    post_build::variables(&Cluster::new(client.clone()), &owner.namespace, &wanted).await
                }
                None => {
                    wanted.substitute_from.clear();
                    // Without references nothing is asked, so that there need be no cluster.
                    Ok(wanted.substitute.clone())
                }
            };
            let variables = variables.map_err(|error| LocalError::Variables(error.to_string()))?;
            substitute(&built, &wanted, &variables, local.strict)?
        }
    };
    let owner = ObjectRef::of(local.kustomization);
    for object in &mut objects {
        if object.get("sops").is_some() {
            let who = ObjectRef::of(object);
            return Err(LocalError::Spec(format!("{who}: Seatrial does not decrypt SOPS files here yet")));
        }
        apply::labels::set_owner(object, &owner);
        if let Some(common) = &spec.common_metadata {
            apply::labels::set_common(object, common);
        }
    }
    Ok(objects)
}

fn substitute(
    objects: &[Value],
    wanted: &seatrial_api::kustomization::PostBuild,
    variables: &BTreeMap<String, String>,
    strict: bool,
) -> Result<Vec<Value>, LocalError> {
    // Strictness alone differs between releases where objects are substituted.
    let flux = if strict { FluxRelease::V2_9 } else { FluxRelease::V2_2_3 };
    let mut out = Vec::new();
    for object in objects {
        let failed = |error: PostBuildError| LocalError::Substitute {
            name: ObjectRef::of(object).name,
            reason: match error {
                PostBuildError::Substitute { source, .. } => format!("envsubst error: {source}"),
                other => other.to_string(),
            },
        };
        let one = post_build::substitute(std::slice::from_ref(object), wanted, variables, flux);
        out.extend(one.map_err(failed)?);
    }
    Ok(out)
}

/// What applying an object would change.
#[derive(Clone, Debug)]
pub enum Drift {
    /// It would be made.
    Created,
    /// It would be changed: as it is, and as it would be.
    Changed(Arc<Value>, Arc<Value>),
    /// Nothing.
    None,
}

/// What applying the object would change, by a dry run on the server. Nothing is written.
///
/// # Errors
/// The server's refusal, in Flux's words.
pub async fn drift(client: &Client, object: &Value) -> Result<Drift, String> {
    let cluster = Cluster::new(client.clone());
    let wanted = Wanted::new(object.clone());
    let compared = apply::compare(&cluster, &wanted).await.map_err(|error: ApplyError| error.to_string())?;
    Ok(match (compared.action, compared.live, compared.planned) {
        (Action::Created, _, _) => Drift::Created,
        (Action::Configured, Some(live), Some(planned)) => Drift::Changed(live, planned),
        _ => Drift::None,
    })
}

/// The objects that a Kustomization manages, in the order of its inventory.
pub fn managed(kustomization: &Value) -> Vec<ObjectRef> {
    let inventory = serde_json::from_value::<ResourceInventory>(kustomization["status"]["inventory"].clone());
    inventory.unwrap_or_default().entries.iter().filter_map(apply::inventory::object).collect()
}
