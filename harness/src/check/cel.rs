//! Expressions in the Common Expression Language.

use cel::{Context, Program};
use serde_json::Value;

/// A compiled expression over `object`.
pub struct Expression {
    program: Program,
}

/// An expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CelError {
    /// It is not an expression.
    #[error("the expression cannot be read: at {0}")]
    Syntax(String),
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Expression")
    }
}

/// Reads an expression.
///
/// # Errors
/// [`CelError::Syntax`] with what is wrong and where in the expression.
pub fn compile(text: &str) -> Result<Expression, CelError> {
    Program::compile(text).map(|program| Expression { program }).map_err(|error| {
        let text = error.to_string();
        // The parser draws a picture for each error; the first line of the first is what fits here:
        // `ERROR: <input>:1:13: Syntax error: …`.
        let first = text.lines().next().unwrap_or_default();
        CelError::Syntax(first.strip_prefix("ERROR: <input>:").unwrap_or(first).to_owned())
    })
}

impl Expression {
    /// Whether the expression is true of an object. A field that the object does not have makes it false.
    pub fn holds(&self, object: &Value) -> bool {
        let mut context = Context::default();
        if context.add_variable("object", object).is_err() {
            return false;
        }
        matches!(self.program.execute(&context), Ok(cel::Value::Bool(true)))
    }
}
