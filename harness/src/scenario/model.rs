//! What a scenario file contains.

use super::Step;
use super::forge_step::{ForgeSpec, GitAccessSpec};
use super::profile::Profile;
use super::registry_spec::RepositorySpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A scenario: clusters, Git repositories, a registry, and steps that are played against them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Version of the format: `seatrial.dev/v1alpha1`.
    #[schemars(extend("enum" = ["seatrial.dev/v1alpha1"]))]
    pub api_version: String,
    /// `Scenario`.
    #[schemars(extend("enum" = ["Scenario"]))]
    pub kind: String,
    /// Name and description.
    pub metadata: Metadata,
    /// What is played.
    pub spec: Spec,
}

/// What a scenario is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name: says what the scenario shows. Reports and filters use it.
    pub name: String,
    /// More about it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Clusters, repositories, registry, steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// The clusters at the start, by name. More can be added by the step `addCluster`.
    pub clusters: BTreeMap<String, ClusterSpec>,
    /// The Git repositories, by name.
    #[serde(default)]
    pub git: BTreeMap<String, GitSpec>,
    /// Who there is on the forge, beside its own user `seatrial`, who owns every organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<ForgeSpec>,
    /// Images: repository to tags, or to images with a tag, or to `images` and the `tokens` that guard them. An image of a repository
    /// that is listed here exists only if its tag does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub registry: BTreeMap<String, RepositorySpec>,
    /// Decides everything that is left to chance, also the order of what happens at the same time. Default: 0; the
    /// command line can override it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What happens, in order.
    #[schemars(length(min = 1))]
    pub steps: Vec<Step>,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClusterSpec {
    /// The Flux release that `bootstrap` installs: `"2.2.3"` or `"2.9"` (in quotes: it is text). Default: `"2.9"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["2.2.3", "2.9"]))]
    pub flux: Option<String>,
    /// The Kubernetes version that the cluster reports, such as `v1.28.3`; it changes nothing else. Default: the version
    /// that is simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^v?[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub kubernetes: Option<String>,
    /// What becomes of images whose repository is not listed in `registry`. Default: `pull`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_images: Option<UnknownImages>,
    /// What becomes of pods and custom resources; the first profile that matches wins. Default: all become ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<Profile>,
}

/// What becomes of images whose repository the scenario does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnknownImages {
    /// They can be pulled.
    #[default]
    Pull,
    /// They cannot: ImagePullBackOff.
    Missing,
}

/// A Git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GitSpec {
    /// Where its content comes from: a folder (its files become the first commit), or an existing repository (with its
    /// history). Relative to the scenario file. Default: the repository is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The branch that the run works on. Default: `main`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The URLs under which the manifests address the repository; https and ssh forms of one address are the same.
    /// Default: `https://git.seatrial.test/<name>`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Whom it lets in: `open` takes everybody, `checked` looks at credentials as GitHub does. Default: `open`, and
    /// `checked` where it is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<GitAccessSpec>,
    /// Whether only those may read it who have a right to. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// Whether other repositories can be made from it. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,
}

impl GitSpec {
    /// The branch, with its default.
    pub fn branch(&self) -> &str {
        self.branch.as_deref().unwrap_or("main")
    }

    /// The URLs, with their default; `name` is the repository's.
    pub fn urls(&self, name: &str) -> Vec<String> {
        match self.urls.as_slice() {
            [] => vec![format!("https://git.seatrial.test/{name}")],
            urls => urls.to_vec(),
        }
    }
}
