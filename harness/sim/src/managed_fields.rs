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
mod update;
mod walk;

pub use apply::apply;
pub use entries::{Entry, Managers, Operation};
pub use error::{ApplyError, Conflict, FieldsError};
pub use fields::Fields;
pub use implied::drop_nulls;
pub use path::PathElement;
pub use set::FieldSet;
pub use update::update;

pub(crate) use go::go_value;
pub(crate) use path::compare_values;
pub(crate) use update::same_but_for_owners;

use jiff::Timestamp;
use seatrial_schema::TypeRef;

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
