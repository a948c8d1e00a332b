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

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}", self.file)?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if self.chain.len() > 1 {
            write!(f, " (by {})", self.chain.join(" -> "))?;
        }
        Ok(())
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
    /// Changes each problem.
    pub(crate) fn map(mut self, change: impl Fn(RenderError) -> RenderError) -> RenderErrors {
        self.errors = self.errors.into_iter().map(change).collect();
        self
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
                error.message = format!("{}: {}", prefix(), error.message);
                error
            })
        })
    }
}
