//! What a Kustomization would do with files that are not committed: its objects, and what an apply would change.
//!
//! The objects are those that the engine would apply: the same build, substitution and labels, whatever holds the files.

use crate::apply::{self, Action, ApplyError, Wanted};
use crate::cluster::Cluster;
use crate::object::ObjectRef;
use crate::render::post_build::{self, PostBuildError};
use crate::render::{self, BuildError};
use crate::secret::decode_base64;
use crate::source;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_api::kustomization::{IgnoreRule, KustomizationSpec, ResourceInventory};
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
    /// A Secret's data are not base64.
    #[error("failed to mask secret {name} sops data: {reason}")]
    Mask {
        /// Name of the Secret.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Variables could not be substituted in an object.
    #[error("var substitution failed for '{name}': {reason}")]
    Substitute {
        /// Name of the object.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// Builds the objects, in the order of the build, with owner labels and common metadata. What SOPS encrypted in Secrets is covered by
/// [`SOPS_MASK`]; other objects stay as they are.
///
/// # Errors
/// [`LocalError`].
pub async fn build(local: &LocalBuild<'_>) -> Result<Vec<Value>, LocalError> {
    let built = build_placed(local).await?;
    let mut objects: Vec<Value> = built.into_iter().map(|(object, _)| object).collect();
    objects.iter_mut().filter(|object| object["kind"] == "Secret").try_for_each(mask)?;
    Ok(objects)
}

/// Stands in a Secret for what SOPS encrypted.
pub const SOPS_MASK: &str = "**SOPS**";

/// Covers what SOPS encrypted in a Secret: all of it, or the values that are encrypted files.
fn mask(secret: &mut Value) -> Result<(), LocalError> {
    let text = seatrial_yaml::emit_json(secret).unwrap_or_default();
    let all = text.contains("sops:") && text.contains("mac: ENC[");
    let name = ObjectRef::of(secret).name;
    let Some(fields) = secret.as_object_mut() else { return Ok(()) };
    if all {
        fields.remove("sops");
        for value in fields.get_mut("stringData").and_then(Value::as_object_mut).into_iter().flatten() {
            *value.1 = SOPS_MASK.into();
        }
    }
    for (_, value) in fields.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten() {
        let text = match &*value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_file = |content: &[u8]| contains(content, b"sops") && contains(content, b"ENC[");
        let covered = all || {
            let decoded = decode_base64(&text);
            let mask = |reason| LocalError::Mask { name: name.clone(), reason };
            is_file(&decoded.map_err(mask)?)
        };
        if covered {
            *value = STANDARD.encode(SOPS_MASK).into();
        }
    }
    Ok(())
}

fn contains(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}

/// As [`build`], with the file that each object comes from: a path of the tree; of what is generated, that of the kustomization.
/// What SOPS has encrypted stays as it is.
///
/// # Errors
/// [`LocalError`].
pub async fn build_placed(local: &LocalBuild<'_>) -> Result<Vec<(Value, String)>, LocalError> {
    let mut spec: KustomizationSpec = serde_json::from_value(local.kustomization["spec"].clone())
        .map_err(|error| LocalError::Spec(format!("spec of the Kustomization: {error}")))?;
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
    for (object, _) in &mut objects {
        apply::labels::set_owner(object, &owner);
        if let Some(common) = &spec.common_metadata {
            apply::labels::set_common(object, common);
        }
    }
    Ok(objects)
}

fn substitute(
    objects: &[(Value, String)],
    wanted: &seatrial_api::kustomization::PostBuild,
    variables: &BTreeMap<String, String>,
    strict: bool,
) -> Result<Vec<(Value, String)>, LocalError> {
    // Strictness alone differs between releases where objects are substituted.
    let flux = if strict { FluxRelease::V2_9 } else { FluxRelease::V2_2_3 };
    let mut out = Vec::new();
    for (object, file) in objects {
        let failed = |error: PostBuildError| LocalError::Substitute {
            name: ObjectRef::of(object).name,
            reason: match error {
                PostBuildError::Substitute { source, .. } => format!("envsubst error: {source}"),
                other => other.to_string(),
            },
        };
        let one = post_build::substitute(std::slice::from_ref(object), wanted, variables, flux);
        out.extend(one.map_err(failed)?.into_iter().map(|object| (object, file.clone())));
    }
    Ok(out)
}

/// The files of a repository that an artifact of it has: without what the defaults, or `ignore` (`spec.ignore` of the source) in
/// their place, and the files of rules (`.sourceignore`) leave out.
pub fn artifact(tree: &Tree, ignore: Option<&str>) -> Tree {
    source::ignore::kept(tree, ignore)
}

/// The artifacts that an ArtifactGenerator makes of its sources' files, which are given by their aliases: name and files of each.
///
/// # Errors
/// What is wrong with a rule, in the controller's words; what is not supported.
pub fn composed(
    generator: &Value,
    sources: &BTreeMap<String, Tree>,
) -> Result<BTreeMap<String, Tree>, String> {
    let spec = &generator["spec"];
    if spec["pathPattern"].as_str().is_some_and(|pattern| !pattern.is_empty()) {
        return Err("Seatrial does not support spec.pathPattern of an ArtifactGenerator yet".to_owned());
    }
    let artifact = |artifact: &Value| {
        let name = artifact["name"].as_str().unwrap_or_default().to_owned();
        let built = source::copy::compose(&source::copy::rules(artifact)?, sources);
        let tree = built.map_err(|error| format!("failed to build artifact '{name}': {error}"))?;
        Ok((name, tree))
    };
    spec["artifacts"].as_array().into_iter().flatten().map(artifact).collect()
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

/// The fields that a Kustomization leaves as they are (`spec.ignore`).
pub struct Ignored(apply::Ignore);

impl Ignored {
    /// Those of a Kustomization.
    ///
    /// # Errors
    /// The target of a rule cannot be read, in Flux's words.
    pub fn of(kustomization: &Value) -> Result<Ignored, String> {
        let rules: Option<Vec<IgnoreRule>> = serde_json::from_value(kustomization["spec"]["ignore"].clone())
            .map_err(|error| format!("spec.ignore of the Kustomization: {error}"))?;
        let ignore = apply::Ignore::of(&rules.unwrap_or_default());
        ignore.map(Ignored).map_err(|error| error.to_string())
    }
}

/// What applying the object would change, by a dry run on the server. Nothing is written.
///
/// # Errors
/// The server's refusal, in Flux's words.
pub async fn drift(client: &Client, object: &Value, ignored: &Ignored) -> Result<Drift, String> {
    let cluster = Cluster::new(client.clone());
    let wanted = Wanted::new(object.clone());
    let compared = apply::compare(&cluster, &wanted).await.map_err(|error: ApplyError| error.to_string())?;
    Ok(match (compared.action, compared.live, compared.planned) {
        (Action::Created, _, _) => Drift::Created,
        (Action::Configured, Some(live), Some(planned)) => {
            match ignored.0.differences(&wanted.who, object, &live, &planned) {
                None => Drift::Changed(live, planned),
                Some(kept) => {
                    let planned = kept.planned(&planned, &live);
                    match apply::drifted(&live, &planned) {
                        true => Drift::Changed(live, Arc::new(planned)),
                        false => Drift::None,
                    }
                }
            }
        }
        _ => Drift::None,
    })
}

/// The objects that a Kustomization manages, in the order of its inventory.
pub fn managed(kustomization: &Value) -> Vec<ObjectRef> {
    let inventory = serde_json::from_value::<ResourceInventory>(kustomization["status"]["inventory"].clone());
    inventory.unwrap_or_default().entries.iter().filter_map(apply::inventory::object).collect()
}
