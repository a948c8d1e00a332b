//! Tokens become trees.

mod pipeline;

use std::collections::BTreeMap;

use crate::error::Error;
use crate::functions::Functions;
use crate::lex::{Kind, Token, lex};
use crate::quote::{quote, unquote};
use crate::tree::{Branch, Node};

/// How deep blocks and parentheses may nest.
const DEPTH: usize = 100;

/// The templates of one text.
#[derive(Debug)]
pub(crate) struct Templates {
    /// What errors call the text.
    pub name: String,
    /// The text, for the places of errors.
    pub text: String,
    /// The functions that may be called.
    pub functions: Functions,
    /// The text's own nodes.
    pub main: Vec<Node>,
    /// What it defines.
    pub defined: BTreeMap<String, Vec<Node>>,
}

/// How a list of nodes ended.
enum End {
    End,
    Else,
}

impl End {
    fn text(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// Parses a text with all its definitions.
pub(crate) fn parse(name: &str, text: &str, functions: Functions) -> Result<Templates, Error> {
    let mut parser = Parser {
        name,
        functions,
        tokens: lex(text),
        next: 0,
        variables: vec!["$".into()],
        ranges: 0,
        depth: 0,
        action_line: 0,
        defined: BTreeMap::new(),
    };
    let main = parser.top()?;
    let mut defined = parser.defined;
    // A definition with the text's own name is what runs, where the text has nothing else.
    let main = match defined.remove(name) {
        Some(body) if is_empty(&main) => body,
        Some(body) if !is_empty(&body) => {
            return Err(Error::Parse {
                name: name.into(),
                line: 1 + text.matches('\n').count(),
                message: format!("template: multiple definition of template {}", quote(name)),
            });
        }
        _ => main,
    };
    Ok(Templates { name: name.into(), text: text.into(), functions, main, defined })
}

/// Whether nothing but white space stands there.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

struct Parser<'a> {
    name: &'a str,
    functions: Functions,
    tokens: Vec<Token>,
    next: usize,
    variables: Vec<String>,
    ranges: usize,
    depth: usize,
    action_line: usize,
    defined: BTreeMap<String, Vec<Node>>,
}

type Parsed<T> = Result<T, Error>;

impl Parser<'_> {
    fn token(&self, at: usize) -> &Token {
        &self.tokens[at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        self.token(self.next)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
    }

    fn peek_solid(&mut self) -> &Token {
        self.skip_space();
        self.peek()
    }

    fn take_solid(&mut self) -> Token {
        self.skip_space();
        self.take()
    }

    fn is_keyword(&mut self, word: &str) -> bool {
        let token = self.peek_solid();
        token.kind == Kind::Keyword && token.text == word
    }

    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let line = self.token(self.next.saturating_sub(1)).line;
        Err(Error::Parse { name: self.name.into(), line, message: message.into() })
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parsed<T> {
        let Kind::Wrong(wrong) = &token.kind else {
            return self.fail(format!("unexpected {token} in {context}"));
        };
        let started = format!(" in action started at {}:{}", self.name, self.action_line);
        let elsewhere = self.action_line != 0 && self.action_line != token.line;
        let place = match wrong.ends_with(" action") {
            _ if !elsewhere => "",
            true => started.trim_start_matches(" in action"),
            false => &started,
        };
        self.fail(format!("{wrong}{place}"))
    }

    fn close(&mut self, context: &str) -> Parsed<Token> {
        let token = self.take_solid();
        if token.kind == Kind::Close { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail(format!("nesting deeper than {DEPTH} is not supported"));
        }
        Ok(())
    }

    fn top(&mut self) -> Parsed<Vec<Node>> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::Open {
                let (open, line) = (self.next, self.peek().line);
                self.next += 1;
                if self.is_keyword("define") {
                    self.action_line = line;
                    self.next += 1;
                    self.definition()?;
                    continue;
                }
                self.next = open;
            }
            match self.node()? {
                Ok(node) => nodes.push(node),
                Err(end) => return self.fail(format!("unexpected {}", end.text())),
            }
        }
        Ok(nodes)
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.take_solid();
        if !matches!(token.kind, Kind::Quoted | Kind::Raw) {
            return self.unexpected(&token, CONTEXT);
        }
        let name = self.unquoted(&token.text)?;
        self.close(CONTEXT)?;
        self.body(name, CONTEXT)
    }

    /// The nodes of a template of its own, up to its end.
    fn body(&mut self, name: String, context: &str) -> Parsed<()> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".into()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, end) = self.list()?;
        if let End::Else = end {
            return self.fail(format!("unexpected {} in {context}", end.text()));
        }
        self.variables = variables;
        self.ranges = ranges;
        match self.defined.get(&name) {
            Some(before) if !is_empty(before) => {
                if !is_empty(&nodes) {
                    return self.fail(format!("template: multiple definition of template {}", quote(&name)));
                }
            }
            _ => {
                self.defined.insert(name, nodes);
            }
        }
        Ok(())
    }

    fn unquoted(&self, quoted: &str) -> Parsed<String> {
        unquote(quoted).map_or_else(|| self.fail("invalid syntax"), Ok)
    }

    fn list(&mut self) -> Parsed<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        while self.peek_solid().kind != Kind::End {
            match self.node()? {
                Ok(node) => nodes.push(node),
                Err(end) => return Ok((nodes, end)),
            }
        }
        self.next += 1;
        self.fail("unexpected EOF")
    }

    fn node(&mut self) -> Parsed<Result<Node, End>> {
        let token = self.take_solid();
        match token.kind {
            Kind::Text => Ok(Ok(Node::Text(token.text))),
            Kind::Open => {
                self.action_line = token.line;
                let node = self.action();
                self.action_line = 0;
                node
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Result<Node, End>> {
        let token = self.take_solid();
        if token.kind == Kind::Keyword {
            match token.text.as_str() {
                "if" => return Ok(Ok(Node::If(self.branch(token.at, "if")?))),
                "with" => return Ok(Ok(Node::With(self.branch(token.at, "with")?))),
                "range" => return Ok(Ok(Node::Range(self.branch(token.at, "range")?))),
                "template" => return self.template().map(Ok),
                "block" => return self.block(token.at).map(Ok),
                "break" | "continue" => return self.leave(&token.text).map(Ok),
                "end" => {
                    self.close("end")?;
                    return Ok(Err(End::End));
                }
                "else" => {
                    if !self.is_keyword("if") && !self.is_keyword("with") {
                        self.close("else")?;
                    }
                    return Ok(Err(End::Else));
                }
                _ => {}
            }
        }
        self.next -= 1;
        let at = self.peek().at;
        let pipe = self.pipeline("command", &Kind::Close, at)?;
        Ok(Ok(Node::Action(pipe)))
    }

    fn leave(&mut self, word: &str) -> Parsed<Node> {
        let token = self.take_solid();
        if token.kind != Kind::Close {
            return self.unexpected(&token, &format!("{{{{{word}}}}}"));
        }
        if self.ranges == 0 {
            return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    fn branch(&mut self, at: usize, context: &str) -> Parsed<Branch> {
        self.deeper()?;
        let variables = self.variables.len();
        let pipe_at = self.peek_solid().at;
        let pipe = self.pipeline(context, &Kind::Close, pipe_at)?;
        if context == "range" {
            self.ranges += 1;
        }
        let (then, end) = self.list()?;
        if context == "range" {
            self.ranges -= 1;
        }
        let mut otherwise = None;
        if let End::Else = end {
            let chained = (context == "if" || context == "with") && self.is_keyword(context);
            if chained {
                let word = self.take_solid();
                let branch = self.branch(word.at, context)?;
                let node = if context == "if" { Node::If(branch) } else { Node::With(branch) };
                otherwise = Some(vec![node]);
            } else {
                let (nodes, end) = self.list()?;
                if let End::Else = end {
                    return self.fail(format!("expected end; found {}", end.text()));
                }
                otherwise = Some(nodes);
            }
        }
        self.variables.truncate(variables);
        self.depth -= 1;
        Ok(Branch { at, pipe, then, otherwise })
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let at = self.peek_solid().at;
        let name = self.template_name(CONTEXT)?;
        let mut pipe = None;
        if self.peek_solid().kind == Kind::Close {
            self.next += 1;
        } else {
            let at = self.peek().at;
            pipe = Some(self.pipeline(CONTEXT, &Kind::Close, at)?);
        }
        Ok(Node::Template { at, name, pipe })
    }

    fn template_name(&mut self, context: &str) -> Parsed<String> {
        let token = self.take_solid();
        match token.kind {
            Kind::Quoted | Kind::Raw => self.unquoted(&token.text),
            _ => self.unexpected(&token, context),
        }
    }

    fn block(&mut self, at: usize) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let name = self.template_name(CONTEXT)?;
        let pipe_at = self.peek_solid().at;
        let pipe = self.pipeline(CONTEXT, &Kind::Close, pipe_at)?;
        self.deeper()?;
        self.body(name.clone(), CONTEXT)?;
        self.depth -= 1;
        Ok(Node::Template { at, name, pipe: Some(pipe) })
    }
}
