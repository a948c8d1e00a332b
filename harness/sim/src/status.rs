//! Refusals as Kubernetes puts them: `Status` objects with reason, details, causes and code.

use serde_json::{Map, Value, json};

use crate::kind::Kind;

/// Why a request was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// `details`, with `retryAfterSeconds` where there is one.
    pub(crate) details: Map<String, Value>,
    /// Whether `details` is there although it is empty.
    pub(crate) empty_details: bool,
}

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Required,
    Invalid,
    TypeInvalid,
    NotSupported,
    Forbidden,
    Duplicate,
    TooLong,
    TooMany,
    NotFound,
}

/// A field that was found wrong.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    pub(crate) fault: Fault,
    /// `spec.template.spec.containers[0].name`.
    pub(crate) field: String,
    /// `Invalid value: "x": must be ...`: the message without the field.
    pub(crate) body: String,
}

/// A value as the real server prints it in an error: text in quotes, the rest as JSON.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => crate::internal::escaped(&value.to_string()),
        other => other.to_string(),
    }
}

impl FieldError {
    fn of(fault: Fault, field: impl Into<String>, body: String) -> FieldError {
        FieldError { fault, field: field.into(), body }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> FieldError {
        let body =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        FieldError::of(Fault::Required, field, body)
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> FieldError {
        let body = if detail.is_empty() {
            format!("Invalid value: {}", show(value))
        } else {
            format!("Invalid value: {}: {detail}", show(value))
        };
        FieldError::of(Fault::Invalid, field, body)
    }

    /// As [`FieldError::invalid`], with the value as the message is to show it.
    pub(crate) fn invalid_shown(field: impl Into<String>, shown: &str, detail: &str) -> FieldError {
        FieldError::of(Fault::Invalid, field, format!("Invalid value: {shown}: {detail}"))
    }

    /// As [`FieldError::invalid`], of a value that messages do not show.
    pub(crate) fn invalid_unshown(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError::of(Fault::Invalid, field, format!("Invalid value: {detail}"))
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> FieldError {
        let mut all: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        all.sort();
        let body = format!("Unsupported value: {}: supported values: {}", show(value), all.join(", "));
        FieldError::of(Fault::NotSupported, field, body)
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> FieldError {
        FieldError::of(Fault::Forbidden, field, format!("Forbidden: {detail}"))
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError::of(Fault::Duplicate, field, format!("Duplicate value: {}", show(value)))
    }

    pub(crate) fn too_long(field: impl Into<String>, max: usize) -> FieldError {
        let bytes = if max == 1 { "byte" } else { "bytes" };
        FieldError::of(Fault::TooLong, field, format!("Too long: may not be more than {max} {bytes}"))
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &Value) -> FieldError {
        FieldError::of(Fault::NotFound, field, format!("Not found: {}", show(value)))
    }

    fn reason(&self) -> &'static str {
        match self.fault {
            Fault::Required => "FieldValueRequired",
            Fault::Invalid => "FieldValueInvalid",
            Fault::TypeInvalid => "FieldValueTypeInvalid",
            Fault::NotSupported => "FieldValueNotSupported",
            Fault::Forbidden => "FieldValueForbidden",
            Fault::Duplicate => "FieldValueDuplicate",
            Fault::TooLong => "FieldValueTooLong",
            Fault::TooMany => "FieldValueTooMany",
            Fault::NotFound => "FieldValueNotFound",
        }
    }

    fn message(&self) -> String {
        format!("{}: {}", self.field, self.body)
    }
}

/// `deployments.apps`, as messages name a resource.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            reason,
            message: message.into(),
            details: Map::new(),
            empty_details: matches!(code, 404 | 405) || (code, reason) == (422, "Invalid"),
        }
    }

    pub(crate) fn about(mut self, name: &str, group: &str, kind: &str) -> Refusal {
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                self.details.insert(key.to_owned(), value.into());
            }
        }
        self
    }

    fn on(self, kind: &Kind, name: &str) -> Refusal {
        self.about(name, &kind.group, &kind.plural)
    }

    pub(crate) fn with_causes(mut self, causes: Vec<Value>) -> Refusal {
        self.details.insert("causes".to_owned(), causes.into());
        self
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Refusal {
        let resource = qualified(&kind.plural, &kind.group);
        Refusal::new(404, "NotFound", format!("{resource} {name:?} not found")).on(kind, name)
    }

    /// Nothing is served under the path.
    pub(crate) fn no_such_path() -> Refusal {
        Refusal::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn namespace_not_found(name: &str) -> Refusal {
        Refusal::new(404, "NotFound", format!("namespaces {name:?} not found")).about(name, "", "namespaces")
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Refusal {
        let resource = qualified(&kind.plural, &kind.group);
        Refusal::new(409, "AlreadyExists", format!("{resource} {name:?} already exists")).on(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Refusal {
        let resource = qualified(&kind.plural, &kind.group);
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Refusal::new(409, "Conflict", message).on(kind, name)
    }

    /// A write that was based on another resource version than the stored one.
    pub(crate) fn stale(kind: &Kind, name: &str) -> Refusal {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Refusal::conflict(kind, name, why)
    }

    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Refusal {
        let resource = qualified(&kind.plural, &kind.group);
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        Refusal::new(403, "Forbidden", message).on(kind, name)
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, errors: Vec<FieldError>) -> Refusal {
        let mut messages: Vec<String> = Vec::new();
        for error in &errors {
            let message = error.message();
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
        let all = match messages.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        // Events of both groups are validated as those of the first.
        let group = if kind.is("events.k8s.io", "Event") { "" } else { &*kind.group };
        let message = format!("{} {name:?} is invalid: {all}", qualified(&kind.kind, group));
        let causes = errors
            .iter()
            .map(|e| json!({"reason": e.reason(), "message": e.body, "field": e.field}))
            .collect();
        Refusal::new(422, "Invalid", message).about(name, group, &kind.kind).with_causes(causes)
    }

    /// A fault in the options of a request (`kind`: `CreateOptions`, `DeleteOptions`, …).
    pub(crate) fn options(kind: &str, field: &str, reason: &str, body: String) -> Refusal {
        let message = format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {body}");
        Refusal::new(422, "Invalid", message)
            .about("", "meta.k8s.io", kind)
            .with_causes(vec![json!({"reason": reason, "message": body, "field": field})])
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "BadRequest", message)
    }

    pub(crate) fn method_not_allowed() -> Refusal {
        Refusal::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    pub(crate) fn expired(message: impl Into<String>) -> Refusal {
        Refusal::new(410, "Expired", message)
    }

    /// Something that the real server does and this one does not.
    pub(crate) fn unsupported(what: &str) -> Refusal {
        Refusal::new(501, "NotImplemented", format!("the simulated API server does not support {what}"))
    }

    /// The `Status` object.
    pub(crate) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        });
        if let Value::Object(map) = &mut status {
            if self.reason.is_empty() {
                map.remove("reason");
            }
            if !self.details.is_empty() || self.empty_details {
                map.insert("details".to_owned(), Value::Object(self.details.clone()));
            }
            map.insert("code".to_owned(), self.code.into());
        }
        status
    }
}

/// The `Status` object that says that something was done.
pub(crate) fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = Map::new();
    for (key, value) in [("name", name), ("group", &kind.group), ("kind", &kind.plural), ("uid", uid)] {
        if !value.is_empty() {
            details.insert(key.to_owned(), value.into());
        }
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
