//! Faults of metadata.
use crate::kind::Kind;
use crate::status::FieldError;
use serde_json::Value;
pub(super) fn check(_: &Kind, _: &Value) -> Vec<FieldError> {
    Vec::new()
}
pub(super) fn check_update(_: &Value, _: &Value) -> Vec<FieldError> {
    Vec::new()
}
