//! A preview as text for people.

use super::diff;
use super::model::{Changed, ClusterPreview, Outcome, Preview, Problem, ProblemKind, Pruned, Revision, Step};
use crate::report::Paint;
use crate::scenario::Span;
use crate::trial::{Ending, ObjectName};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

/// How a preview is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text {
    /// Whether what comes and what goes is coloured.
    pub paint: Paint,
    /// Print new objects whole, not by their names alone.
    pub full: bool,
}

impl Text {
    /// The whole preview.
    pub fn preview(self, preview: &Preview) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut out, preview);
        out
    }

    fn write(self, out: &mut String, preview: &Preview) -> fmt::Result {
        let (name, branch) = (self.paint.bold(&preview.repository), &preview.branch);
        writeln!(out, "{name}, branch {branch}")?;
        writeln!(out, "  from {}", revision(&preview.base))?;
        writeln!(out, "  to   {}", revision(&preview.head))?;
        for note in &preview.notes {
            writeln!(out, "note: {note}")?;
        }
        for cluster in &preview.clusters {
            writeln!(out)?;
            self.cluster(out, cluster)?;
        }
        Ok(())
    }

    fn cluster(self, out: &mut String, cluster: &ClusterPreview) -> fmt::Result {
        writeln!(out, "{}: {}", self.paint.bold(&cluster.name), summary(cluster))?;
        for note in presence(cluster) {
            writeln!(out, "  {note}")?;
        }
        self.problems(out, cluster)?;
        for gate in &cluster.services {
            let (sign, word) =
                if gate.enabled { (self.paint.green("+"), "on") } else { (self.paint.red("-"), "off") };
            writeln!(
                out,
                "  {sign} service {} is switched {word} (config/{})",
                gate.service, gate.environment
            )?;
        }
        if cluster.differs() && !cluster.order.is_empty() {
            writeln!(out, "  reconciles in this order:")?;
            for (at, step) in cluster.order.iter().enumerate() {
                writeln!(out, "    {}. {}", at + 1, self.step(step))?;
            }
        }
        for added in &cluster.added {
            writeln!(
                out,
                "  {} {} ({}){}",
                self.paint.green("+"),
                added.object,
                by(&added.by),
                held_up(added.applied)
            )?;
            if self.full {
                for line in diff::yaml(&added.manifest).lines() {
                    writeln!(out, "      {}", self.paint.green(&format!("+{line}")))?;
                }
            }
        }
        for changed in &cluster.changed {
            self.changed(out, changed)?;
        }
        self.pruned(out, cluster)?;
        for kept in &cluster.kept {
            writeln!(out, "  ! {} stays, and nobody manages it any more: {}", kept.object, kept.why)?;
        }
        for hint in &cluster.hints {
            writeln!(out, "  hint: {hint}")?;
        }
        Ok(())
    }

    fn problems(self, out: &mut String, cluster: &ClusterPreview) -> fmt::Result {
        for problem in &cluster.problems {
            let sign = match problem.introduced {
                true => self.paint.red("✗"),
                false => self.paint.dim("✗"),
            };
            let old = since(problem);
            write!(out, "  {sign} {} {}{old}", problem.object, problem.problem.words())?;
            let mut lines = problem.message.lines();
            // What was broken before is told in one line.
            let shown = if problem.introduced { usize::MAX } else { 1 };
            match lines.next() {
                Some(first) => writeln!(out, ": {first}")?,
                None => writeln!(out)?,
            }
            for line in lines.take(shown - 1).filter(|line| !line.trim().is_empty()) {
                writeln!(out, "      {line}")?;
            }
        }
        for object in &cluster.mended {
            writeln!(out, "  {} {object} was not ready, and is", self.paint.green("✔"))?;
        }
        Ok(())
    }

    fn step(self, step: &Step) -> String {
        let after = match step.after.as_slice() {
            [] => String::new(),
            after => format!(" (after {})", after.join(", ")),
        };
        let name = &step.kustomization;
        format!("{}/{}{after}: {}", name.namespace, name.name, outcome(step))
    }

    fn changed(self, out: &mut String, changed: &Changed) -> fmt::Result {
        write!(out, "  ~ {}", changed.object)?;
        if let Some(was) = &changed.renamed_from {
            write!(out, ", was {was}")?;
        }
        writeln!(out, " ({}){}", by(&changed.by), held_up(changed.applied))?;
        for remark in remarks(changed) {
            writeln!(out, "      {remark}")?;
        }
        for line in diff::lines(&changed.before, &changed.after) {
            let line = match line.as_bytes().first() {
                Some(b'-') => self.paint.red(&line),
                Some(b'+') => self.paint.green(&line),
                _ => line,
            };
            writeln!(out, "      {line}")?;
        }
        Ok(())
    }

    fn pruned(self, out: &mut String, cluster: &ClusterPreview) -> fmt::Result {
        for (depth, pruned) in cascade(&cluster.pruned) {
            let lead = "  ".repeat(depth + 1);
            let by = match &pruned.by {
                Some(by) if depth == 0 => format!(" ({})", self::by(by)),
                _ => String::new(),
            };
            writeln!(out, "{lead}{} {}{by}{}", self.paint.red("-"), pruned.object, held_up(pruned.applied))?;
        }
        if !cluster.workloads_pruned.is_empty() {
            let kinds: Vec<String> =
                cluster.workloads_pruned.iter().map(|(kind, n)| format!("{kind} ×{n}")).collect();
            writeln!(out, "    and with them {}", kinds.join(", "))?;
        }
        Ok(())
    }
}

/// One side, in words.
pub(super) fn revision(revision: &Revision) -> String {
    let short = revision.commit.get(..7).unwrap_or(&revision.commit);
    let files = if revision.uncommitted == 1 { "file that differs" } else { "files that differ" };
    match revision.uncommitted {
        0 => format!("{short} {:?} ({})", revision.subject, revision.chosen),
        n => format!("the working tree: {short} {:?} and {n} {files}", revision.subject),
    }
}

/// How much changes, in words.
pub(super) fn summary(cluster: &ClusterPreview) -> String {
    let introduced = cluster.problems.iter().filter(|problem| problem.introduced).count();
    let counts = [
        (introduced, if introduced == 1 { "new problem" } else { "new problems" }),
        (cluster.added.len(), "added"),
        (cluster.changed.len(), "changed"),
        (cluster.pruned.len(), "pruned"),
        (cluster.kept.len(), "left behind"),
        (cluster.mended.len(), "mended"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    match counts.is_empty() {
        true => "nothing changes".to_owned(),
        false => counts.join(", "),
    }
}

/// What is to be said of a cluster that is new, that goes, or that does not come to rest.
pub(super) fn presence(cluster: &ClusterPreview) -> Vec<&'static str> {
    let mut notes = Vec::new();
    if !cluster.at_base {
        notes.push("a new cluster: it was bootstrapped before the change, which then brings all of this");
    }
    if !cluster.at_head {
        notes.push(
            "its folder goes: Flux on the cluster finds no path any more, and leaves everything where it is",
        );
    }
    if cluster.ending == Ending::Restless {
        notes.push("it never comes to rest: after a day, things were still changing");
    }
    notes
}

/// Since when it is so.
pub(super) fn since(problem: &Problem) -> &'static str {
    match problem.introduced || problem.problem == ProblemKind::NotSupported {
        true => "",
        false => ", at the base too",
    }
}

pub(super) fn by(name: &ObjectName) -> String {
    format!("{} {}/{}", name.kind, name.namespace, name.name).replace(" /", " ")
}

pub(super) fn held_up(applied: bool) -> &'static str {
    if applied { "" } else { ", once that is not held up any more" }
}

/// What is to be said of a changed object besides its fields.
pub(super) fn remarks(changed: &Changed) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(from) = &changed.moved_from {
        remarks.push(format!("moves here from {}", by(from)));
    }
    if changed.recreated {
        remarks.push("is deleted and created again on the way".to_owned());
    }
    remarks
}

/// How far a Kustomization came, in words.
pub(super) fn outcome(step: &Step) -> String {
    let span = |seconds: u64| Span(Duration::from_secs(seconds)).to_string();
    match (step.outcome, step.began, step.applied) {
        (Outcome::Applied, Some(began), Some(applied)) if applied > began => {
            format!("begins after {}, applied after {}", span(began), span(applied))
        }
        (Outcome::Applied, began, _) => format!("applied after {}", span(began.unwrap_or(0))),
        (Outcome::Failed, began, _) => format!("begins after {}, and fails", span(began.unwrap_or(0))),
        (Outcome::Waiting, ..) => "does not begin".to_owned(),
        (Outcome::Deleted, began, _) => format!("deleted after {}", span(began.unwrap_or(0))),
    }
}

/// What is pruned, each with what it takes along below it, and how deep it stands.
pub(super) fn cascade(pruned: &[Pruned]) -> Vec<(usize, &Pruned)> {
    let names: BTreeSet<ObjectName> = pruned.iter().map(|pruned| pruned.object.short()).collect();
    let mut below: BTreeMap<Option<ObjectName>, Vec<&Pruned>> = BTreeMap::new();
    for one in pruned {
        let above = one.by.as_ref().filter(|by| names.contains(by) && **by != one.object.short());
        below.entry(above.cloned()).or_default().push(one);
    }
    let mut found = Vec::new();
    let mut next: Vec<(usize, &Pruned)> =
        below.remove(&None).into_iter().flatten().rev().map(|root| (0, root)).collect();
    while let Some((depth, one)) = next.pop() {
        found.push((depth, one));
        // Taken out, so that nothing is met twice.
        let taken = below.remove(&Some(one.object.short())).unwrap_or_default();
        next.extend(taken.into_iter().rev().map(|below| (depth + 1, below)));
    }
    // Two that prune each other hang under neither.
    found.extend(below.into_values().flatten().map(|one| (0, one)));
    found
}
