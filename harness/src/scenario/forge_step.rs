//! The forge of a scenario: who there is, and steps that change or check what belongs to whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whom a repository lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitAccessSpec {
    /// Everybody; but a deploy key that is read-only does not push.
    Open,
    /// Those who may: public repositories can be read by everybody.
    Checked,
}

/// Users and organizations. Owners of repositories (in `urls`) that are named nowhere else are organizations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForgeSpec {
    /// Users, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, ForgeUserSpec>,
    /// Organizations, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub organizations: BTreeMap<String, OrganizationSpec>,
}

/// A user of the forge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForgeUserSpec {
    /// A personal access token, as manifests of the scenario have it. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("writeOnly" = true))]
    pub token: Option<String>,
    /// What the token is good for. Default: everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OrganizationSpec {
    /// Users who belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Users who own it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Teams, by name, with their members.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, Vec<String>>,
}

/// Creates a repository on the forge, as `seatrial forge create` does; later steps call it by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRepository {
    /// The user or organization that it is to belong to.
    pub organization: String,
    /// Its name.
    pub name: String,
    /// The template, `owner/name`. Default: the repository begins empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Whether it is private. Default: false.
    #[serde(default)]
    pub private: bool,
    /// Text in the refusal that is expected. Default: it must be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Adds a deploy key to a repository, or removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeployKeyStep {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The key's name on the forge.
    pub title: String,
    /// Whether the key may push. Default: false.
    #[serde(default)]
    pub read_write: bool,
    /// Removes the key of that name, in place of adding one.
    #[serde(default)]
    pub remove: bool,
    /// The Secret that gets the new key, `namespace/name`, as Flux wants it: `identity`, `identity.pub`, `known_hosts`. Default:
    /// nobody has the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The cluster of the Secret. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// Checks that a repository has a deploy key, at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectDeployKey {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The key's name on the forge.
    pub title: String,
    /// Whether it must be read-only; it must not be where this is false. Default: either will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// There must be no such key.
    #[serde(default)]
    pub absent: bool,
}
