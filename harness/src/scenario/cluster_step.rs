//! Steps that change clusters.

use super::profile::Profile;
use super::{ClusterSpec, ObjectRef, UnknownImages};
use crate::bootstrap::Component;
use schemars::JsonSchema;
use seatrial_verbs::bootstrap::keys::KeyAlgorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A cluster that is added while the scenario plays. The fields are those of `spec.clusters`, and a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddCluster {
    /// The cluster's name.
    pub name: String,
    /// The Flux release that `bootstrap` installs: `"2.2.3"` or `"2.9"`. Default: `"2.9"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["2.2.3", "2.9"]))]
    pub flux: Option<String>,
    /// The Kubernetes version that the cluster reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^v?[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub kubernetes: Option<String>,
    /// What becomes of images whose repository is not listed in `registry`. Default: `pull`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_images: Option<UnknownImages>,
    /// What becomes of pods and custom resources; the first profile that matches wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<Profile>,
}

impl AddCluster {
    /// The cluster's settings without its name.
    pub fn spec(&self) -> ClusterSpec {
        ClusterSpec {
            flux: self.flux.clone(),
            kubernetes: self.kubernetes.clone(),
            unknown_images: self.unknown_images,
            profiles: self.profiles.clone(),
        }
    }
}

/// Installs Flux and has it follow a folder of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bootstrap {
    /// The cluster. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The folder that the cluster follows, such as `clusters/beta`.
    pub path: String,
    /// The branch. Default: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Whether the cluster's deploy key may push. Default: false.
    #[serde(default)]
    pub read_write_key: bool,
    /// The controllers. Default: source-controller, kustomize-controller, helm-controller, notification-controller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<UsualController>,
    /// Controllers beside them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components_extra: Vec<ExtraController>,
    /// What kind of deploy key is made. Default: `ecdsa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_algorithm: Option<DeployKeyAlgorithm>,
    /// Whether the cluster uses a token over HTTPS instead of a deploy key. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token_auth: bool,
    /// The Flux release that is installed: `"2.2.3"` or `"2.9"` (in quotes: it is text). On a cluster that has another one it is an
    /// upgrade. Default: the release that is installed, else that of the cluster's `flux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["2.2.3", "2.9"]))]
    pub version: Option<String>,
}

/// A controller that `bootstrap` installs unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UsualController {
    /// Fetches sources; always needed.
    SourceController,
    /// Applies Kustomizations; always needed.
    KustomizeController,
    /// Applies HelmReleases.
    HelmController,
    /// Tells of events, and takes webhooks.
    NotificationController,
}

impl UsualController {
    /// The controller.
    pub fn component(self) -> Component {
        match self {
            UsualController::SourceController => Component::SourceController,
            UsualController::KustomizeController => Component::KustomizeController,
            UsualController::HelmController => Component::HelmController,
            UsualController::NotificationController => Component::NotificationController,
        }
    }
}

/// Kinds of deploy keys. RSA is not among them: the forge's SSH server does not verify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeployKeyAlgorithm {
    /// ECDSA on the curve P-384.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

impl DeployKeyAlgorithm {
    /// What is made.
    pub fn algorithm(self) -> KeyAlgorithm {
        match self {
            DeployKeyAlgorithm::Ecdsa => KeyAlgorithm::EcdsaP384,
            DeployKeyAlgorithm::Ed25519 => KeyAlgorithm::Ed25519,
        }
    }
}

/// A controller that `bootstrap` installs only when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExtraController {
    /// Scans image repositories and selects tags.
    ImageReflectorController,
    /// Writes image tags into repositories.
    ImageAutomationController,
    /// Composes artifacts of parts of others (ArtifactGenerator). Flux 2.2.3 does not have it.
    SourceWatcher,
}

impl ExtraController {
    /// The controller.
    pub fn component(self) -> Component {
        match self {
            ExtraController::ImageReflectorController => Component::ImageReflectorController,
            ExtraController::ImageAutomationController => Component::ImageAutomationController,
            ExtraController::SourceWatcher => Component::SourceWatcher,
        }
    }
}

/// Asks for a reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("oneOf" = [
    {"required": ["kustomization"]}, {"required": ["source"]}, {"required": ["imageRepository"]},
    {"required": ["imagePolicy"]}, {"required": ["imageUpdate"]}
]))]
pub struct Reconcile {
    /// The cluster. Default: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The Kustomization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomization: Option<String>,
    /// The GitRepository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The ImageRepository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    /// The ImagePolicy (from Flux 2.9 on it heeds that).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_policy: Option<String>,
    /// The ImageUpdateAutomation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_update: Option<String>,
    /// Where it is. Default: `flux-system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Asks the Kustomization's source first, and waits until it has answered. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub with_source: bool,
}

/// Checks that no image automation of a cluster would change files that another cluster's Kustomizations build from: then a tag
/// that one environment is to have would reach the other, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExpectIsolated {
    /// The cluster whose automations are looked at. Default: those of all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// Applies objects past Git, as `kubectl apply --server-side` does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("oneOf" = [{"required": ["from"]}, {"required": ["object"]}]))]
pub struct Apply {
    /// The cluster. Default: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// A file with objects, relative to the scenario file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The object itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_secret")]
    pub object: Option<Value>,
    /// The field manager. Default: `kubectl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// Whether fields are taken over from other managers. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Deletes an object past Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delete {
    /// The cluster. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The object.
    pub target: ObjectRef,
}

/// Changes an object past Git, as `kubectl patch` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["merge"]}, {"required": ["strategic"]}, {"required": ["json"]}]))]
pub struct PatchObject {
    /// The cluster. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The object.
    pub target: ObjectRef,
    /// A JSON merge patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_secret")]
    pub merge: Option<Value>,
    /// A strategic merge patch: lists are merged by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_secret")]
    pub strategic: Option<Value>,
    /// JSON patch operations (RFC 6902).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::optional_json_patch")]
    pub json: Option<Vec<Value>>,
}

/// Changes what becomes of pods and custom resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetProfile {
    /// The cluster. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// All profiles from now on, in place of those before: the first that matches wins. An empty list makes
    /// everything ready.
    pub profiles: Vec<Profile>,
}
