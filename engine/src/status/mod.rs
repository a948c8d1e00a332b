//! The only writer of `.status`, and of events.

pub(crate) mod conditions;
mod events;
pub(crate) mod history;
mod outbox;
mod patch;

pub(crate) use events::{Events, Severity};
pub(crate) use outbox::Outbox;
pub(crate) use patch::StatusPatch;
