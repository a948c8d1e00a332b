//! What people and programs read.

use super::finding::{Finding, Lint, Place};
use super::rule::Severity;
use crate::report::Paint;
use serde_json::{Value, json as value};
use std::fmt::Write as _;

/// The form for terminals: `FILE:LINE:COLUMN: SEVERITY[RULE]: MESSAGE`, with what to do below it.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The colours.
    pub paint: Paint,
}

impl Default for Text {
    fn default() -> Text {
        Text { paint: Paint::plain() }
    }
}

impl Text {
    /// All of it, ending with the counts.
    pub fn lint(&self, lint: &Lint) -> String {
        let mut out = String::new();
        for finding in &lint.findings {
            self.finding(finding, &mut out);
        }
        for note in &lint.notes {
            let _ = writeln!(out, "note: {note}");
        }
        let (errors, warnings) = (lint.count(Severity::Error), lint.count(Severity::Warning));
        let counted = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let mut of = Vec::new();
        if lint.clusters > 0 {
            of.push(counted(lint.clusters, "cluster"));
        }
        if lint.scenarios > 0 {
            of.push(counted(lint.scenarios, "scenario file"));
        }
        let _ = writeln!(
            out,
            "{}, {} ({})",
            counted(errors, "error"),
            counted(warnings, "warning"),
            of.join(", ")
        );
        out
    }

    fn finding(&self, finding: &Finding, out: &mut String) {
        let place = finding.place.as_ref().map(|place| format!("{}: ", shown(place))).unwrap_or_default();
        let label = format!("{}[{}]", finding.severity, finding.rule);
        let label = match finding.severity {
            Severity::Error => self.paint.red(&label),
            Severity::Warning => self.paint.bold(&label),
        };
        let mut lines = finding.message.lines();
        let _ = writeln!(out, "{place}{label}: {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "    {line}");
        }
        if !finding.clusters.is_empty() {
            let _ = writeln!(out, "    on {}", finding.clusters.join(", "));
        }
        for line in finding.help.lines() {
            let _ = writeln!(out, "    help: {line}");
        }
    }
}

/// `file:line:column`, as far as it is known.
fn shown(place: &Place) -> String {
    let number = |number: Option<u32>| number.map(|number| format!(":{number}")).unwrap_or_default();
    format!("{}{}{}", place.file, number(place.line), number(place.column))
}

/// The form for programs. Fields are added, and never renamed or removed.
pub fn json(lint: &Lint) -> String {
    let findings: Vec<Value> = lint.findings.iter().map(one).collect();
    let all = value!({
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "Lint",
        "summary": {
            "errors": lint.count(Severity::Error),
            "warnings": lint.count(Severity::Warning),
            "clusters": lint.clusters,
            "scenarios": lint.scenarios,
        },
        "findings": findings,
        "notes": lint.notes,
    });
    format!("{all:#}\n")
}

fn one(finding: &Finding) -> Value {
    let mut all = value!({
        "rule": finding.rule.name(),
        "severity": finding.severity,
        "message": finding.message,
        "clusters": finding.clusters,
    });
    if !finding.help.is_empty() {
        all["help"] = finding.help.clone().into();
    }
    let place = finding.place.clone().unwrap_or_default();
    if !place.file.is_empty() {
        all["file"] = place.file.into();
    }
    for (field, number) in [("line", place.line), ("column", place.column)] {
        if let Some(number) = number {
            all[field] = number.into();
        }
    }
    all
}
