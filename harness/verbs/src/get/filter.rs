//! Which objects are shown.

use crate::VerbError;
use crate::wait::condition;
use serde_json::Value;

/// What `--status-selector` says.
pub(super) struct Filter(Option<Selector>);

struct Selector {
    condition: String,
    status: String,
    equal: bool,
}

impl Filter {
    /// Reads `TYPE=STATUS` or `TYPE!=STATUS`; nothing takes everything.
    pub(super) fn parse(text: Option<&str>) -> Result<Filter, VerbError> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Filter(None)) };
        let (equal, parts) = match text.split_once("!=") {
            Some(parts) => (false, Some(parts)),
            None => (true, text.split_once('=')),
        };
        let (condition, status) = parts.ok_or_else(|| {
            let form = "expected status selector in type=status or type!=status format";
            VerbError::usage(format!("{form}, but found: {text}"))
        })?;
        Ok(Filter(Some(Selector { condition: condition.to_owned(), status: status.to_owned(), equal })))
    }

    /// Whether an object is shown.
    pub(super) fn takes(&self, object: &Value) -> bool {
        let Some(selector) = &self.0 else { return true };
        let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
        let mut of_type = conditions.filter(|known| {
            known["type"].as_str().is_some_and(|type_| type_.eq_ignore_ascii_case(&selector.condition))
        });
        let has = of_type.any(|known| {
            known["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case(&selector.status))
        });
        has == selector.equal
    }
}

/// The status and message of the condition `Ready`.
pub(super) fn ready(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match condition(object, "Ready") {
        Some(ready) => (text(&ready["status"]), text(&ready["message"])),
        None => ("False".to_owned(), "waiting to be reconciled".to_owned()),
    }
}

/// The query of a list with this label selector.
pub(super) fn query(labels: Option<&str>) -> String {
    labels.map(|labels| format!("?labelSelector={}", escaped(labels))).unwrap_or_default()
}

/// Escaped for a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
