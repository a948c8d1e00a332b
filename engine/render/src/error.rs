//! What can go wrong, and where.

use std::fmt;

use thiserror::Error;

/// One problem of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// The file that it is in, as a path in the tree; empty where it is in none.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// The column, from 1, where it is known.
    pub column: Option<u32>,
    /// How many lines of the file stand above the part of it that kustomize reads on its own.
    pub(crate) above: u32,
    /// What is wrong.
    pub message: String,
    /// The directories of the kustomizations that led there, the outermost first.
    pub chain: Vec<String>,
}

impl RenderError {
    pub(crate) fn new(message: impl Into<String>) -> RenderError {
        RenderError {
            file: String::new(),
            line: None,
            column: None,
            above: 0,
            message: message.into(),
            chain: Vec::new(),
        }
    }

    /// Says which file, where none is known yet.
    pub(crate) fn in_file(mut self, file: &str) -> RenderError {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
        }
        self
    }

    pub(crate) fn at(mut self, line: u32, column: u32) -> RenderError {
        self.line = (line > 0).then_some(line);
        self.column = (line > 0 && column > 0).then_some(column);
        self
    }
}

/// What kustomize says.
impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl RenderError {
    /// The file, with line and column where they are known; `None` where the problem is in no file.
    pub fn place(&self) -> Option<String> {
        let number = |n: Option<u32>| n.map(|n| format!(":{n}")).unwrap_or_default();
        let place = format!("{}{}{}", self.file, number(self.line), number(self.column));
        (!self.file.is_empty()).then_some(place)
    }
}

impl std::error::Error for RenderError {}

/// All independent problems of a build; at least one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct RenderErrors {
    /// The problems, in the order in which they were met.
    pub errors: Vec<RenderError>,
    /// The warnings of the build up to there.
    pub warnings: Vec<String>,
}

impl fmt::Display for RenderErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl From<RenderError> for RenderErrors {
    fn from(error: RenderError) -> RenderErrors {
        RenderErrors { errors: vec![error], warnings: Vec::new() }
    }
}

impl RenderErrors {
    /// For people: each problem in kustomize's words, and below it where it is, and which kustomizations led there.
    pub fn report(&self) -> String {
        let mut lines = Vec::new();
        for error in &self.errors {
            lines.push(format!("Error: {}", error.message.trim_end_matches('\n')));
            lines.extend(error.place().map(|place| format!("  at {place}")));
            if error.chain.len() > 1 {
                lines.push(format!("  by {}", error.chain.join(" -> ")));
            }
        }
        lines.join("\n")
    }

    /// Changes each problem.
    pub(crate) fn map(mut self, change: impl Fn(RenderError) -> RenderError) -> RenderErrors {
        self.errors = self.errors.into_iter().map(change).collect();
        self
    }
}

/// How messages about broken YAML start.
pub(crate) const INVALID_YAML: &str = "invalid YAML: ";

pub(crate) fn is_malformed(error: &RenderError) -> bool {
    error.message.starts_with(INVALID_YAML)
}

/// How kustomize's messages about keys that come twice start. It meets them when it prints, and so says nothing of where they are.
const TWICE: &str = "map[string]interface {}(nil): yaml: unmarshal errors:";

/// What kustomize says about a key that comes twice in a manifest; `None` where something else is wrong.
pub(crate) fn key_twice(error: &RenderError) -> Option<String> {
    let what = error.message.strip_prefix(INVALID_YAML)?;
    let line = error.line?.saturating_sub(error.above);
    (what.starts_with("mapping key ") && what.contains(" already defined at line "))
        .then(|| format!("{TWICE}\n  line {line}: {what}"))
}

/// Whether a message is one that kustomize gives when it prints.
pub(crate) fn is_of_printing(error: &RenderError) -> bool {
    error.message.starts_with(TWICE)
}

/// How kustomize's messages about broken YAML start.
pub(crate) const MALFORMED: &str = "MalformedYAMLError: ";

/// What kustomize says about broken YAML in a file.
pub(crate) fn malformed(error: &RenderError, file: &str) -> String {
    format!("{MALFORMED}{} in File: {file}", yaml_words(error))
}

/// What the YAML reader of kustomize says; its line numbers point at the end of what it had read.
pub(crate) fn yaml_words(error: &RenderError) -> String {
    let what = error.message.trim_start_matches(INVALID_YAML);
    let of_scanner = ["found ", "could not find ", "mapping values ", "block sequence "];
    let is_of_scanner = of_scanner.iter().any(|start| what.starts_with(start));
    // An open brace is told of at the line behind it, also in the first one.
    let open = what.starts_with("did not find expected ',' or");
    // Otherwise the first line is not told.
    let line = error.line.map(|line| line.saturating_sub(error.above));
    match line.map_or(0, |line| {
        if is_of_scanner && line > 1 { line } else { line.saturating_sub(1).max(u32::from(open)) }
    }) {
        0 => format!("yaml: {what}"),
        line => format!("yaml: line {line}: {what}"),
    }
}

/// The crate's result.
pub(crate) type Result<T, E = RenderErrors> = std::result::Result<T, E>;

/// An error with this message.
pub(crate) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(RenderError::new(message).into())
}

/// Puts `prefix: ` before messages.
pub(crate) trait Context<T> {
    fn context(self, prefix: impl Fn() -> String) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn context(self, prefix: impl Fn() -> String) -> Result<T> {
        self.map_err(|errors| {
            errors.map(|mut error| {
                if !is_of_printing(&error) {
                    error.message = format!("{}: {}", prefix(), error.message);
                }
                error
            })
        })
    }
}
