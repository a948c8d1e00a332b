//! Steps: what people do to a fleet from outside.

use super::{
    AddCluster, Apply, Bootstrap, Branch, Commit, CreateRepository, Delete, DeleteTag, DeployKeyStep, Expect,
    ExpectCommit, ExpectDeployKey, ExpectIsolated, Merge, PatchObject, Push, Reconcile, Revert, Seal,
    SealingKeysStep, ServicesStep, SetProfile, SetRegistry, Span, Toggle, VerbStep,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Pushes an image, or an artifact of files, to the registry.
    push Push(Push) "push",
    /// Takes a tag out of the registry.
    delete_tag DeleteTag(DeleteTag) "deleteTag",
    /// Changes how a repository of the registry answers.
    set_registry SetRegistry(SetRegistry) "setRegistry",
    /// Checks the commit at the tip of a branch.
    expect_commit ExpectCommit(ExpectCommit) "expectCommit",
    /// Checks that no image automation reaches another cluster's files.
    expect_isolated ExpectIsolated(ExpectIsolated) "expectIsolated",
    /// Runs one of flux's verbs, and compares what it prints.
    verb Verb(VerbStep) "seatrial",
    /// Adds the services of a project to the list of an environment, in a commit.
    services Services(ServicesStep) "services",
    /// Asks for a reconcile, as `flux reconcile` does, without waiting for its end.
    reconcile Reconcile(Reconcile) "reconcile",
    /// Creates a repository on the forge.
    create_repository CreateRepository(CreateRepository) "createRepository",
    /// Adds a deploy key to a repository, or removes it.
    deploy_key DeployKey(DeployKeyStep) "deployKey",
    /// Checks that a repository has a deploy key.
    expect_deploy_key ExpectDeployKey(ExpectDeployKey) "expectDeployKey",
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
    /// Seals values with the certificate of a cluster's sealed-secrets controller, and commits the SealedSecret.
    seal Seal(Seal) "seal",
    /// Renews, backs up, loses or restores the keys of a cluster's sealed-secrets controller.
    sealing_keys SealingKeysStep(SealingKeysStep) "sealingKeys",
    /// Checks the state of clusters.
    expect Expect(Box<Expect>) "expect",
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
