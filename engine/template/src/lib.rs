//! Go's `text/template` over JSON values: commit messages of image updates, templates of sealed secrets.
//!
//! The language is that of Go 1.26, with its functions, its printing of values and the words of its errors
//! (`template: NAME:LINE:COLUMN: executing "NAME" at <.x>: …`). Options are Go's defaults: a key that a map does
//! not have prints as `<no value>`. [`Functions::Sprig`] adds the functions of Sprig that depend on their
//! arguments alone; those that ask for the time, the environment, the network or chance are refused by name.
//!
//! Nothing here does I/O, reads a clock or knows chance.
//!
//! # What differs from Go
//! Texts are UTF-8: what would cut a character in two is an error. Complex numbers are refused. Nesting is
//! limited to 100 levels in the text and 150 at run time, the work of one rendering to 10 million
//! steps and its output to 64 MiB. Where Go walks a map in an order of chance (`keys`, `values`), it is sorted.

mod error;
mod exec;
mod functions;
mod lex;
mod number;
mod parse;
mod print;
mod quote;
pub mod regexp;
mod tree;
mod value;

pub use error::Error;
pub use functions::Functions;
pub use functions::encoding::adler32;
pub use value::{Map, Method, Record, Value};

/// Renders the template `text` over `data`; `name` is what errors call it.
///
/// # Errors
/// What Go says of a template that does not parse, or fails while it runs.
pub fn render(
    name: &str,
    text: &str,
    data: &serde_json::Value,
    functions: Functions,
) -> Result<String, Error> {
    Template::parse(name, text, functions)?.render(&Value::from(data))
}

/// A parsed template: to be rendered over several data, or over data that JSON cannot express ([`Record`]).
#[derive(Debug)]
pub struct Template {
    templates: parse::Templates,
}

impl Template {
    /// Parses `text`; `name` is what errors call it.
    ///
    /// # Errors
    /// What Go says of a template that does not parse, with its line.
    pub fn parse(name: &str, text: &str, functions: Functions) -> Result<Self, Error> {
        Ok(Self { templates: parse::parse(name, text, functions)? })
    }

    /// The template's text over `data`.
    ///
    /// # Errors
    /// What Go says of a template that fails while it runs, with its line, column and the place in the template.
    pub fn render(&self, data: &Value) -> Result<String, Error> {
        exec::run(&self.templates, data)
    }
}
