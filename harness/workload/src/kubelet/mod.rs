//! The fake kubelet, with the scheduler in front of it: takes pods from creation to their end.
//!
//! # Flow
//! A pod without a node is bound to one ([`schedule`]). A pod on a node gets its status: containers wait for the start
//! delay, for volumes, images and what their environment refers to ([`references`]), run, and end as their fate says
//! ([`fate`], [`container`]); the pod's phase and conditions follow ([`status`]). A pod that is being deleted is
//! stopped and removed.
//!
//! # Guarantees
//! What happens next follows from the pod's status and the time, not from memory: only the history of image pulls and
//! the exact time of the binding are remembered, and both can be lost without harm.

mod container;
mod fate;
mod kept;
mod memory;
mod pull;
mod references;
mod schedule;
mod status;
mod sync;

pub(crate) use references::claims;
pub(crate) use schedule::fits_selectors;
pub(crate) use sync::Kubelet;
