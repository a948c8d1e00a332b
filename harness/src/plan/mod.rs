//! From a scenario to what is done: names resolved, defaults filled in, titles written.
//!
//! Pure: no clock, no files, no clusters. [`plan`] gives the same [`Plan`] for the same [`Located`](crate::scenario::Located) scenario.

mod commit;
mod edit;
mod forge;
mod model;
mod sealed;
mod steps;
mod title;

pub use edit::{EditError, edit};
pub use model::{
    Check, ClusterPlan, Edits, ObjectWanted, Op, PatchKind, Plan, PlannedStep, RepoPlan, SealOp, ServicesOp,
    Timing, VerbOp,
};
pub use steps::plan;

#[cfg(test)]
mod tests;
