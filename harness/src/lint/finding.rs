//! What was found.

use super::rule::{Rule, Severity};
use serde::Serialize;

/// Where something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file: of a repository, from the path that was given.
    pub file: String,
    /// Its line, from 1, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Its column, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl Place {
    /// A file as a whole.
    pub(crate) fn file(file: impl Into<String>) -> Place {
        Place { file: file.into(), ..Place::default() }
    }
}

/// Something that is wrong, or a trap. Findings are sorted by file, line and column; those of no file come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where, if it stands somewhere.
    pub place: Option<Place>,
    /// The rule.
    pub rule: Rule,
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty where the message says it.
    pub help: String,
    /// The clusters that it is about, sorted; none where it is about the repository.
    pub clusters: Vec<String>,
}

impl Finding {
    pub(super) fn error(rule: Rule, message: impl Into<String>) -> Finding {
        Finding {
            place: None,
            rule,
            severity: Severity::Error,
            message: message.into(),
            help: String::new(),
            clusters: Vec::new(),
        }
    }

    pub(super) fn warning(rule: Rule, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(rule, message) }
    }

    /// An error where all that there is has been seen, else a warning.
    pub(super) fn certain(is_certain: bool, rule: Rule, message: impl Into<String>) -> Finding {
        match is_certain {
            true => Finding::error(rule, message),
            false => Finding::warning(rule, message),
        }
    }

    pub(super) fn at(mut self, place: Option<Place>) -> Finding {
        self.place = place;
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = help.into();
        self
    }

    pub(super) fn on(mut self, cluster: &str) -> Finding {
        self.clusters.push(cluster.to_owned());
        self
    }
}

/// What was found, and what was not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lint {
    /// The findings, sorted.
    pub findings: Vec<Finding>,
    /// What was not looked at, and why; sorted.
    pub notes: Vec<String>,
    /// How many clusters were looked at.
    pub clusters: usize,
    /// How many scenario files were looked at.
    pub scenarios: usize,
}

impl Lint {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Brings findings into order; what is found for several clusters alike becomes one.
    pub(super) fn sort(&mut self) {
        self.findings.sort();
        let mut sorted: Vec<Finding> = Vec::new();
        for finding in self.findings.drain(..) {
            match sorted.last_mut() {
                Some(last) if same(last, &finding) => last.clusters.extend(finding.clusters),
                _ => sorted.push(finding),
            }
        }
        for finding in &mut sorted {
            finding.clusters.sort();
            finding.clusters.dedup();
        }
        self.findings = sorted;
        self.notes.sort();
        self.notes.dedup();
    }
}

fn same(a: &Finding, b: &Finding) -> bool {
    (&a.place, a.rule, a.severity, &a.message, &a.help) == (&b.place, b.rule, b.severity, &b.message, &b.help)
}
