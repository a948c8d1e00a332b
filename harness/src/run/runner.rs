//! Many scenarios on several threads.

use super::play::play;
use super::{Event, Progress, RunError, RunOptions};
use crate::cluster::preflight;
use crate::plan::{Op, Plan, plan};
use crate::report::{Outcome, Report, ScenarioReport};
use crate::scenario::{Invalid, discover, parse_file};
use seatrial_time::Clock;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// A scenario to play, or a file that cannot be played.
pub(crate) enum Entry {
    Plan(Box<Plan>),
    Invalid(Invalid),
}

impl Entry {
    /// The file; with `#` and the name where it has several scenarios.
    pub(crate) fn id(&self) -> String {
        match self {
            Entry::Plan(plan) => plan.id.clone(),
            Entry::Invalid(invalid) => slashes(&invalid.file),
        }
    }

    /// Plays it; `before` is told the title of each step.
    pub(crate) fn play(&self, options: &RunOptions, before: &dyn Fn(&str)) -> ScenarioReport {
        match self {
            Entry::Plan(plan) => play(plan, options, before),
            Entry::Invalid(invalid) => refused(invalid, options),
        }
    }
}

/// Plays all scenarios under `paths` (files, or folders with everything in them).
///
/// Where the run is stopped, what has been played stands in the report.
///
/// # Errors
/// [`RunError`] where there is nothing to play, or the backend cannot be used. What is wrong with single files stands in the report.
pub fn run_scenarios(
    paths: &[PathBuf],
    options: &RunOptions,
    progress: &mut dyn Progress,
) -> Result<Report, RunError> {
    let entries = entries(paths, options)?;
    preflight(options.backend, &options.clusters, &clusters(&entries))?;
    progress.event(&Event::Found { scenarios: entries.len() });
    let mut reports: Vec<Option<(ScenarioReport, Duration)>> = vec![None; entries.len()];
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel::<Event>();
    std::thread::scope(|scope| {
        for _ in 0..options.threads().clamp(1, entries.len().max(1)) {
            let (sender, entries, next) = (sender.clone(), &entries, &next);
            scope.spawn(move || {
                let wall = Clock::wall();
                loop {
                    if options.stop.is_stopped() {
                        return;
                    }
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = entries.get(index) else { return };
                    // The receiver lives until all threads have ended.
                    let send = |event| drop(sender.send(event));
                    let began = wall.now();
                    let id = entry.id();
                    send(Event::Started { index, id: id.clone() });
                    let report = entry.play(options, &|title| {
                        send(Event::Step { index, id: id.clone(), title: title.to_owned() });
                    });
                    let took = crate::report::elapsed(began, wall.now());
                    send(Event::Ended { index, report: Box::new(report), wall: took });
                }
            });
        }
        drop(sender);
        for event in receiver {
            progress.event(&event);
            if let Event::Ended { index, report, wall } = event {
                reports[index] = Some((*report, wall));
            }
        }
    });
    Ok(Report::new(&options.backend.to_string(), reports.into_iter().flatten().collect()))
}

/// The names of all clusters.
pub(crate) fn clusters(entries: &[Entry]) -> BTreeSet<String> {
    let plans = entries.iter().filter_map(|entry| match entry {
        Entry::Plan(plan) => Some(plan),
        Entry::Invalid(_) => None,
    });
    plans
        .flat_map(|plan| {
            let added = plan.steps.iter().filter_map(|step| match &step.op {
                Op::AddCluster(cluster) => Some(cluster),
                _ => None,
            });
            plan.clusters.iter().chain(added).map(|cluster| cluster.name.clone())
        })
        .collect()
}

/// The scenarios that are to be played, in the order of their files.
pub(crate) fn entries(paths: &[PathBuf], options: &RunOptions) -> Result<Vec<Entry>, RunError> {
    let mut wanted = Vec::new();
    let named: Vec<PathBuf> = paths.iter().map(|path| file_of(path, &mut wanted)).collect();
    let files = discover(&named)?;
    // What a file or folder asks for as a whole is not restricted by one of its names.
    let whole: Vec<PathBuf> = paths.iter().filter(|path| path.exists()).cloned().collect();
    let whole: BTreeSet<PathBuf> = discover(&whole)?.iter().map(|file| shown(file)).collect();
    wanted.retain(|(file, _)| !whole.contains(file));
    let mut entries = Vec::new();
    for file in files {
        let file = shown(&file);
        match parse_file(&file) {
            Ok(scenarios) => {
                let several = scenarios.len() > 1;
                entries.extend(scenarios.iter().map(|located| {
                    let mut plan = plan(located);
                    plan.id = slashes(&file);
                    if several {
                        plan.id = format!("{}#{}", plan.id, plan.name);
                    }
                    Entry::Plan(Box::new(plan))
                }));
            }
            Err(invalid) => entries.push(Entry::Invalid(invalid)),
        }
    }
    pick(&mut entries, &wanted)?;
    if entries.is_empty() {
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        return Err(RunError::Nothing { paths: paths.join(", ") });
    }
    let count = entries.len();
    if let Some(filter) = &options.filter {
        let named = |entry: &Entry| match entry {
            Entry::Plan(plan) => plan.name.contains(filter),
            Entry::Invalid(_) => false,
        };
        entries.retain(|entry| entry.id().contains(filter) || named(entry));
        if entries.is_empty() {
            return Err(RunError::Filtered { filter: filter.clone(), count });
        }
    }
    if let Some(shard) = options.shard {
        let mut place = 0..;
        entries.retain(|_| place.next().is_some_and(|place| shard.contains(place)));
    }
    Ok(entries)
}

/// The file of `FILE#NAME`, which is one scenario of a file with several; it is noted in `wanted`.
fn file_of(path: &Path, wanted: &mut Vec<(PathBuf, String)>) -> PathBuf {
    let text = path.to_string_lossy();
    let split = |(at, _): (usize, &str)| (Path::new(&text[..at]), &text[at + 1..]);
    match text.match_indices('#').map(split).find(|(file, _)| file.is_file()) {
        Some((file, name)) if !path.exists() => {
            wanted.push((shown(file), name.to_owned()));
            file.to_owned()
        }
        _ => path.to_owned(),
    }
}

/// Leaves of the files of `wanted` the scenarios that it names. A file that cannot be read stays, to be reported.
fn pick(entries: &mut Vec<Entry>, wanted: &[(PathBuf, String)]) -> Result<(), RunError> {
    for (file, name) in wanted {
        let plans = entries.iter().filter_map(|entry| match entry {
            Entry::Plan(plan) if plan.file == *file => Some(plan.name.as_str()),
            _ => None,
        });
        let names: Vec<&str> = plans.collect();
        if !names.is_empty() && !names.contains(&name.as_str()) {
            let (file, name, names) = (slashes(file), name.clone(), names.join(", "));
            return Err(RunError::NoScenario { file, name, names });
        }
    }
    entries.retain(|entry| match entry {
        Entry::Plan(plan) => {
            let mut of_file = wanted.iter().filter(|(file, _)| plan.file == *file).peekable();
            of_file.peek().is_none() || of_file.any(|(_, name)| plan.name == *name)
        }
        Entry::Invalid(_) => true,
    });
    Ok(())
}

/// A path as people write it: relative to the working directory, where it is below that.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

/// The same text on every system.
pub(super) fn slashes(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

fn refused(invalid: &Invalid, options: &RunOptions) -> ScenarioReport {
    let file = slashes(&invalid.file);
    let name = invalid.file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    ScenarioReport {
        id: file.clone(),
        file,
        line: 1,
        name,
        seed: options.seed.unwrap_or_default(),
        backend: options.backend,
        outcome: Outcome::Invalid,
        started: None,
        elapsed: Duration::ZERO,
        steps: Vec::new(),
        problems: invalid.problems.iter().map(ToString::to_string).collect(),
    }
}
