//! `scenario`: what `seatrial run` would refuse, without playing anything.

use super::finding::{Finding, Lint, Place};
use super::rule::Rule;
use super::{LintError, slashes};
use crate::scenario::{discover, parse_file};
use std::path::Path;

/// Reads a scenario file, or those of a folder.
///
/// # Errors
/// There is no such file; the folder has no scenario.
pub(super) fn check(path: &Path, lint: &mut Lint) -> Result<(), LintError> {
    let files = discover(&[path.to_owned()])?;
    if files.is_empty() {
        let git = git2::Repository::discover(path).ok();
        let root = git.as_ref().and_then(|git| git.workdir()).filter(|root| root.join("clusters").is_dir());
        let hint =
            root.map(|root| format!("; it is a folder of the repository {}: give that", root.display()));
        return Err(LintError::Nothing { path: path.to_owned(), hint: hint.unwrap_or_default() });
    }
    for file in files {
        lint.scenarios += 1;
        let Err(invalid) = parse_file(&file) else { continue };
        for problem in invalid.problems {
            let place = Place {
                file: slashes(problem.file.strip_prefix(".").unwrap_or(&problem.file)),
                line: Some(problem.line),
                column: Some(problem.column),
            };
            let finding = Finding::error(Rule::Scenario, problem.message).at(Some(place));
            lint.findings.push(finding.help(problem.help.unwrap_or_default()));
        }
    }
    Ok(())
}
