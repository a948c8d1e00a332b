//! Patches of repository files, as `commit: {patch: …}` takes them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of a file of patches: a list.
pub type PatchFile = Vec<FilePatch>;

/// Changes one file of a repository. `replace` and `append` work on the text and keep every other byte; `merge` and
/// `json` work on the YAML and write the document anew, without its comments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["replace"]}, {"required": ["append"]}, {"required": ["merge"]}, {"required": ["json"]}
]))]
pub struct FilePatch {
    /// The file in the repository.
    pub path: String,
    /// Texts to replace; each must occur exactly once, or as often as its `times` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<Replacement>,
    /// Text to add at the end of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// A JSON merge patch (`null` removes a field, lists are replaced).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_object")]
    pub merge: Option<Value>,
    /// JSON patch operations (RFC 6902).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::optional_json_patch")]
    pub json: Option<Vec<Value>>,
    /// Which document of the file `merge` and `json` change: the one that has these fields. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::any_object")]
    pub document: Option<Value>,
}

/// One text in place of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replacement {
    /// The text to look for.
    #[schemars(length(min = 1))]
    pub find: String,
    /// The text that takes its place.
    pub with: String,
    /// How often it must occur. Default: 1.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: usize,
}

fn once() -> usize {
    1
}

fn is_once(times: &usize) -> bool {
    *times == 1
}
