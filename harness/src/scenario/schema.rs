//! The JSON Schema of scenario files.

use super::{PatchFile, Scenario};
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON Schema of a scenario, for editors; files are checked against the same.
pub fn schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Scenario>().to_value()
}

/// The JSON Schema of a file of patches.
pub(super) fn patch_schema() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<PatchFile>().to_value()
}
