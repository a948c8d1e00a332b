//! From text to scenarios.

use super::references::{self, Files};
use super::shape::Shape;
use super::tree::{self, Node, Pos};
use super::{Invalid, Problem, Scenario};
use std::path::{Path, PathBuf};

/// A scenario, and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// The scenario.
    pub scenario: Scenario,
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line on which it starts, from 1.
    pub line: u32,
    /// The line of each step, from 1.
    pub step_lines: Vec<u32>,
    /// What the scenario refers to, as it was when the scenario was read.
    pub(crate) files: Files,
}

impl Located {
    /// The folder that paths in the scenario are relative to.
    pub fn folder(&self) -> &Path {
        folder_of(&self.file)
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a scenario file: one or more scenarios, as YAML documents.
///
/// # Errors
/// [`Invalid`] with everything that is wrong with the file, or with files that it refers to.
pub fn parse_file(file: &Path) -> Result<Vec<Located>, Invalid> {
    match std::fs::read_to_string(file) {
        Ok(text) => parse_text(file, &text),
        Err(error) => {
            let problem =
                Problem::new(file, Pos { line: 1, column: 1 }, format!("the file cannot be read: {error}"));
            Err(Invalid { file: file.to_owned(), problems: vec![problem] })
        }
    }
}

/// Reads the text of a scenario file. `file` names it in problems, and paths in it are relative to its folder.
///
/// # Errors
/// As [`parse_file`].
pub fn parse_text(file: &Path, text: &str) -> Result<Vec<Located>, Invalid> {
    let invalid = |problems: Vec<Problem>| Invalid { file: file.to_owned(), problems };
    let documents = tree::read(file, text).map_err(|problem| invalid(vec![problem]))?;
    if documents.is_empty() {
        let at = Pos { line: 1, column: 1 };
        return Err(invalid(vec![Problem::new(file, at, "the file contains no scenario")]));
    }
    let shape = Shape::new(super::schema(), "the scenario");
    let mut problems = Vec::new();
    let mut scenarios = Vec::new();
    for document in &documents {
        let before = problems.len();
        problems.extend(shape.check(file, document, "the scenario"));
        if problems.len() > before {
            continue;
        }
        match to_model::<Scenario>(file, document) {
            Ok(scenario) => {
                let (files, wrong) = references::check(file, folder_of(file), document, &scenario);
                problems.extend(wrong);
                let steps = document.get("spec").and_then(|s| s.get("steps"));
                scenarios.push(Located {
                    file: file.to_owned(),
                    line: document.at.line,
                    step_lines: steps
                        .map(|s| s.items().iter().map(|n| n.at.line).collect())
                        .unwrap_or_default(),
                    files,
                    scenario,
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(twice(file, &documents));
    if problems.is_empty() {
        return Ok(scenarios);
    }
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    Err(invalid(problems))
}

/// Scenarios of one file that have the same name.
fn twice(file: &Path, documents: &[Node]) -> Vec<Problem> {
    let names: Vec<&Node> =
        documents.iter().filter_map(|d| d.get("metadata").and_then(|m| m.get("name"))).collect();
    let repeats = names.iter().enumerate().filter_map(|(index, node)| {
        let first = names[..index].iter().find(|n| n.text() == node.text())?;
        let name = node.text()?;
        let message =
            format!("the file has two scenarios called `{name}`: the first is on line {}", first.at.line);
        Some(Problem::new(file, node.at, message))
    });
    repeats.collect()
}

/// Builds the model from a tree whose shape is right. What only the model's own types refuse is reported with its place.
pub(super) fn to_model<T: serde::de::DeserializeOwned>(file: &Path, node: &Node) -> Result<T, Problem> {
    serde_path_to_error::deserialize(node.to_json()).map_err(|error| {
        let at = locate(node, error.path());
        Problem::new(file, at, error.into_inner().to_string())
    })
}

/// The place of the deepest node of the path that exists.
fn locate(node: &Node, path: &serde_path_to_error::Path) -> Pos {
    use serde_path_to_error::Segment;
    let mut node = node;
    for segment in path {
        let next = match segment {
            Segment::Map { key } => node.get(key),
            Segment::Enum { variant } => node.get(variant),
            Segment::Seq { index } => node.items().get(*index),
            Segment::Unknown => None,
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.at
}
