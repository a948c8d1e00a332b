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

use crate::cluster::{Backend, BackendError, BackendOptions, preflight};
use crate::report::{Outcome, Paint, ScenarioReport, describe};
use crate::run::{Entry, RunError, RunOptions, clusters, entries};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
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

/// Plays all scenarios of a file (or of a folder), on simulated clusters or on those that the environment asks for (see
/// [`main`]).
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
    let options = options()?;
    let mut failures = Vec::new();
    let entries = entries(&[path.as_ref().to_owned()], &options)?;
    preflight(options.backend, &options.clusters, &clusters(&entries)).map_err(RunError::from)?;
    for entry in entries {
        failures.extend(failure(&entry.play(&options, &|_| {})));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure(failures.join("\n"))) }
}

/// The `main` of a test target with `harness = false`: each scenario under `paths` is a test case, named by its path.
/// It takes the arguments that Rust's own test harness takes.
///
/// The environment variable `SEATRIAL_BACKEND` says what the clusters are (default: sim), other variables are the settings of
/// the backend (see [`crate::cluster::BackendOptions`]). Where the machine lacks what the backend needs, every test case is
/// ignored, with the reason.
pub fn main<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let options = match options() {
        Ok(options) => options,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
    };
    if options.backend == Backend::Kubeconfig {
        arguments.test_threads = Some(options.threads());
    }
    let paths: Vec<PathBuf> = paths.into_iter().map(|p| p.as_ref().to_owned()).collect();
    match entries(&paths, &options) {
        Ok(entries) => {
            let lack = match preflight(options.backend, &options.clusters, &clusters(&entries)) {
                Ok(()) => None,
                Err(error @ BackendError::Missing { .. }) => {
                    Some(format!("because Seatrial failed to {error}"))
                }
                Err(error) => {
                    eprintln!("failed to {error}");
                    return ExitCode::FAILURE;
                }
            };
            if let Err(error) = options.stop.on_signals() {
                eprintln!("failed to catch signals: {error}");
                return ExitCode::FAILURE;
            }
            let trials = entries.into_iter().map(|entry| trial(entry, &options, lack.as_ref())).collect();
            let conclusion = libtest_mimic::run(&arguments, trials);
            match options.stop.signal() {
                Some(signal) => ExitCode::from(128 + signal),
                None => conclusion.exit_code(),
            }
        }
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the environment asks for.
fn options() -> Result<RunOptions, Failure> {
    let backend = match std::env::var("SEATRIAL_BACKEND") {
        Ok(name) if !name.is_empty() => name.parse().map_err(RunError::from)?,
        _ => Backend::Sim,
    };
    let clusters = BackendOptions::from_environment(backend, |name| std::env::var_os(name));
    Ok(RunOptions { backend, clusters: clusters.map_err(RunError::from)?, ..RunOptions::default() })
}

/// `lack` is why it is ignored, if it is.
fn trial(entry: Entry, options: &RunOptions, lack: Option<&String>) -> Trial {
    let name = entry.id();
    let (options, lack) = (options.clone(), lack.cloned());
    Trial::ignorable_test(name, move || {
        if let Some(lack) = lack {
            return Ok(Completion::ignored_with(lack));
        }
        if options.stop.is_stopped() {
            return Ok(Completion::ignored_with("because the run was interrupted"));
        }
        let report = entry.play(&options, &|_| {});
        match failure(&report) {
            None => Ok(Completion::Completed),
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
