//! Steps that are commands: verbs, and the services tool.

use schemars::JsonSchema;
use seatrial_verbs::{without_secrets, words};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Runs one of flux's verbs on a cluster, as `seatrial VERB …` does, and compares what it prints.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerbStep {
    /// The cluster. Default: that of `--context` in `args`, else the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The arguments, as in a shell: words, with single and double quotes.
    pub args: String,
    /// What must be printed, results and lines in their order. `*` stands for any text within a line, a line `...` for any lines.
    /// Default: nothing is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// Whether the verb must fail. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fails: bool,
}

impl fmt::Debug for VerbStep {
    /// Hides secrets among the arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args = words(&self.args).map(|words| without_secrets(&words));
        let mut shown = f.debug_struct("VerbStep");
        shown.field("cluster", &self.cluster).field("args", &args.unwrap_or_default());
        shown.field("expect", &self.expect).field("fails", &self.fails).finish()
    }
}

/// Adds every service of a project that has an overlay to the list of an environment, in a commit, as `seatrial services sync` does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicesStep {
    /// The repository. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// The branch. Default: the repository's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The environment.
    pub env: String,
    /// The project. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The services that must be added, as `<project>/<service>`, sorted. Default: nothing is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Vec<String>>,
    /// A name for the commit, by which `revert` finds it.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}
