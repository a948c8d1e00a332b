//! Scenarios as test cases of `cargo test`.
//!
//! # Every file as a test case of its own
//! In `Cargo.toml`:
//! ```toml
//! [[test]]
//! name = "scenarios"
//! harness = false
//! ```
//! In `tests/scenarios.rs`:
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     seatrial_harness::testing::main(["scenarios"])
//! }
//! ```
//! `cargo test --test scenarios` then plays each scenario under the folder `scenarios`, named by its path;
//! `cargo test --test scenarios promotion` only those with "promotion" in it; `-- --list` lists them.
//!
//! # Single files, in tests that exist already
//! With [`check`], also as the body of an `rstest` case:
//! ```ignore
//! #[rstest]
//! fn scenarios(#[files("scenarios/**/*.yaml")] file: PathBuf) -> Result<(), seatrial_harness::testing::Failure> {
//!     seatrial_harness::testing::check(file)
//! }
//! ```

use crate::report::{Outcome, Paint, ScenarioReport, describe};
use crate::run::{Entry, RunError, RunOptions, entries};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A scenario that does not pass: what a person has to know about it. Its debug form, which `cargo test` shows, is the
/// same text.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

impl std::error::Error for Failure {}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure(format!("failed to {error}"))
    }
}

/// Plays all scenarios of a file (or of a folder) on simulated clusters.
///
/// # Errors
/// [`Failure`] describes every scenario that does not pass, and everything that is wrong with a file.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let file = folder.path().join("namespace.yaml");
/// std::fs::write(&file, r#"
/// apiVersion: seatrial.dev/v1alpha1
/// kind: Scenario
/// metadata: {name: a namespace comes into being}
/// spec:
///   clusters: {beta: {}}
///   steps:
///   - apply: {object: {apiVersion: v1, kind: Namespace, metadata: {name: shop}}}
///   - expect:
///       within: 1m
///       resource: {apiVersion: v1, kind: Namespace, metadata: {name: shop}, status: {phase: Active}}
///   - expect:
///       absent: {apiVersion: v1, kind: Namespace, metadata: {name: other}}
/// "#)?;
///
/// seatrial_harness::testing::check(&file)?;
/// # Ok(())
/// # }
/// ```
pub fn check(path: impl AsRef<Path>) -> Result<(), Failure> {
    let options = RunOptions::default();
    let mut failures = Vec::new();
    for entry in entries(&[path.as_ref().to_owned()], &options)? {
        failures.extend(failure(&entry.play(&options, &|_| {})));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure(failures.join("\n"))) }
}

/// The `main` of a test target with `harness = false`: each scenario under `paths` is a test case, named by its path.
/// It takes the arguments that Rust's own test harness takes.
pub fn main<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> ExitCode {
    let arguments = Arguments::from_args();
    let options = RunOptions::default();
    let paths: Vec<PathBuf> = paths.into_iter().map(|p| p.as_ref().to_owned()).collect();
    match entries(&paths, &options) {
        Ok(entries) => {
            let trials = entries.into_iter().map(trial).collect();
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::FAILURE
        }
    }
}

fn trial(entry: Entry) -> Trial {
    let name = entry.id();
    Trial::test(name, move || {
        let report = entry.play(&RunOptions::default(), &|_| {});
        match failure(&report) {
            None => Ok(()),
            Some(text) => Err(Failed::from(text)),
        }
    })
}

fn failure(report: &ScenarioReport) -> Option<String> {
    match report.outcome {
        Outcome::Passed => None,
        _ => Some(describe(report, None, Paint::plain())),
    }
}
