//! A parsed template.

use std::fmt::{Display, Formatter, Result};

use crate::number::Constant;

/// A part of a template.
#[derive(Debug)]
pub(crate) enum Node {
    /// To be printed as it is.
    Text(String),
    /// `{{pipeline}}`
    Action(Pipe),
    /// `{{if}}`
    If(Branch),
    /// `{{with}}`
    With(Branch),
    /// `{{range}}`
    Range(Branch),
    /// `{{template}}`
    Template {
        /// Its place.
        at: usize,
        /// The name of the other template.
        name: String,
        /// What it is given.
        pipe: Option<Pipe>,
    },
    /// `{{break}}`
    Break,
    /// `{{continue}}`
    Continue,
}

/// A block with its condition.
#[derive(Debug)]
pub(crate) struct Branch {
    /// The place of its first word.
    pub at: usize,
    /// The condition, or what is ranged over.
    pub pipe: Pipe,
    /// What follows.
    pub then: Vec<Node>,
    /// What follows otherwise.
    pub otherwise: Option<Vec<Node>>,
}

/// Commands, each with the value of the one before it.
#[derive(Debug, Clone)]
pub(crate) struct Pipe {
    /// Its place.
    pub at: usize,
    /// The variables that get its value, with their `$`.
    pub variables: Vec<String>,
    /// Whether they exist and are assigned to.
    pub assigns: bool,
    /// The commands; at least one.
    pub commands: Vec<Command>,
}

/// An operand, or a function with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// At least one.
    pub words: Vec<Word>,
}

/// An operand and its place.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// The byte where it stands.
    pub at: usize,
    /// What it is.
    pub what: Operand,
}

/// What stands for a value.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// A number, as it was written.
    Number(String, Constant),
    /// A text, as it was written, and what it stands for.
    Text(String, std::rc::Rc<str>),
    /// `.a.b`
    Field(Vec<String>),
    /// `$a.b`
    Variable(Vec<String>),
    /// A function.
    Name(String),
    /// `(pipeline).a.b`, `function.a.b`
    Chain(Box<Word>, Vec<String>),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match &word.what {
                Operand::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{word}")?,
            }
        }
        Ok(())
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.what {
            Operand::Dot => f.write_str("."),
            Operand::Nil => f.write_str("nil"),
            Operand::Bool(value) => write!(f, "{value}"),
            Operand::Number(text, _) | Operand::Text(text, _) | Operand::Name(text) => f.write_str(text),
            Operand::Field(names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
            Operand::Variable(names) => f.write_str(&names.join(".")),
            Operand::Chain(word, names) => {
                match &word.what {
                    Operand::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{word}")?,
                }
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Operand::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}
