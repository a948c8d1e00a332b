//! Why a template was not rendered.

/// Why a template was not rendered, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The template does not parse.
    #[error("template: {name}:{line}: {message}")]
    Parse {
        /// The name of the template.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The template failed while it ran.
    #[error("template: {name}:{line}:{column}: executing {template} at <{context}>: {message}")]
    Run {
        /// The name of the template.
        name: String,
        /// The line, counted from 1.
        line: usize,
        /// The byte in the line, counted from 0.
        column: usize,
        /// The quoted name of the template that ran: of a `define`, or the name itself.
        template: String,
        /// What was being evaluated.
        context: String,
        /// What is wrong.
        message: String,
    },
}
