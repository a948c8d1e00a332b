//! Profiles of workloads.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the objects that a selector matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Which.
    #[serde(default)]
    pub selector: serde_json::Value,
    /// What becomes of them.
    pub outcome: serde_json::Value,
}
impl Profile {
    pub(crate) fn validate(&self) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}
