//! A preview as JSON.

use super::{Preview, PreviewError};

/// The whole preview, indented, with a line end.
///
/// # Errors
/// [`PreviewError::Json`].
pub fn json(preview: &Preview) -> Result<String, PreviewError> {
    Ok(serde_json::to_string_pretty(preview)? + "\n")
}
