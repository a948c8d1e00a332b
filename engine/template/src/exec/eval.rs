//! Pipelines, commands and their arguments.

use std::rc::Rc;

use super::{Place, Ran, Run, Scope, taken};
use crate::functions::{self, Type};
use crate::quote::quote;
use crate::tree::{Command, Operand, Pipe, Word};
use crate::value::{Record, Value};

impl<'a> Run<'a> {
    pub(super) fn pipe(&mut self, scope: &mut Scope<'a>, dot: &Value, pipe: &Pipe) -> Ran<Value> {
        scope.at = Place { at: pipe.at, context: pipe.to_string() };
        let mut value = None;
        for command in &pipe.commands {
            self.step(scope)?;
            let result = self.command(scope, dot, command, value)?;
            value = Some(if let Value::Nil = result { Value::Missing } else { result });
        }
        let value = value.unwrap_or(Value::Missing);
        for name in &pipe.variables {
            if !pipe.assigns {
                scope.declare(name, value.clone(), false);
            } else if !scope.assign(name, value.clone()) {
                return self.fail(scope, format!("undefined variable: {name}"));
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        command: &Command,
        last: Option<Value>,
    ) -> Ran<Value> {
        let first = &command.words[0];
        let arguments = &command.words[1..];
        match &first.what {
            Operand::Field(names) => {
                scope.at(first);
                let receiver = (dot.clone(), scope.boxed);
                return self.fields(scope, dot, first, receiver, names, arguments, last);
            }
            Operand::Chain(inner, names) => {
                let receiver = self.chain_root(scope, dot, first, inner)?;
                return self.fields(scope, dot, first, (receiver, false), names, arguments, last);
            }
            Operand::Name(name) => {
                return self.function(scope, dot, first, name, arguments, last, Some(command));
            }
            Operand::Variable(names) => {
                scope.at(first);
                let value = scope.get(&names[0]);
                if names.len() == 1 {
                    self.no_function(scope, first, arguments, last.as_ref())?;
                    return Ok(value.0);
                }
                return self.fields(scope, dot, first, value, &names[1..], arguments, last);
            }
            Operand::Pipe(pipe) => {
                self.no_function(scope, first, arguments, last.as_ref())?;
                return self.pipe(scope, dot, pipe);
            }
            _ => {}
        }
        scope.at(first);
        self.no_function(scope, first, arguments, last.as_ref())?;
        match &first.what {
            Operand::Bool(value) => Ok(Value::Bool(*value)),
            Operand::Number(text, constant) => self.constant(scope, text, constant),
            Operand::Text(_, text) => Ok(Value::Text(text.clone())),
            Operand::Nil => self.fail(scope, "nil is not a command"),
            _ => Ok(dot.clone()),
        }
    }

    /// A number where no type is asked for.
    fn constant(&self, scope: &Scope<'_>, text: &str, constant: &crate::number::Constant) -> Ran<Value> {
        if constant.is_float {
            return Ok(Value::Float(constant.float));
        }
        match constant.int {
            Some(value) => Ok(Value::Int(value)),
            None => self.fail(scope, format!("{text} overflows int")),
        }
    }

    fn no_function(
        &self,
        scope: &Scope<'_>,
        first: &Word,
        arguments: &[Word],
        last: Option<&Value>,
    ) -> Ran<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        self.fail(scope, format!("can't give argument to non-function {first}"))
    }

    fn chain_root(&mut self, scope: &mut Scope<'a>, dot: &Value, chain: &Word, inner: &Word) -> Ran<Value> {
        scope.at(chain);
        self.argument(scope, dot, Type::Any, inner)
    }

    #[expect(clippy::too_many_arguments, reason = "what a call consists of")]
    fn fields(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        word: &Word,
        (mut receiver, mut boxed): (Value, bool),
        names: &[String],
        arguments: &[Word],
        mut last: Option<Value>,
    ) -> Ran<Value> {
        for (index, name) in names.iter().enumerate() {
            let of_any = matches!(receiver, Value::Map(_));
            let (arguments, last) =
                if index + 1 == names.len() { (arguments, last.take()) } else { (&[][..], None) };
            receiver = self.field(scope, dot, word, (&receiver, boxed), name, arguments, last)?;
            boxed = of_any;
        }
        Ok(receiver)
    }

    #[expect(clippy::too_many_arguments, reason = "what a call consists of")]
    fn field(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        word: &Word,
        (receiver, boxed): (&Value, bool),
        name: &str,
        arguments: &[Word],
        last: Option<Value>,
    ) -> Ran<Value> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Missing => Ok(Value::Missing),
            Value::Nil => self.fail(scope, format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) => {
                if has_arguments {
                    return self.fail(scope, format!("{name} is not a method but has arguments"));
                }
                Ok(map.borrow().get(name).cloned().unwrap_or(Value::Missing))
            }
            Value::Record(record) => {
                if let Some(method) = record.methods.get(name) {
                    let mut given = Vec::with_capacity(arguments.len() + 1);
                    for argument in arguments {
                        given.push(self.argument(scope, dot, Type::Any, argument)?);
                    }
                    given.extend(last);
                    scope.at(word);
                    return match method(&given) {
                        Ok(value) => Ok(value),
                        Err(message) => self.fail(scope, format!("error calling {name}: {message}")),
                    };
                }
                self.record_field(scope, record, name, has_arguments)
            }
            other => {
                let type_name = if boxed { "interface {}".into() } else { other.type_name() };
                self.fail(scope, format!("can't evaluate field {name} in type {type_name}"))
            }
        }
    }

    fn record_field(
        &self,
        scope: &Scope<'_>,
        record: &Rc<Record>,
        name: &str,
        has_arguments: bool,
    ) -> Ran<Value> {
        let Some((_, value)) = record.fields.iter().find(|(field, _)| field == name) else {
            let message = format!("can't evaluate field {name} in type {}", record.type_name);
            return self.fail(scope, message);
        };
        if has_arguments {
            let message = format!("{name} has arguments but cannot be invoked as function");
            return self.fail(scope, message);
        }
        Ok(value.clone())
    }

    #[expect(clippy::too_many_arguments, reason = "what a call consists of")]
    fn function(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        word: &Word,
        name: &str,
        arguments: &[Word],
        last: Option<Value>,
        command: Option<&Command>,
    ) -> Ran<Value> {
        scope.at(word);
        let Some(function) = functions::find(self.templates.functions, name) else {
            return self.fail(scope, format!("{} is not a defined function", quote(name)));
        };
        let given = arguments.len() + usize::from(last.is_some());
        let fixed = function.takes.len();
        if function.rest.is_some() && given < fixed {
            let message = format!("wrong number of args for {name}: want at least {fixed} got {given}");
            return self.fail(scope, message);
        }
        if function.rest.is_none() && given != fixed {
            let message = format!("wrong number of args for {name}: want {fixed} got {given}");
            return self.fail(scope, message);
        }
        if let Some(wanted) = function.stops_at {
            return self.short_circuit(scope, dot, arguments, last, wanted);
        }
        let mut values = Vec::with_capacity(given);
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.argument(scope, dot, taken(function, index), argument)?);
        }
        if let Some(last) = last {
            values.push(self.fitting(scope, last, taken(function, given - 1))?);
        }
        match (function.call)(&values) {
            Ok(value) => Ok(value),
            Err(mut message) => {
                scope.at(word);
                if let Some(command) = command {
                    scope.at.context = command.to_string();
                }
                if name == "call" && message.starts_with("non-function") {
                    let given = arguments.first().map(Word::to_string).unwrap_or_default();
                    message = message.replacen("non-function", &format!("non-function {given}"), 1);
                }
                self.fail(scope, format!("error calling {name}: {message}"))
            }
        }
    }

    /// `and` and `or` evaluate no more arguments than they need.
    fn short_circuit(
        &mut self,
        scope: &mut Scope<'a>,
        dot: &Value,
        arguments: &[Word],
        last: Option<Value>,
        wanted: bool,
    ) -> Ran<Value> {
        let mut value = Value::Missing;
        for argument in arguments {
            value = self.argument(scope, dot, Type::Any, argument)?;
            if value.truth() == wanted {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn argument(&mut self, scope: &mut Scope<'a>, dot: &Value, wanted: Type, word: &Word) -> Ran<Value> {
        scope.at(word);
        self.step(scope)?;
        let value = match &word.what {
            Operand::Dot => dot.clone(),
            Operand::Nil if matches!(wanted, Type::Any | Type::Map) => return Ok(Value::Nil),
            Operand::Nil => return self.fail(scope, format!("cannot assign nil to {}", wanted.name())),
            Operand::Field(names) => {
                self.fields(scope, dot, word, (dot.clone(), scope.boxed), names, &[], None)?
            }
            Operand::Variable(names) => {
                let value = scope.get(&names[0]);
                self.fields(scope, dot, word, value, &names[1..], &[], None)?
            }
            Operand::Pipe(pipe) => self.pipe(scope, dot, pipe)?,
            Operand::Name(name) => self.function(scope, dot, word, name, &[], None, None)?,
            Operand::Chain(inner, names) => {
                let receiver = self.chain_root(scope, dot, word, inner)?;
                self.fields(scope, dot, word, (receiver, false), names, &[], None)?
            }
            Operand::Bool(_) | Operand::Number(..) | Operand::Text(..) => {
                return self.literal(scope, wanted, word);
            }
        };
        self.fitting(scope, value, wanted)
    }

    /// A constant as an argument of this type.
    fn literal(&self, scope: &Scope<'_>, wanted: Type, word: &Word) -> Ran<Value> {
        match (wanted, &word.what) {
            (Type::Any | Type::Bool, Operand::Bool(value)) => Ok(Value::Bool(*value)),
            (Type::Any | Type::Text, Operand::Text(_, text)) => Ok(Value::Text(text.clone())),
            (Type::Any, Operand::Number(text, constant)) => self.constant(scope, text, constant),
            (Type::Int, Operand::Number(_, constant)) if constant.int.is_some() => {
                Ok(Value::Int(constant.int.unwrap_or(0)))
            }
            (Type::Float, Operand::Number(_, constant)) => Ok(Value::Float(constant.float)),
            (Type::Map, _) => {
                let message = format!("can't handle {word} for arg of type {}", wanted.name());
                self.fail(scope, message)
            }
            _ => self.fail(scope, format!("expected {}; found {word}", wanted.constant_name())),
        }
    }

    /// A value as an argument of this type.
    fn fitting(&self, scope: &Scope<'_>, value: Value, wanted: Type) -> Ran<Value> {
        match (wanted, &value) {
            (Type::Any, Value::Missing) => Ok(Value::Nil),
            (Type::Any, _)
            | (Type::Text, Value::Text(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Float, Value::Float(_))
            | (Type::Int, Value::Int(_))
            | (Type::Map, Value::Map(_)) => Ok(value),
            (Type::Map, Value::Missing) => Ok(Value::Nil),
            (_, Value::Missing) => self.fail(scope, format!("invalid value; expected {}", wanted.name())),
            _ => {
                let message =
                    format!("wrong type for value; expected {}; got {}", wanted.name(), value.type_name());
                self.fail(scope, message)
            }
        }
    }
}
