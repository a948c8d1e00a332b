//! Steps: what people do to a fleet from outside.

use super::profile::Profile;
use super::{ClusterSpec, Expect, FilePatch, ObjectRef, Span, UnknownImages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One step: an action, and a name for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Step {
    /// What the step is for; shown in reports in place of a description of the action.
    pub name: Option<String>,
    /// What is done.
    pub action: Action,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $field:ident $variant:ident($type:ty) $verb:literal,)+) => {
        /// What a step does.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Action {
            $($(#[doc = $doc])+ $variant($type),)+
        }

        impl Action {
            /// The word by which scenario files call the action.
            pub fn verb(&self) -> &'static str {
                match self {
                    $(Action::$variant(_) => $verb,)+
                }
            }
        }

        /// One step: an action, and optionally a name.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        #[schemars(rename = "Step", extend("oneOf" = [$({"required": [$verb]},)+]))]
        pub(super) struct Fields {
            /// What the step is for; shown in reports in place of a description of the action.
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<String>,
            $($(#[doc = $doc])+
            #[serde(skip_serializing_if = "Option::is_none", rename = $verb)]
            $field: Option<$type>,)+
        }

        impl TryFrom<Fields> for Step {
            type Error = String;

            fn try_from(fields: Fields) -> Result<Step, String> {
                let mut actions: Vec<Action> = Vec::new();
                $(actions.extend(fields.$field.map(Action::$variant));)+
                match (actions.pop(), actions.is_empty()) {
                    (Some(action), true) => Ok(Step { name: fields.name, action }),
                    _ => Err("a step has exactly one action".to_owned()),
                }
            }
        }

        impl From<Step> for Fields {
            fn from(step: Step) -> Fields {
                let mut fields = Fields { name: step.name, ..Fields::default() };
                match step.action {
                    $(Action::$variant(action) => fields.$field = Some(action),)+
                }
                fields
            }
        }
    };
}

actions! {
    /// Starts one more cluster.
    add_cluster AddCluster(AddCluster) "addCluster",
    /// Installs Flux on a cluster and has it follow a folder of a repository, as `flux bootstrap` does.
    bootstrap Bootstrap(Bootstrap) "bootstrap",
    /// Commits to a repository.
    commit Commit(Commit) "commit",
    /// Creates a branch.
    branch Branch(Branch) "branch",
    /// Merges a branch into another.
    merge Merge(Merge) "merge",
    /// Takes a commit back by a new commit.
    revert Revert(Revert) "revert",
    /// Adds a service to `config/<env>/kustomization.yaml`, in a commit.
    enable Enable(Toggle) "enable",
    /// Removes a service from `config/<env>/kustomization.yaml`, in a commit.
    disable Disable(Toggle) "disable",
    /// Pushes an image to the registry.
    push Push(Push) "push",
    /// Asks for a reconcile, as `flux reconcile` does, without waiting for its end.
    reconcile Reconcile(Reconcile) "reconcile",
    /// Lets time pass: `advance: 10m`.
    advance Advance(Span) "advance",
    /// Applies objects to a cluster, past Git.
    apply Apply(Apply) "apply",
    /// Deletes an object of a cluster, past Git.
    delete Delete(Delete) "delete",
    /// Changes an object of a cluster, past Git.
    patch Patch(PatchObject) "patch",
    /// Changes what becomes of pods and custom resources from now on.
    set_profile SetProfile(SetProfile) "setProfile",
    /// Checks the state of clusters.
    expect Expect(Expect) "expect",
}

impl JsonSchema for Step {
    fn inline_schema() -> bool {
        <Fields as JsonSchema>::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        <Fields as JsonSchema>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <Fields as JsonSchema>::json_schema(generator)
    }
}

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
    /// Controllers beside the usual four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components_extra: Vec<ExtraController>,
}

/// A controller that `bootstrap` installs only when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExtraController {
    /// Scans image repositories and selects tags.
    ImageReflectorController,
    /// Writes image tags into repositories.
    ImageAutomationController,
}

impl ExtraController {
    /// The controller's name.
    pub fn name(self) -> &'static str {
        match self {
            ExtraController::ImageReflectorController => "image-reflector-controller",
            ExtraController::ImageAutomationController => "image-automation-controller",
        }
    }
}

/// Commits to a repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Commit {
    /// The repository. Default: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit's message. Default: the step's name, else the files that change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who commits. Default: `Seatrial <seatrial@localhost>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<AuthorSpec>,
    /// Files to write: path in the repository to text, or to a file beside the scenario.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub write: BTreeMap<String, Content>,
    /// Changes to files that are there: a list of patches, or the path of a file with such a list. They are applied
    /// before `write` and `remove`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchSource>,
    /// Files and folders to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// A name for the commit, by which `revert` finds it.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// The author of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorSpec {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// The new content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Content {
    /// The text itself.
    Text(String),
    /// The content of a file.
    File(ContentFile),
}

/// A file beside the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentFile {
    /// Its path, relative to the scenario file.
    pub from: String,
}

/// Where patches come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PatchSource {
    /// A file with a list of patches; its path is relative to the scenario file.
    File(String),
    /// The patches themselves.
    Inline(Vec<FilePatch>),
}

/// Creates a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Branch {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The new branch.
    pub name: String,
    /// A branch, tag or commit. Default: the repository's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Merges a branch into another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Merge {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// What is merged: a branch, tag or commit.
    pub from: String,
    /// The branch that takes it. Default: the repository's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// How. Default: `auto`.
    #[serde(default)]
    pub how: MergeHow,
    /// The message of a merge commit. Default: Git's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A name for the result, by which `revert` finds it.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// How branches are merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MergeHow {
    /// By moving the branch where that is enough, else by a merge commit.
    #[default]
    Auto,
    /// Always by a merge commit, as a forge's button does.
    Commit,
    /// Only by moving the branch.
    FastForwardOnly,
}

/// Takes a commit back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Revert {
    /// The repository. Default: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// `last`, or the name that a step gave to its commit with `as`. Default: `last`, the tip of the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The commit's message. Default: Git's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A name for the new commit.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// Adds a service to an environment's list, or removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toggle {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The environment: the folder of `config/` whose list changes.
    pub env: String,
    /// The service: `applications/<project>/<service>`.
    pub service: String,
    /// A name for the commit, by which `revert` finds it.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// Pushes an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Push {
    /// The image with its tag: `btoll/debug:1.0.1`.
    pub image: String,
}

/// Asks for a reconcile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("oneOf" = [{"required": ["kustomization"]}, {"required": ["source"]}]))]
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
    /// Where it is. Default: `flux-system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Asks the Kustomization's source first, and waits until it has answered. Default: false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub with_source: bool,
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
    #[schemars(schema_with = "super::fragment::any_object")]
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
    #[schemars(schema_with = "super::fragment::any_object")]
    pub merge: Option<Value>,
    /// A strategic merge patch: lists are merged by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_object")]
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
