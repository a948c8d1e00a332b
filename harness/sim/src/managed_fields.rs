//! Server-side apply: who owns which field, and what an applied configuration makes of a live object. Pure: no clock, no store.
//!
//! # Flow
//! - [`apply`] merges a configuration into the live object by its type: maps and objects by key, associative lists by their
//!   keys, sets by value, everything else as a whole. Fields that the manager listed before and now omits are removed, unless
//!   another manager owns them.
//! - [`update`] tracks a create, an update or any other patch: what it changed is then owned by its manager alone.
//!
//! Both return the new object with its `metadata.managedFields`.
//!
//! # Guarantees
//! - A call that changes nothing returns the live object as it is, with the times of its entries.
//! - Fields that the system sets (`metadata.uid`, `resourceVersion`, …) are never owned.
//!
//! # Limits
//! Entries of other API versions of the same kind are compared path by path: conversion between versions that differ in
//! structure is not done. Emptied maps and lists become `null`, as the real server leaves them in custom resources; see
//! [`drop_nulls`] for built-in kinds.

mod apply;
mod collect;
mod compare;
mod entries;
mod error;
mod fields;
mod go;
mod implied;
mod last_applied;
mod merge;
mod path;
mod set;
mod text;
mod update;
mod walk;

pub use entries::{Entry, Managers, Operation};
pub use error::{ApplyError, Conflict, FieldsError};
pub use fields::Fields;
pub use implied::drop_nulls;
pub use path::PathElement;
pub use set::FieldSet;

pub(crate) use apply::apply as apply_stored;
pub(crate) use go::go_value;
pub(crate) use path::compare_values;
pub(crate) use update::{same_but_for_owners, update as update_stored};

use jiff::Timestamp;
use seatrial_schema::TypeRef;
use serde_json::Value;

/// Who writes, through which endpoint, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager (`fieldManager`, or the first part of the user agent).
    pub manager: &'a str,
    /// The API version that the request is in (`apps/v1`).
    pub api_version: &'a str,
    /// The subresource (`status`), empty for the main endpoint.
    pub subresource: &'a str,
    /// What the endpoint does not write, as paths of field names: usually `[["status"]]` on the main endpoint of a kind with a
    /// status subresource, and the opposite on `status`. These fields are never owned through it.
    pub ignored: &'a [&'a [&'a str]],
    /// The time of the entries that change; written in whole seconds.
    pub now: Timestamp,
}

/// The type of the object, and how its server keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'s> {
    /// The type.
    pub ty: TypeRef<'s>,
    /// Built-in kinds are kept as structs, in which objects that are not optional are always present (an empty `strategy`),
    /// and so never count as added. Custom resources are kept as they are sent.
    pub built_in: bool,
}

/// Applies a configuration to the live object (`None`: to nothing). Returns the new object, before defaulting and admission,
/// with its managed fields; the live object as it is where nothing changes.
///
/// Identity (`metadata.name`, `namespace`, `uid`, `resourceVersion`) is the caller's: it is merged like any other field.
///
/// The manager `kubectl` takes over what client-side apply recorded in the object's last-applied annotation, and keeps that
/// annotation up to date, so that both kinds of `kubectl apply` can be mixed.
///
/// # Errors
/// Conflicts, unless `force` takes the fields over; a configuration that does not fit the type, or carries managed fields.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    writer: &Writer<'_>,
    force: bool,
    kind: Kind<'_>,
) -> Result<Value, ApplyError> {
    apply_stored(live, applied, writer, force, kind).map(expanded)
}

/// Tracks a write: `old` is the live object (`None` for a create), `new` what is about to be stored, after defaulting and
/// admission. Returns `new` with its managed fields. What the write added or modified is then owned by its manager alone; what
/// it removed is owned by nobody.
///
/// `new` may carry managed fields of its own (a client sends back what it read): they count, except on subresources; one empty
/// entry clears them, and an object without any is not tracked again before the next apply.
pub fn update(old: Option<&Value>, new: Value, writer: &Writer<'_>, kind: Kind<'_>) -> Value {
    expanded(update_stored(old, new, writer, kind))
}

/// The object with the fields of its owners as clients see them.
fn expanded(mut object: Value) -> Value {
    seatrial_wire::expand(&mut object);
    object
}
