//! Steps about sealed secrets.

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seals values with the certificate of a cluster's sealed-secrets controller, as `kubeseal` does, and commits the SealedSecret.
/// What is sealed anew is another text each time, so that reports show such commits without their ids.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seal {
    /// The cluster whose controller is to open it. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The file that is written, in the repository.
    pub to: String,
    /// Name of the SealedSecret, and of its Secret.
    pub name: String,
    /// Its namespace. Default: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Under which names it opens. Default: `strict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<SealScope>,
    /// Type of the Secret. Default: none, which is `Opaque`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The values: key to text. No report shows them.
    #[schemars(extend("writeOnly" = true))]
    pub values: BTreeMap<String, String>,
    /// Labels of the Secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The commit's message. Default: the step's name, else one that names the SealedSecret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A name for the commit, by which `revert` finds it.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How long the controller may take to have a key. Default: 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Without the values.
impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal({} into {}, <redacted>)", self.name, self.to)
    }
}

/// Under which names a sealed value opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SealScope {
    /// Under its name in its namespace.
    Strict,
    /// Under every name in its namespace.
    NamespaceWide,
    /// Everywhere.
    ClusterWide,
}

impl SealScope {
    /// The scope itself.
    pub fn scope(self) -> seatrial_seal::Scope {
        match self {
            SealScope::Strict => seatrial_seal::Scope::Strict,
            SealScope::NamespaceWide => seatrial_seal::Scope::NamespaceWide,
            SealScope::ClusterWide => seatrial_seal::Scope::ClusterWide,
        }
    }
}

/// What is done to the keys of a cluster's sealed-secrets controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealingKeysStep {
    /// The cluster. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What is done.
    pub action: KeyAction,
    /// The name of the backup, with `backup` and `restore`. Default: `backup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// How long it may take, where it takes a restart of the controller. Default: 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Without the value.
impl std::fmt::Debug for ValueExpected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueExpected(<redacted>)")
    }
}

/// What is done to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAction {
    /// Has the controller make a new key now, by its flag `--key-cutoff-time` and a restart.
    Rotate,
    /// Keeps a copy of all key Secrets in the controller's namespace, in the memory of the run.
    Backup,
    /// Deletes all key Secrets in the controller's namespace and the pods of the controller: the next pod begins without a key of the
    /// past. On clusters that are not simulated this is refused unless backups of the run have them all.
    Lose,
    /// Applies the Secrets of a backup and deletes the pods of the controller, which reads its keys when it starts.
    Restore,
}

/// A Secret and what is in it: values are compared and never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretExpected {
    /// Its name.
    pub name: String,
    /// Its namespace. Default: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Its keys, and what their values are: exactly these, unless `otherKeys` allows more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("writeOnly" = true))]
    pub keys: BTreeMap<String, ValueExpected>,
    /// Whether it may have other keys. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_keys: bool,
}

/// What a value is; all that is given must hold.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ValueExpected {
    /// The SHA-256 of its bytes, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// The value itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// A part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How many bytes it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}
