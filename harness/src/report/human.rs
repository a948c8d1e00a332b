//! The report for people, while it comes into being.

use super::{Failure, Outcome, Paint, Report, ScenarioReport, StepOutcome, StepReport};
use crate::check::DiffLine;
use crate::cluster::Backend;
use crate::run::{Event, Progress};
use crate::scenario::Span;
use crate::shell::shell;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Writes each scenario as soon as it and all before it have ended: a line for each step, and for a failure the nearest
/// object as a diff and the chain of causes. On a terminal, a last line says what is being played.
pub struct Human<W: Write> {
    out: W,
    paint: Paint,
    /// Whether lines can be written over.
    live: bool,
    /// How many scenarios there are.
    total: usize,
    /// The next scenario to be written.
    next: usize,
    /// Scenarios that ended before their turn.
    waiting: BTreeMap<usize, (ScenarioReport, Duration)>,
    /// What is being played.
    playing: BTreeMap<usize, String>,
}

impl<W: Write> Human<W> {
    /// Writes to `out`. `live` says whether it is a terminal, on which a line can be written over.
    pub fn new(out: W, paint: Paint, live: bool) -> Human<W> {
        Human { out, paint, live, total: 0, next: 0, waiting: BTreeMap::new(), playing: BTreeMap::new() }
    }

    /// Writes the line that ends the run.
    pub fn end(&mut self, report: &Report, wall: Duration) {
        let summary = report.summary;
        let mut parts = Vec::new();
        let mut part = |count: usize, text: &str, good: bool| {
            if count > 0 {
                let text = format!("{count} {text}");
                parts.push(if good { self.paint.green(&text) } else { self.paint.red(&text) });
            }
        };
        part(summary.passed, "passed", true);
        part(summary.failed, "failed", false);
        part(summary.invalid, "invalid", false);
        part(summary.broken, "broken", false);
        if parts.is_empty() {
            parts.push("nothing to play".to_owned());
        }
        let simulated: Duration = report.scenarios.iter().filter(|s| s.is_virtual()).map(|s| s.elapsed).sum();
        let times = match report.backend.as_str() {
            "sim" => format!("{} simulated in {}", Span(whole_seconds(simulated)), wall_time(wall)),
            backend => format!("on {backend} in {}", wall_time(wall)),
        };
        self.write(&format!(
            "{}: {}  {}\n",
            self.paint.bold(&plural(report.scenarios.len(), "scenario")),
            parts.join(", "),
            self.paint.dim(&times)
        ));
    }

    fn write(&mut self, text: &str) {
        let clear = if self.live { "\r\x1b[K" } else { "" };
        // Nobody reads what cannot be written; the run itself must not end because a pipe was closed.
        let _ = write!(self.out, "{clear}{text}").and_then(|()| self.out.flush());
    }

    fn status(&mut self) {
        if self.live {
            let playing = self.playing.values().next().cloned().unwrap_or_default();
            let text: String =
                format!("  {}/{} {playing}", self.next, self.total).chars().take(100).collect();
            let text = self.paint.dim(&text);
            self.write(&text);
        }
    }
}

/// A scenario, with a line for each step; for a failed step the nearest object as a diff and the chain of causes.
/// `wall` is the time that it took, where that is to be shown.
pub fn describe(report: &ScenarioReport, wall: Option<Duration>, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bold(&report.id), paint.dim(&report.name));
    for step in report.steps.iter().filter(|s| s.outcome != StepOutcome::NotPlayed) {
        text.push_str(&line(report, step, paint));
    }
    let left = report.steps.iter().filter(|s| s.outcome == StepOutcome::NotPlayed).count();
    if left > 0 {
        text.push_str(&paint.dim(&format!("  - {} not played\n", plural(left, "more step"))));
    }
    for problem in &report.problems {
        text.push_str(&format!("  {} {problem}\n", paint.red("✗")));
    }
    let simulated = format!("{} simulated", Span(whole_seconds(report.elapsed)));
    let times = match wall {
        Some(wall) if report.is_virtual() => format!("{simulated} in {}", wall_time(wall)),
        Some(wall) => format!("in {}", wall_time(wall)),
        None if report.is_virtual() => simulated,
        None => String::new(),
    };
    text.push_str(&match report.outcome {
        Outcome::Passed => format!("  {} {}\n", paint.green("passed"), paint.dim(&times)),
        Outcome::Failed => {
            format!("  {} {}\n  {}\n", paint.red("failed"), paint.dim(&times), paint.dim(&again(report)))
        }
        Outcome::Invalid => format!("  {}\n", paint.red("cannot be played")),
        Outcome::Broken => format!("  {} {}\n", paint.red("broken off"), paint.dim(&times)),
    });
    text
}

/// The command that plays this scenario again.
fn again(report: &ScenarioReport) -> String {
    let again = format!("again: seatrial run {} --seed {}", shell(Path::new(&report.id)), report.seed);
    match report.backend {
        Backend::Sim => again,
        Backend::Kubeconfig => format!("{again} --backend kubeconfig, with the same contexts"),
        backend => format!("{again} --backend {backend}"),
    }
}

fn line(scenario: &ScenarioReport, step: &StepReport, paint: Paint) -> String {
    let mark = match step.outcome {
        StepOutcome::Failed => paint.red("✗"),
        _ => paint.green("✔"),
    };
    let facts = match step.facts.as_slice() {
        [] => String::new(),
        facts => paint.dim(&format!("  {}", facts.join(", "))),
    };
    let at = format!("{:>9}", Span(whole_seconds(step.at)).to_string());
    let mut text = format!("  {mark} {}  {}{facts}\n", paint.dim(&at), step.title);
    if let Some(failure) = &step.failure {
        text.push_str(&block(scenario, step, failure, paint));
    }
    text
}

/// Why a step failed, indented.
fn block(scenario: &ScenarioReport, step: &StepReport, failure: &Failure, paint: Paint) -> String {
    let place = format!("{}:{}", scenario.file, step.line);
    let mut lines = vec![paint.red(&failure.message), format!("{} {place}", paint.dim("at"))];
    if let Some(nearest) = &failure.nearest {
        lines.push(format!("{} {}", paint.dim("nearest:"), nearest.object));
        lines.extend(nearest.diff.iter().map(|line| match line {
            DiffLine::Same(_) => paint.dim(&format!("  {line}")),
            DiffLine::Wanted(_) => paint.green(&format!("  {line}")),
            DiffLine::Found(_) => paint.red(&format!("  {line}")),
        }));
    }
    if !failure.chain.is_empty() {
        lines.push(paint.dim("how it came to this:"));
        lines.extend(failure.chain.iter().map(|line| format!("  {line}")));
    }
    lines.iter().flat_map(|l| l.lines()).map(|l| format!("      {l}\n")).collect()
}

impl<W: Write> Progress for Human<W> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Found { scenarios } => self.total = *scenarios,
            Event::Started { index, id } => {
                self.playing.insert(*index, id.clone());
            }
            Event::Step { index, id, title } => {
                self.playing.insert(*index, format!("{id}: {title}"));
            }
            Event::Ended { index, report, wall } => {
                self.playing.remove(index);
                self.waiting.insert(*index, ((**report).clone(), *wall));
                while let Some((report, wall)) = self.waiting.remove(&self.next) {
                    self.next += 1;
                    let text = describe(&report, Some(wall), self.paint);
                    self.write(&format!("{text}\n"));
                }
            }
        }
        self.status();
    }
}

/// `1 scenario`, `2 scenarios`.
fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

fn wall_time(wall: Duration) -> String {
    match wall.as_millis() {
        0..=9_999 => format!("{} ms", wall.as_millis()),
        _ => format!("{:.1} s", wall.as_secs_f64()),
    }
}
