//! The only writer of the objects that a Kustomization manages.
//!
//! A [`Bundle`] has the objects in their order, [`Manager`] brings each to the cluster by server-side apply, [`inventory`] remembers
//! them, [`prune`] removes what is no longer wanted.

mod compare;
mod drift;
mod fields;
mod ignore;
pub(crate) mod inventory;
pub(crate) mod labels;
mod manager;
mod native;
mod order;
mod prune;
mod settled;
mod wanted;

pub(crate) use compare::compare;
pub(crate) use drift::drifted;
pub(crate) use ignore::Ignore;
pub(crate) use manager::{Action, ApplyError, ApplyOptions, Change, Manager};
pub(crate) use order::sort;
pub(crate) use prune::{PruneError, prune};
pub(crate) use settled::Settled;
pub(crate) use wanted::{Bundle, Wanted};

/// The field manager of applied objects.
pub(crate) const FIELD_MANAGER: &str = "kustomize-controller";
/// Group of the labels and annotations that steer a Kustomization's objects.
pub(crate) const GROUP: &str = "kustomize.toolkit.fluxcd.io";
