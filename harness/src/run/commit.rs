//! The step `expectCommit`.

use super::failure::StepError;
use super::world::World;
use crate::forge::{CommitInfo, ForgeError, Repo};
use crate::report::{Failure, elapsed};
use crate::scenario::{ExpectCommit, LineDiff, Span};
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// Waits until the tip of the branch is such a commit.
pub(super) async fn expect(
    world: &World,
    repo: &str,
    branch: &str,
    within: Option<Duration>,
    wanted: &ExpectCommit,
) -> Result<Vec<String>, Failure> {
    let repo = world.repo(repo).map_err(Failure::from)?;
    let began = world.clock.now();
    loop {
        let stamp = repo.signal().stamp();
        let tip = repo.info(branch).map_err(|error| Failure::from(StepError::from(error)))?;
        let problem = problem(&repo, &tip, wanted).map_err(|error| Failure::from(StepError::from(error)))?;
        let Some(problem) = problem else { return Ok(vec![format!("{branch}@{}", tip.id.short())]) };
        let left = within.unwrap_or_default().saturating_sub(elapsed(began, world.clock.now()));
        if left.is_zero() || world.clock.timeout(left, repo.signal().changed(&stamp)).await.is_err() {
            let late = within.map(|time| format!("not within {}: ", Span(time))).unwrap_or_default();
            let message =
                format!("{late}the tip of {branch} is {} \"{}\": {problem}", tip.id.short(), tip.subject());
            return Err(Failure { message, ..Failure::default() });
        }
    }
}

/// What is wrong with a commit; nothing where it is as wanted.
fn problem(repo: &Repo, tip: &CommitInfo, wanted: &ExpectCommit) -> Result<Option<String>, ForgeError> {
    if let Some(author) = &wanted.author
        && (author.name != tip.author.name || author.email != tip.author.email)
    {
        return Ok(Some(format!("its author is {} <{}>", tip.author.name, tip.author.email)));
    }
    if let Some(message) = &wanted.message
        && message.trim_end_matches('\n') != tip.message.trim_end_matches('\n')
    {
        return Ok(Some(format!("its message is {:?}", tip.message)));
    }
    let id = tip.id.to_string();
    if let Some(files) = &wanted.files {
        let mut files = files.clone();
        files.sort();
        let changed = repo.changed_files(&id)?;
        if files != changed {
            return Ok(Some(format!("it changes {}", changed.join(", "))));
        }
    }
    for (path, lines) in &wanted.diff {
        let text = |content: Result<Vec<u8>, ForgeError>| match content {
            Ok(content) => Ok(String::from_utf8_lossy(&content).into_owned()),
            Err(ForgeError::NoFile { .. }) => Ok(String::new()),
            Err(error) => Err(error),
        };
        let old = match tip.parents.first() {
            Some(parent) => text(repo.read(&parent.to_string(), path))?,
            None => String::new(),
        };
        let new = text(repo.read(&id, path))?;
        let found = difference(&old, &new);
        if found != *lines {
            let shown = |sign: char, lines: &[String]| -> String {
                lines.iter().map(|line| format!("\n{sign}{line}")).collect()
            };
            let diff = format!("{}{}", shown('-', &found.removed), shown('+', &found.added));
            let diff = if diff.is_empty() { " nothing".to_owned() } else { diff };
            return Ok(Some(format!("of {path} it changes{diff}")));
        }
    }
    Ok(None)
}

fn difference(old: &str, new: &str) -> LineDiff {
    let mut lines = LineDiff::default();
    let diff = TextDiff::from_lines(old, new);
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end_matches(['\r', '\n']).to_owned();
        match change.tag() {
            ChangeTag::Delete => lines.removed.push(line),
            ChangeTag::Insert => lines.added.push(line),
            ChangeTag::Equal => {}
        }
    }
    lines
}
