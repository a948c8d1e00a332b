//! What can go wrong, in the words of the real server.

use super::{Entry, FieldSet, Operation};

/// `fieldsV1` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// A key that is no path element.
    #[error("read the path element {0:?}")]
    PathElement(String),
    /// A value that is no object.
    #[error("read fieldsV1: a value is no object")]
    NoObject,
}

/// Why a configuration was not applied. `Display` is the message of the response.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Other managers own fields with other values: 409 `Conflict`, with a cause per path.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// The configuration carries managed fields: 400 `BadRequest`.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsSent,
    /// The configuration does not fit the type: 500 without a reason. Each text is `PATH: MESSAGE`.
    #[error("failed to create typed patch object ({object}; {api_version}, Kind={kind}): {}", list_errors(.errors))]
    Untyped {
        /// `namespace/name` of the configuration; the namespace is empty where the configuration has none.
        object: String,
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
        /// `PATH: MESSAGE`, one per place.
        errors: Vec<String>,
    },
}

/// The fields in conflict with one manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The manager and how it wrote.
    pub with: Entry,
    /// The fields that both want.
    pub fields: FieldSet,
}

impl Conflict {
    /// The manager as messages show it: `"kubectl" with subresource "status" using apps/v1`.
    pub fn manager(&self) -> String {
        let mut out = format!("{:?}", self.with.manager);
        if !self.with.subresource.is_empty() {
            out.push_str(&format!(" with subresource {:?}", self.with.subresource));
        }
        if self.with.operation == Operation::Update {
            out.push_str(&format!(" using {}", self.with.api_version));
        }
        out
    }

    /// The causes of the response's `details`: message and field, each with the reason `FieldManagerConflict`.
    pub fn causes(&self) -> impl Iterator<Item = (String, String)> {
        let message = format!("conflict with {}", self.manager());
        self.fields.paths().into_iter().map(move |path| (message.clone(), path))
    }
}

fn conflict_message(conflicts: &[Conflict]) -> String {
    let count: usize = conflicts.iter().map(|c| c.fields.paths().len()).sum();
    if let ([conflict], 1) = (conflicts, count) {
        let path = conflict.fields.paths().concat();
        return format!("Apply failed with 1 conflict: conflict with {}: {path}", conflict.manager());
    }
    let mut out = format!("Apply failed with {count} conflicts: ");
    for (index, conflict) in conflicts.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&format!("conflicts with {}:", conflict.manager()));
        for path in conflict.fields.paths() {
            out.push_str(&format!("\n- {path}"));
        }
    }
    out
}

fn list_errors(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        all => format!("errors:\n  {}", all.join("\n  ")),
    }
}
