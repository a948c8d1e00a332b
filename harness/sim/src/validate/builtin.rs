//! x
use crate::kind::Kind;
use crate::status::FieldError;
use serde_json::Value;
pub(super) fn check(_: &Kind, _: &Value) -> Vec<FieldError> {
    Vec::new()
}
