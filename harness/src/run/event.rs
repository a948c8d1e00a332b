//! What a run says while it goes on.

use crate::report::ScenarioReport;
use std::time::Duration;

/// Something that happened in a run. Events of scenarios that are played at the same time come in any order.
#[derive(Clone, Debug)]
pub enum Event {
    /// The scenarios have been found; the first event.
    Found {
        /// How many will be played.
        scenarios: usize,
    },
    /// A scenario begins.
    Started {
        /// Its place among the scenarios, from 0.
        index: usize,
        /// Its file.
        id: String,
    },
    /// A step begins.
    Step {
        /// The place of its scenario.
        index: usize,
        /// The file of its scenario.
        id: String,
        /// Its title.
        title: String,
    },
    /// A scenario has ended, or its file cannot be played.
    Ended {
        /// Its place among the scenarios, from 0.
        index: usize,
        /// What became of it.
        report: Box<ScenarioReport>,
        /// The wall time that it took.
        wall: Duration,
    },
}

/// Is told what happens. All calls come from the thread that started the run.
pub trait Progress {
    /// Takes an event.
    fn event(&mut self, event: &Event);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&mut self, _: &Event) {}
}
