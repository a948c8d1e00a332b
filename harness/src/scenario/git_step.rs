//! Steps that change repositories and the registry.

use super::FilePatch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Takes a tag out of the registry; the image stays, as in any registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteTag {
    /// The image with its tag: `btoll/debug:1.0.1`.
    pub image: String,
}

/// Checks the commit at the tip of a branch. What is not given is not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectCommit {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How long it may take until the tip is such a commit. Default: it has to be one at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<super::Span>,
    /// The author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<AuthorSpec>,
    /// The whole message; line ends at its end do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The files that it changes: these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
    /// What it changes, by file: the lines that go and those that come, all of them and in their order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub diff: BTreeMap<String, LineDiff>,
}

/// What changes in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LineDiff {
    /// Lines that go, without their line ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Lines that come, without their line ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
}

/// Pushes an image, or an artifact of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Push {
    /// The image with its tag: `btoll/debug:1.0.1`.
    pub image: String,
    /// A folder whose files become an artifact, as `flux push artifact` makes it; relative to the scenario file. Default:
    /// the image is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Labels of the generated image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When the generated image was built: `2024-05-01T12:00:00Z`. Default: it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The digest by which the generated image is known, whatever its content: `sha256:…`. Default: that of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
