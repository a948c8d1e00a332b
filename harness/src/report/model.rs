//! The report of a run.

use crate::check::DiffLine;
use crate::cluster::Backend;
use crate::scenario::Span;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Everything that a run found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of the format: `seatrial.dev/report/v1alpha1`.
    pub format: &'static str,
    /// What the clusters were: `sim`, `envtest`, `k3s` or `kubeconfig`.
    pub backend: String,
    /// How many scenarios ended how.
    pub summary: Summary,
    /// The scenarios, in the order of their files.
    pub scenarios: Vec<ScenarioReport>,
    /// The wall time of each scenario, in the same order. Not part of the replayable report.
    #[serde(skip)]
    pub wall: Vec<Duration>,
}

/// How many scenarios ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All steps did what they should.
    pub passed: usize,
    /// A step failed.
    pub failed: usize,
    /// The file cannot be played.
    pub invalid: usize,
    /// Something inside Seatrial went wrong.
    pub broken: usize,
}

impl ScenarioReport {
    /// Whether its times are virtual.
    pub fn is_virtual(&self) -> bool {
        self.backend.is_virtual()
    }
}

impl Report {
    /// A report of scenarios with their wall times.
    pub fn new(backend: &str, scenarios: Vec<(ScenarioReport, Duration)>) -> Report {
        let (scenarios, wall): (Vec<_>, Vec<_>) = scenarios.into_iter().unzip();
        let count = |outcome| scenarios.iter().filter(|s| s.outcome == outcome).count();
        Report {
            format: "seatrial.dev/report/v1alpha1",
            backend: backend.to_owned(),
            summary: Summary {
                passed: count(Outcome::Passed),
                failed: count(Outcome::Failed),
                invalid: count(Outcome::Invalid),
                broken: count(Outcome::Broken),
            },
            scenarios,
            wall,
        }
    }

    /// Whether every scenario passed.
    pub fn passed(&self) -> bool {
        self.scenarios.iter().all(|s| s.outcome == Outcome::Passed)
    }
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// All steps did what they should.
    Passed,
    /// A step failed.
    Failed,
    /// The file cannot be played.
    Invalid,
    /// Something inside Seatrial went wrong: the run could not go on.
    Broken,
}

/// What became of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioReport {
    /// The file's path; with `#` and the name where the file has several scenarios.
    pub id: String,
    /// The file.
    pub file: String,
    /// The line on which the scenario starts.
    pub line: u32,
    /// The scenario's name; that of the file where the file cannot be read.
    pub name: String,
    /// The seed.
    pub seed: u64,
    /// Where it was played: on real clusters its times are wall times, which are no part of the replayable report.
    #[serde(skip)]
    pub backend: Backend,
    /// How it ended.
    pub outcome: Outcome,
    /// The time at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// The time that passed.
    #[serde(serialize_with = "span")]
    pub elapsed: Duration,
    /// The steps, in order; those behind a failed step were not played.
    pub steps: Vec<StepReport>,
    /// What is wrong with the file, or with the run as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Its line in the scenario file.
    pub line: u32,
    /// The action's word in scenario files.
    pub verb: &'static str,
    /// Its name, or what it does.
    pub title: String,
    /// How it ended.
    pub outcome: StepOutcome,
    /// The time from the start of the scenario to the end of the step.
    #[serde(serialize_with = "span")]
    pub at: Duration,
    /// The time that it took.
    #[serde(serialize_with = "span")]
    pub took: Duration,
    /// What it did: the commit that it made, and so on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepOutcome {
    /// It did what it should.
    Passed,
    /// It did not.
    Failed,
    /// A step before it failed.
    NotPlayed,
}

/// Why a step failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What happened, in a sentence.
    pub message: String,
    /// The object that comes nearest to what was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// How it came to this: commit, artifact, Kustomization, object, events; a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
}

/// An object beside what was wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nearest {
    /// The object: `Kind/namespace/name`.
    pub object: String,
    /// The comparison: lines start with `- ` (wanted, not there), `+ ` (there instead) or two blanks.
    #[serde(serialize_with = "lines")]
    pub diff: Vec<DiffLine>,
}

fn lines<S: Serializer>(diff: &[DiffLine], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(diff.iter().map(DiffLine::to_string))
}

fn span<S: Serializer>(duration: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&Span(*duration))
}

/// The time between two timestamps; none where they are the wrong way round.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
