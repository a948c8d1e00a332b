//! What is wrong with an object, in the words of the real server.

use std::fmt;

use serde_json::Value;

/// One violation: a cause of the 422 response. `Display` is its part of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The cause's reason (`FieldValueInvalid`, `FieldValueRequired`, …).
    pub reason: &'static str,
    /// The path of the field (`spec.list[0].name`); `<nil>` where the real server gives none.
    pub field: String,
    /// The cause's message.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

pub(super) const INVALID: &str = "FieldValueInvalid";
pub(super) const REQUIRED: &str = "FieldValueRequired";
const TYPE: &str = "FieldValueTypeInvalid";
const TOO_LONG: &str = "FieldValueTooLong";
const TOO_MANY: &str = "FieldValueTooMany";
const NOT_SUPPORTED: &str = "FieldValueNotSupported";
pub(super) const NOWHERE: &str = "<nil>";

impl Violation {
    fn new(reason: &'static str, field: impl fmt::Display, message: impl Into<String>) -> Violation {
        // The object as a whole has no path.
        let field = Some(field.to_string()).filter(|field| !field.is_empty());
        let field = field.unwrap_or_else(|| NOWHERE.to_owned());
        Violation { reason, field, message: message.into() }
    }

    pub(super) fn required(field: impl fmt::Display) -> Violation {
        Violation::new(REQUIRED, field, "Required value")
    }

    /// A value of another type than the schema's (`integer,string` for either).
    pub(super) fn wrong_type(field: impl fmt::Display, expected: &str, value: &Value) -> Violation {
        let found = type_name(value);
        let message =
            format!("Invalid value: {found:?}: {} must be of type {expected}: {found:?}", in_body(&field));
        Violation::new(TYPE, field, message)
    }

    pub(super) fn wrong_format(field: impl fmt::Display, format: &str, value: &Value) -> Violation {
        let message =
            format!("Invalid value: {value}: {} must be of type {format}: {value}", in_body(&field));
        Violation::new(TYPE, field, message)
    }

    /// `PATH in body should …`
    pub(super) fn should(field: impl fmt::Display, value: &Value, what: &str) -> Violation {
        let message = format!("Invalid value: {value}: {} should {what}", in_body(&field));
        Violation::new(INVALID, field, message)
    }

    pub(super) fn too_long(field: impl fmt::Display, max: u64) -> Violation {
        Violation::new(TOO_LONG, field, format!("Too long: may not be more than {max} bytes"))
    }

    pub(super) fn too_many(field: impl fmt::Display, count: usize, max: u64) -> Violation {
        Violation::new(TOO_MANY, field, format!("Too many: {count}: must have at most {max} items"))
    }

    pub(super) fn unsupported(field: impl fmt::Display, value: &Value, supported: &[Value]) -> Violation {
        let supported: Vec<String> = supported
            .iter()
            .map(|v| match v {
                Value::String(s) => format!("{s:?}"),
                other => format!("\"{other}\""),
            })
            .collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Violation::new(NOT_SUPPORTED, field, message)
    }

    pub(super) fn duplicate(field: impl fmt::Display, value: &Value) -> Violation {
        Violation::new("FieldValueDuplicate", field, format!("Duplicate value: {value}"))
    }

    pub(super) fn invalid(field: impl fmt::Display, value: &Value, message: &str) -> Violation {
        Violation::new(INVALID, field, format!("Invalid value: {value}: {message}"))
    }

    /// A violation that the real server reports without a field.
    pub(super) fn nowhere(message: &str) -> Violation {
        Violation::new(INVALID, NOWHERE, format!("Invalid value: \"\": {message}"))
    }

    /// A rule that does not hold.
    pub(super) fn rule(
        reason: &'static str,
        field: impl fmt::Display,
        value: &Value,
        message: &str,
    ) -> Violation {
        let message = match (reason, value) {
            ("FieldValueForbidden", _) => format!("Forbidden: {message}"),
            (REQUIRED, _) => format!("Required value: {message}"),
            ("FieldValueDuplicate", Value::Object(_) | Value::Array(_)) => "Duplicate value".to_owned(),
            ("FieldValueDuplicate", value) => format!("Duplicate value: {value}"),
            (_, Value::Object(_) | Value::Array(_)) => format!("Invalid value: {message}"),
            (_, value) => format!("Invalid value: {value}: {message}"),
        };
        Violation::new(reason, field, message)
    }

    /// A rule that could not be evaluated for this value.
    pub(super) fn rule_failed(field: impl fmt::Display, value: &Value, message: &str) -> Violation {
        Violation::new(INVALID, field, format!("Invalid value: {:?}: {message}", type_name(value)))
    }

    pub(super) fn rules_unchecked() -> Violation {
        Violation::new(
            INVALID,
            NOWHERE,
            "Invalid value: null: some validation rules were not checked because the object was invalid; correct the \
             existing errors to complete validation",
        )
    }

    /// Whether the structure is too wrong for rules.
    pub(super) fn blocks_rules(&self) -> bool {
        [TYPE, REQUIRED, TOO_LONG, TOO_MANY, NOT_SUPPORTED].contains(&self.reason)
    }
}

fn in_body(field: &impl fmt::Display) -> String {
    format!("{field} in body")
}

/// The JSON type of a value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if is_whole(n) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn is_whole(n: &serde_json::Number) -> bool {
    n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|f| f.fract() == 0.0)
}

/// Why a schema was refused: a cause of the 422 response to the definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct CompileError {
    /// The cause's reason.
    pub reason: &'static str,
    /// Where (`spec.validation.openAPIV3Schema.properties[spec].type`).
    pub field: String,
    /// What is wrong, or what is not supported.
    pub message: String,
}
