//! The text format of the embedded tables. One fact a line, so that a new release gives a readable diff.
//!
//! ```text
//! seatrial-schema 1 v1.36.3
//! group apps v1
//! resource apps v1 Deployment deployments deployment namespaced create,get,list deploy all
//! sub scale autoscaling v1 Scale get,patch,update
//! type io.k8s.api.apps.v1.Deployment .
//! kind apps v1 Deployment
//!  spec @io.k8s.api.apps.v1.DeploymentSpec
//! type io.k8s.api.core.v1.Container .
//!  name! s
//!  ports [@io.k8s.api.core.v1.ContainerPort] list=map:containerPort,protocol patch=merge key=containerPort
//!  imagePullPolicy s<Always,IfNotPresent,Never>
//! ```
//! - `-` stands for an empty word. `group` lists versions, the preferred one first. `sub` belongs to the resource above it,
//!   `kind` and the indented fields to the type above them; `!` marks a required field.
//! - Types: `s` string, `i` integer, `n` number, `b` boolean, `?` integer or string, `q` quantity, `*` anything, `o` an object
//!   without declared fields, `.` an object whose fields follow, `[T]` list, `{T}` map, `@NAME` a named type. A scalar may have
//!   a format (`i/int32`) and the values that it allows (`s<A,B>`, a space written as `%20`).
//! - Within brackets attributes stand in parentheses, separated by `;`: `{[s](list=atomic)}`.
//! - Attributes: `list=atomic|set|map:KEYS`, `map=atomic|granular`, `patch=STRATEGIES`, `key=MERGEKEY`, `nullable`, `open`
//!   (unknown fields are kept), `embedded` (a whole object), and at the end `default=JSON`.

use crate::Schema;

mod parse;
mod write;

pub use parse::{TableError, parse};
pub use write::{Unwritable, write};

const MAGIC: &str = "seatrial-schema 1";

/// An embedded table as a schema. A test of this crate parses both tables, so that this cannot fail later: it would give a
/// schema without types, by which every kind is unknown and refused.
pub(crate) fn embedded(text: &'static str) -> Schema {
    parse(text).unwrap_or_default()
}

/// The lines of one type as a schema: the type stands at the first node, and the types that it names elsewhere.
pub(crate) fn embedded_piece(name: &'static str, lines: &'static str) -> Schema {
    parse::piece(name, lines).unwrap_or_default()
}
