//! Pipelines, commands and operands.

use std::rc::Rc;

use super::{Parsed, Parser};
use crate::functions;
use crate::lex::Kind;
use crate::number;
use crate::quote::quote;
use crate::tree::{Command, Operand, Pipe, Word};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: &Kind, at: usize) -> Parsed<Pipe> {
        let mut pipe = Pipe { at, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.declarations(context, &mut pipe)?;
        loop {
            let token = self.take_solid();
            match token.kind {
                _ if token.kind == *end => break,
                Kind::Bool
                | Kind::Char
                | Kind::Dot
                | Kind::Field
                | Kind::Name
                | Kind::Number
                | Kind::Raw
                | Kind::Quoted
                | Kind::Variable
                | Kind::Left => {
                    self.next -= 1;
                    pipe.commands.push(self.command()?);
                }
                Kind::Keyword if token.text == "nil" => {
                    self.next -= 1;
                    pipe.commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (index, command) in pipe.commands.iter().enumerate().skip(1) {
            use Operand::{Bool, Dot, Nil, Number, Text};
            if matches!(command.words[0].what, Bool(_) | Dot | Nil | Number(..) | Text(..)) {
                return self.fail(format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        if !pipe.assigns {
            self.variables.extend(pipe.variables.iter().cloned());
        }
        Ok(pipe)
    }

    fn declarations(&mut self, context: &str, pipe: &mut Pipe) -> Parsed<()> {
        loop {
            if self.peek_solid().kind != Kind::Variable {
                return Ok(());
            }
            let begin = self.next;
            let variable = self.take();
            let sign = self.peek_solid().clone();
            match sign.kind {
                Kind::Declare | Kind::Assign => {
                    self.next += 1;
                    pipe.assigns = sign.kind == Kind::Assign;
                    pipe.variables.push(variable.text);
                    return Ok(());
                }
                Kind::Other if sign.text == "," => {
                    self.next += 1;
                    pipe.variables.push(variable.text);
                    if context != "range" || pipe.variables.len() >= 2 {
                        return self.fail(format!("too many declarations in {context}"));
                    }
                    match self.peek_solid().kind {
                        Kind::Variable | Kind::Close | Kind::Right => {}
                        _ => return self.fail("range can only initialize variables"),
                    }
                }
                _ => {
                    self.next = begin;
                    return Ok(());
                }
            }
        }
    }

    fn known(&self, variable: &str) -> Parsed<()> {
        if self.variables.iter().any(|known| known == variable) {
            return Ok(());
        }
        self.fail(format!("undefined variable {}", quote(variable)))
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut words = Vec::new();
        loop {
            self.skip_space();
            if let Some(word) = self.operand()? {
                words.push(word);
            }
            let token = self.take();
            match token.kind {
                Kind::Space => continue,
                Kind::Close | Kind::Right => self.next -= 1,
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if words.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { words })
    }

    fn operand(&mut self) -> Parsed<Option<Word>> {
        let Some(word) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(word));
        }
        let at = self.peek().at;
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(self.take().text[1..].to_owned());
        }
        let what = match word.what {
            Operand::Field(mut fields) => {
                fields.extend(names);
                Operand::Field(fields)
            }
            Operand::Variable(mut fields) => {
                fields.extend(names);
                Operand::Variable(fields)
            }
            Operand::Bool(_) | Operand::Text(..) | Operand::Number(..) | Operand::Nil | Operand::Dot => {
                return self.fail(format!("unexpected . after term {}", quote(&word.to_string())));
            }
            _ => Operand::Chain(Box::new(word), names),
        };
        Ok(Some(Word { at, what }))
    }

    fn term(&mut self) -> Parsed<Option<Word>> {
        let token = self.take_solid();
        let what = match token.kind {
            Kind::Name => {
                self.function(&token.text)?;
                Operand::Name(token.text)
            }
            Kind::Dot => Operand::Dot,
            Kind::Keyword if token.text == "nil" => Operand::Nil,
            Kind::Variable => {
                self.known(&token.text)?;
                Operand::Variable(vec![token.text])
            }
            Kind::Field => Operand::Field(vec![token.text[1..].to_owned()]),
            Kind::Bool => Operand::Bool(token.text == "true"),
            Kind::Char | Kind::Number => match number::constant(&token.text) {
                Ok(constant) => Operand::Number(token.text, constant),
                Err(message) => return self.fail(message),
            },
            Kind::Left => {
                self.deeper()?;
                let at = self.peek_solid().at;
                let pipe = self.pipeline("parenthesized pipeline", &Kind::Right, at)?;
                self.depth -= 1;
                Operand::Pipe(Box::new(pipe))
            }
            Kind::Quoted | Kind::Raw => {
                let text = self.unquoted(&token.text)?;
                Operand::Text(token.text, Rc::from(text))
            }
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Word { at: token.at, what }))
    }

    fn function(&self, name: &str) -> Parsed<()> {
        if functions::find(self.functions, name).is_some() {
            return Ok(());
        }
        match functions::refusal(self.functions, name) {
            Some(reason) => self.fail(format!("function {} is not supported: {reason}", quote(name))),
            None => self.fail(format!("function {} not defined", quote(name))),
        }
    }
}
