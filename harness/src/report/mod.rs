//! What a run says at its end, and how it is shown.
//!
//! [`Report`] is made of what the seed decides alone: no wall times, ports or temporary paths. The same scenario with
//! the same seed gives the same JSON ([`json`]), byte for byte. Wall times stand beside it ([`Report::wall`]) and reach
//! only people ([`Human`]), JUnit ([`junit`]) and the file of timings ([`timings`]).

mod human;
mod json;
mod junit;
mod model;
mod paint;

pub use human::{Human, describe};
pub use json::{json, timings};
pub use junit::{JunitError, junit};
pub use model::{Failure, Nearest, Outcome, Report, ScenarioReport, StepOutcome, StepReport, Summary};
pub use paint::Paint;

pub(crate) use model::elapsed;

#[cfg(test)]
mod tests;
