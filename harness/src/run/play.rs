//! One scenario, from its first step to its last.

use super::runner::slashes;
use super::world::World;
use super::{RunOptions, step};
use crate::plan::{Plan, PlannedStep};
use crate::report::{Outcome, ScenarioReport, StepOutcome, StepReport, elapsed};
use jiff::Timestamp;
use seatrial_time::{Clock, Simulation, simulate};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is known of a run while it goes on; it outlives a run that breaks off.
#[derive(Default)]
struct Notes {
    started: Option<Timestamp>,
    now: Option<Timestamp>,
    steps: Vec<StepReport>,
}

/// Plays a scenario on a thread that is in no runtime. `before` is told the title of each step.
///
/// It never fails as such: what goes wrong stands in the report.
pub fn play(plan: &Plan, options: &RunOptions, before: &dyn Fn(&str)) -> ScenarioReport {
    let seed = options.seed.or(plan.seed).unwrap_or_default();
    let notes = Mutex::new(Notes::default());
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            let problem = format!("failed to make a folder for the run: {error}");
            return report(plan, seed, lock(&notes), vec![problem]);
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        simulate(Simulation::seeded(seed), |clock| {
            let (notes, folder) = (&notes, folder.path());
            async move {
                lock(notes).started = Some(clock.now());
                let result = steps(plan, options, clock.clone(), folder, notes, before).await;
                lock(notes).now = Some(clock.now());
                result
            }
        })
    }));
    let problems = match result {
        Ok(Ok(Ok(()))) => Vec::new(),
        Ok(Ok(Err(problem))) => vec![problem],
        Ok(Err(stuck)) => vec![format!("failed to {stuck}")],
        Err(panic) => vec![format!("an error inside Seatrial: {}", text(&*panic))],
    };
    report(plan, seed, lock(&notes), problems)
}

async fn steps(
    plan: &Plan,
    options: &RunOptions,
    clock: Clock,
    folder: &std::path::Path,
    notes: &Mutex<Notes>,
    before: &dyn Fn(&str),
) -> Result<(), String> {
    let started = clock.now();
    let mut world = World::build(clock.clone(), options.backend, plan, folder)
        .await
        .map_err(|error| format!("failed to {error}"))?;
    for planned in &plan.steps {
        before(&planned.title);
        let began = clock.now();
        let result = step::play(&mut world, planned, started).await;
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

fn report(plan: &Plan, seed: u64, mut notes: MutexGuard<'_, Notes>, problems: Vec<String>) -> ScenarioReport {
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
        (false, _) => Outcome::Broken,
        (true, true) => Outcome::Failed,
        (true, false) => Outcome::Passed,
    };
    ScenarioReport {
        id: plan.id.clone(),
        file: slashes(&plan.file),
        line: plan.line,
        name: plan.name.clone(),
        seed,
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
fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "no message",
    }
}
