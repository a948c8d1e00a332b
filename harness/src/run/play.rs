//! One scenario, from its first step to its last.

use super::failure::StepError;
use super::runner::slashes;
use super::world::World;
use super::{RunOptions, step};
use crate::check::DiffLine;
use crate::cluster::BackendError;
use crate::plan::{Plan, PlannedStep};
use crate::redact::{self, Known, Redactor};
use crate::report::{Outcome, ScenarioReport, StepOutcome, StepReport, elapsed};
use futures::FutureExt;
use futures::future::{Either, select};
use jiff::Timestamp;
use seatrial_time::{Clock, Simulation, simulate};
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is known of a run while it goes on; it outlives a run that breaks off.
#[derive(Default)]
struct Notes {
    started: Option<Timestamp>,
    now: Option<Timestamp>,
    steps: Vec<StepReport>,
    /// A cluster refuses to be played.
    refused: bool,
}

/// Plays a scenario, on simulated clusters in virtual time, on real ones on the wall clock, on a thread that is in no runtime. `before` is told the title of each step.
///
/// It never fails as such: what goes wrong stands in the report.
pub fn play(plan: &Plan, options: &RunOptions, before: &dyn Fn(&str)) -> ScenarioReport {
    let seed = options.seed.or(plan.seed).unwrap_or_default();
    let notes = Mutex::new(Notes::default());
    let folder = match tempfile::Builder::new().prefix("seatrial-run-").permissions(private()).tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            let problem = format!("failed to make a folder for the run: {error}");
            return report(plan, options, lock(&notes), vec![problem]);
        }
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        let (notes, folder) = (&notes, folder.path());
        let run = |clock| scenario(plan, options, clock, folder, notes, before);
        match options.backend.is_virtual() {
            true => simulate(Simulation::seeded(seed), run).map_err(|stuck| format!("failed to {stuck}")),
            false => live(run),
        }
    }));
    let problems = match played {
        Ok(Ok(problems)) => problems,
        Ok(Err(problem)) => vec![problem],
        Err(panic) => vec![panicked(&*panic)],
    };
    report(plan, options, lock(&notes), problems)
}

/// What runs keep in folders is nobody else's.
pub(crate) fn private() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

/// Runs `main` on the wall clock.
fn live<F: Future>(main: impl FnOnce(Clock) -> F) -> Result<F::Output, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("failed to start the runtime: {error}"))?;
    Ok(runtime.block_on(main(Clock::wall())))
}

/// The whole scenario: the world is made, the steps are played, the world is ended, whatever happens before. The result is
/// what went wrong beside the steps.
async fn scenario(
    plan: &Plan,
    options: &RunOptions,
    clock: Clock,
    folder: &std::path::Path,
    notes: &Mutex<Notes>,
    before: &dyn Fn(&str),
) -> Vec<String> {
    lock(notes).started = Some(clock.now());
    let mut world = World::new(clock.clone(), options, folder);
    let mut problems = Vec::new();
    {
        let work = AssertUnwindSafe(steps(plan, &mut world, notes, before)).catch_unwind();
        match select(pin!(work), pin!(options.stop.stopped())).await {
            Either::Left((Ok(Ok(())), _)) => {}
            Either::Left((Ok(Err(problem)), _)) => problems.push(problem),
            Either::Left((Err(panic), _)) => problems.push(panicked(&*panic)),
            Either::Right(_) => problems.push("the run was interrupted".to_owned()),
        }
    }
    lock(notes).now = Some(clock.now());
    if !problems.is_empty() || lock(notes).steps.iter().any(|step| step.failure.is_some()) {
        let redactor = &mut redact::lock(&world.redactor);
        cover(&world.secret_values(plan), redactor, &mut lock(notes).steps, &mut problems);
    }
    problems.extend(world.end().await.iter().map(|error| format!("failed to {error}")));
    problems
}

/// Covers what came from Secrets in all that a failure says.
fn cover(values: &[Vec<u8>], redactor: &mut Redactor, steps: &mut [StepReport], problems: &mut [String]) {
    let values = Known::new(values);
    let mut text = |text: &mut String| *text = redactor.cover_text(&redact::cover_refusal(text), &values);
    for failure in steps.iter_mut().filter_map(|step| step.failure.as_mut()) {
        text(&mut failure.message);
        failure.chain.iter_mut().for_each(&mut text);
        for line in failure.nearest.iter_mut().flat_map(|nearest| &mut nearest.diff) {
            match line {
                DiffLine::Same(line) | DiffLine::Wanted(line) | DiffLine::Found(line) => text(line),
            }
        }
    }
    problems.iter_mut().for_each(text);
}

async fn steps(
    plan: &Plan,
    world: &mut World,
    notes: &Mutex<Notes>,
    before: &dyn Fn(&str),
) -> Result<(), String> {
    let clock = world.clock.clone();
    let started = clock.now();
    if let Err(error) = world.build(plan).await {
        let refused = matches!(
            &error,
            StepError::Backend(BackendError::Unsupported { .. } | BackendError::Settings { .. })
        );
        lock(notes).refused = refused;
        return Err(format!("failed to {error}"));
    }
    for planned in &plan.steps {
        before(&planned.title);
        let began = clock.now();
        let result = step::play(world, planned, started).await;
        let now = clock.now();
        let failed = result.is_err();
        let mut step = described(planned, elapsed(started, now), elapsed(began, now));
        match result {
            Ok(facts) => step.facts = facts,
            Err(failure) => {
                step.outcome = StepOutcome::Failed;
                step.failure = Some(failure);
            }
        }
        let mut notes = lock(notes);
        notes.steps.push(step);
        notes.now = Some(now);
        if failed {
            break;
        }
    }
    Ok(())
}

fn described(step: &PlannedStep, at: Duration, took: Duration) -> StepReport {
    StepReport {
        line: step.line,
        verb: step.verb,
        title: step.title.clone(),
        outcome: StepOutcome::Passed,
        at,
        took,
        facts: Vec::new(),
        failure: None,
    }
}

fn report(
    plan: &Plan,
    options: &RunOptions,
    mut notes: MutexGuard<'_, Notes>,
    problems: Vec<String>,
) -> ScenarioReport {
    let elapsed = match (notes.started, notes.now) {
        (Some(started), Some(now)) => elapsed(started, now),
        _ => Duration::ZERO,
    };
    let mut steps = std::mem::take(&mut notes.steps);
    let failed = steps.iter().any(|s| s.outcome == StepOutcome::Failed);
    for planned in &plan.steps[steps.len()..] {
        let mut step = described(planned, elapsed, Duration::ZERO);
        step.outcome = StepOutcome::NotPlayed;
        steps.push(step);
    }
    let outcome = match (problems.is_empty(), failed) {
        (false, _) if notes.refused => Outcome::Invalid,
        (false, _) => Outcome::Broken,
        (true, true) => Outcome::Failed,
        (true, false) => Outcome::Passed,
    };
    ScenarioReport {
        id: plan.id.clone(),
        file: slashes(&plan.file),
        line: plan.line,
        name: plan.name.clone(),
        seed: options.seed.or(plan.seed).unwrap_or_default(),
        backend: options.backend,
        outcome,
        started: notes.started,
        elapsed,
        steps,
        problems,
    }
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic said.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "no message",
    };
    format!("an error inside Seatrial: {text}")
}
