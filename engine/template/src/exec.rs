//! Templates are run.

mod eval;

use crate::error::Error;
use crate::functions::{Function, Type};
use crate::parse::Templates;
use crate::print;
use crate::quote::quote;
use crate::tree::{Branch, Node, Pipe, Word};
use crate::value::Value;

/// How deep blocks and invoked templates may nest while they run.
const DEPTH: usize = 150;
/// How many nodes and commands one rendering may evaluate.
const STEPS: u64 = 10_000_000;
/// How many bytes one rendering may write.
const OUTPUT: usize = 64 << 20;

/// Runs the main template of a text.
pub(crate) fn run(templates: &Templates, data: &Value) -> Result<String, Error> {
    let data = if data.is_nil() { &Value::Missing } else { data };
    let mut run = Run { templates, out: String::new(), steps: 0, depth: 0 };
    let mut scope = Scope {
        template: &templates.name,
        variables: Vec::new(),
        at: Place { at: 0, context: String::new() },
        boxed: false,
    };
    scope.declare("$", data.clone(), false);
    match run.walk(&mut scope, data, &templates.main) {
        Ok(_) => Ok(run.out),
        Err(error) => Err(*error),
    }
}

/// Where an error belongs to.
struct Place {
    at: usize,
    context: String,
}

/// What one invocation of a template knows.
struct Scope<'a> {
    template: &'a str,
    variables: Vec<Variable>,
    at: Place,
    /// Whether dot is an item of a list or map: its type is then `interface {}` to Go.
    boxed: bool,
}

struct Variable {
    name: String,
    value: Value,
    /// As in [`Scope`].
    boxed: bool,
}

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    templates: &'a Templates,
    out: String,
    steps: u64,
    depth: usize,
}

type Ran<T> = Result<T, Box<Error>>;

impl Scope<'_> {
    fn at(&mut self, word: &Word) {
        self.at = Place { at: word.at, context: word.to_string() };
    }

    fn get(&self, name: &str) -> (Value, bool) {
        let found = self.variables.iter().rev().find(|variable| variable.name == name);
        found.map_or((Value::Missing, false), |variable| (variable.value.clone(), variable.boxed))
    }

    fn declare(&mut self, name: &str, value: Value, boxed: bool) {
        self.variables.push(Variable { name: name.to_owned(), value, boxed });
    }

    /// Whether there is such a variable; then it has this value now.
    fn assign(&mut self, name: &str, value: Value) -> bool {
        match self.variables.iter_mut().rev().find(|variable| variable.name == name) {
            Some(variable) => {
                variable.value = value;
                true
            }
            None => false,
        }
    }
}

impl<'a> Run<'a> {
    fn fail<T>(&self, scope: &Scope<'_>, message: impl Into<String>) -> Ran<T> {
        let before = &self.templates.text[..scope.at.at];
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        Err(Box::new(Error::Run {
            name: self.templates.name.clone(),
            line: 1 + before.matches('\n').count(),
            column: before.len() - begin,
            template: quote(scope.template),
            context: scope.at.context.clone(),
            message: message.into(),
        }))
    }

    fn step(&mut self, scope: &Scope<'_>) -> Ran<()> {
        self.steps += 1;
        if self.steps > STEPS {
            return self.fail(scope, format!("more than {STEPS} steps are not supported"));
        }
        if self.out.len() > OUTPUT {
            return self.fail(scope, format!("more than {OUTPUT} bytes of output are not supported"));
        }
        Ok(())
    }

    fn walk(&mut self, scope: &mut Scope<'a>, dot: &Value, nodes: &'a [Node]) -> Ran<Flow> {
        if self.depth == DEPTH {
            return self.fail(scope, format!("exceeded maximum template depth ({DEPTH})"));
        }
        self.depth += 1;
        let flow = self.nodes(scope, dot, nodes);
        self.depth -= 1;
        flow
    }

    fn nodes(&mut self, scope: &mut Scope<'a>, dot: &Value, nodes: &'a [Node]) -> Ran<Flow> {
        for node in nodes {
            self.step(scope)?;
            let flow = match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    Flow::On
                }
                Node::Action(pipe) => {
                    let value = self.pipe(scope, dot, pipe)?;
                    if pipe.variables.is_empty() {
                        print::write(&mut self.out, &value);
                    }
                    Flow::On
                }
                Node::If(branch) => self.choose(scope, dot, branch, false)?,
                Node::With(branch) => self.choose(scope, dot, branch, true)?,
                Node::Range(branch) => self.range(scope, dot, branch)?,
                Node::Template { at, name, pipe } => {
                    self.invoke(scope, dot, *at, name, pipe.as_ref())?;
                    Flow::On
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn choose(&mut self, scope: &mut Scope<'a>, dot: &Value, branch: &'a Branch, with: bool) -> Ran<Flow> {
        let mark = scope.variables.len();
        let value = self.pipe(scope, dot, &branch.pipe)?;
        let flow = if value.truth() {
            let boxed = scope.boxed;
            scope.boxed &= !with;
            let flow = self.walk(scope, if with { &value } else { dot }, &branch.then)?;
            scope.boxed = boxed;
            flow
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk(scope, dot, otherwise)?
        } else {
            Flow::On
        };
        scope.variables.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, scope: &mut Scope<'a>, dot: &Value, branch: &'a Branch) -> Ran<Flow> {
        scope.at = Place { at: branch.at, context: range_text(branch) };
        let mark = scope.variables.len();
        let value = self.pipe(scope, dot, &branch.pipe)?;
        let of_any = matches!(value, Value::List(_) | Value::Map(_));
        let items: Box<dyn Iterator<Item = (Value, Value)>> = match value {
            Value::Missing | Value::Nil => Box::new(std::iter::empty()),
            Value::List(items) => {
                let count = items.len();
                Box::new((0..count).map(move |index| (Value::Int(index as i64), items[index].clone())))
            }
            Value::Map(map) => {
                let entries: Vec<_> = map
                    .borrow()
                    .iter()
                    .map(|(key, value)| (Value::Text(key.clone()), value.clone()))
                    .collect();
                Box::new(entries.into_iter())
            }
            Value::Pairs(pairs) => {
                let count = pairs.len();
                Box::new((0..count).map(move |index| pairs[index].clone()))
            }
            Value::Int(count) | Value::Int64(count) => {
                if branch.pipe.variables.len() > 1 {
                    let message = format!("can't use {count} to iterate over more than one variable");
                    return self.fail(scope, message);
                }
                Box::new((0..count).map(|index| (Value::Int(index), Value::Int(index))))
            }
            other => {
                let message = format!("range can't iterate over {}", print::plain(&other));
                return self.fail(scope, message);
            }
        };
        let inner = scope.variables.len();
        let names = &branch.pipe.variables;
        let mut ran = false;
        for (key, item) in items {
            ran = true;
            match names.as_slice() {
                [] => {}
                [one] if branch.pipe.assigns => {
                    scope.assign(one, item.clone());
                }
                [first, second, ..] if branch.pipe.assigns => {
                    scope.assign(first, key);
                    scope.assign(second, item.clone());
                }
                [one] => scope.declare(one, item.clone(), of_any),
                [first, second, ..] => {
                    scope.declare(first, key, false);
                    scope.declare(second, item.clone(), of_any);
                }
            }
            let boxed = std::mem::replace(&mut scope.boxed, of_any);
            let flow = self.walk(scope, &item, &branch.then)?;
            scope.boxed = boxed;
            scope.variables.truncate(inner);
            if flow == Flow::Break {
                break;
            }
            self.step(scope)?;
        }
        let mut flow = Flow::On;
        if !ran && let Some(otherwise) = &branch.otherwise {
            flow = self.walk(scope, dot, otherwise)?;
        }
        scope.variables.truncate(mark);
        Ok(flow)
    }

    fn invoke(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        at: usize,
        name: &'a str,
        pipe: Option<&'a Pipe>,
    ) -> Ran<()> {
        let given = pipe.map_or_else(String::new, |pipe| format!(" {pipe}"));
        let place = || Place { at, context: format!("{{{{template {}{given}}}}}", quote(name)) };
        scope.at = place();
        let templates = self.templates;
        let nodes = match templates.defined.get(name) {
            Some(nodes) => nodes,
            None if name == templates.name => &templates.main,
            None => return self.fail(scope, format!("template {} not defined", quote(name))),
        };
        let dot = match pipe {
            Some(pipe) => self.pipe(scope, dot, pipe)?,
            None => Value::Missing,
        };
        let mut inner = Scope { template: name, variables: Vec::new(), at: place(), boxed: false };
        inner.declare("$", dot.clone(), false);
        self.walk(&mut inner, &dot, nodes)?;
        Ok(())
    }
}

fn taken(function: &Function, index: usize) -> Type {
    function.takes.get(index).copied().or(function.rest).unwrap_or(Type::Any)
}

/// A range as Go shows it in errors: its condition alone matters, as no more than 20 characters are shown.
fn range_text(branch: &Branch) -> String {
    format!("{{{{range {}}}}}…", branch.pipe)
}
