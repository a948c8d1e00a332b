//! Templates as tokens.

use crate::quote;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What stands outside of actions.
    Text,
    /// `{{`, with its trim marker.
    Open,
    /// `}}`, with its trim marker.
    Close,
    /// White space in an action.
    Space,
    /// A function's name.
    Name,
    /// `.name`
    Field,
    /// `$name`
    Variable,
    /// `.`
    Dot,
    /// `true` or `false`
    Bool,
    /// `"…"`
    Quoted,
    /// `` `…` ``
    Raw,
    /// `'…'`
    Char,
    /// A number.
    Number,
    /// A word of the language.
    Keyword,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `|`
    Pipe,
    /// `(`
    Left,
    /// `)`
    Right,
    /// Any other character.
    Other,
    /// The end of the text.
    End,
    /// What is wrong here; nothing follows.
    Wrong(String),
}

/// A token with its place.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// The byte where it begins.
    pub at: usize,
    /// The line where it begins, counted from 1.
    pub line: usize,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Kind::End => f.write_str("EOF"),
            Kind::Wrong(message) => f.write_str(message),
            Kind::Keyword | Kind::Dot => write!(f, "<{}>", self.text),
            _ if self.text.len() > 10 => {
                let short: String = self.text.chars().take(10).collect();
                write!(f, "{}...", quote::quote(&short))
            }
            _ => f.write_str(&quote::quote(&self.text)),
        }
    }
}

const KEYWORDS: [&str; 11] =
    ["block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"];
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// The tokens of `text`; the last one is an end, or what is wrong.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, line: 1, tokens: Vec::new(), depth: 0 };
    if let Err((at, message)) = lexer.all() {
        let line = 1 + text[..at].matches('\n').count();
        lexer.tokens.push(Token { kind: Kind::Wrong(message), text: String::new(), at, line });
    }
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
    depth: usize,
}

/// Where the faulty token begins, and what is wrong.
type Wrong = (usize, String);

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn emit(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length];
        self.tokens.push(Token { kind, text: text.to_owned(), at: self.at, line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    fn all(&mut self) -> Result<(), Wrong> {
        loop {
            let Some(open) = self.rest().find("{{") else {
                if !self.rest().is_empty() {
                    self.emit(Kind::Text, self.rest().len());
                }
                self.tokens.push(Token {
                    kind: Kind::End,
                    text: String::new(),
                    at: self.at,
                    line: self.line,
                });
                return Ok(());
            };
            let trims = trims_left(&self.rest()[open + 2..]);
            let before = &self.rest()[..open];
            let kept = if trims { before.trim_end_matches(SPACES).len() } else { open };
            if kept > 0 {
                self.emit(Kind::Text, kept);
            }
            self.skip(open - kept);
            let marker = if trims { 2 } else { 0 };
            if self.rest()[2 + marker..].starts_with("/*") {
                self.comment(2 + marker)?;
                continue;
            }
            self.emit(Kind::Open, 2);
            self.skip(marker);
            self.depth = 0;
            self.action()?;
        }
    }

    fn comment(&mut self, marker: usize) -> Result<(), Wrong> {
        let begin = self.at + marker;
        let Some(end) = self.text[begin..].find("*/") else { return Err((begin, "unclosed comment".into())) };
        self.skip(marker + end + 2);
        let Some((length, trims)) = closes(self.rest()) else {
            return Err((begin, "comment ends before closing delimiter".into()));
        };
        self.skip(length);
        if trims {
            self.trim();
        }
        Ok(())
    }

    fn trim(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start_matches(SPACES).len());
    }

    fn action(&mut self) -> Result<(), Wrong> {
        loop {
            let at = self.at;
            if let Some((length, trims)) = closes(self.rest()) {
                if self.depth > 0 {
                    return Err((at, "unclosed left paren".into()));
                }
                self.skip(length - 2);
                self.emit(Kind::Close, 2);
                if trims {
                    self.trim();
                }
                return Ok(());
            }
            let Some(first) = self.rest().chars().next() else {
                return Err((at, "unclosed action".into()));
            };
            match first {
                ' ' | '\t' | '\r' | '\n' => self.space(),
                '=' => self.emit(Kind::Assign, 1),
                ':' if self.rest().starts_with(":=") => self.emit(Kind::Declare, 2),
                ':' => return Err((at, "expected :=".into())),
                '|' => self.emit(Kind::Pipe, 1),
                '"' => self.constant('"', Kind::Quoted, "unterminated quoted string")?,
                '\'' => self.constant('\'', Kind::Char, "unterminated character constant")?,
                '`' => {
                    let Some(end) = self.rest()[1..].find('`') else {
                        return Err((at, "unterminated raw quoted string".into()));
                    };
                    self.emit(Kind::Raw, end + 2);
                }
                '$' => self.member(Kind::Variable)?,
                '.' if !self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                    self.member(Kind::Field)?;
                }
                '.' | '+' | '-' | '0'..='9' => self.number()?,
                '_' => self.word()?,
                _ if first.is_alphanumeric() => self.word()?,
                '(' => {
                    self.depth += 1;
                    self.emit(Kind::Left, 1);
                }
                ')' => {
                    if self.depth == 0 {
                        return Err((at, "unexpected right paren".into()));
                    }
                    self.depth -= 1;
                    self.emit(Kind::Right, 1);
                }
                ' '..='~' => self.emit(Kind::Other, 1),
                _ => return Err((at, format!("unrecognized character in action: {}", unicode(first)))),
            }
        }
    }

    /// White space; what a trim marker needs in front of itself belongs to the marker.
    fn space(&mut self) {
        let rest = self.rest();
        let mut length = rest.len() - rest.trim_start_matches(SPACES).len();
        if rest[length..].starts_with("-}}") {
            length -= 1;
        }
        if length > 0 {
            self.emit(Kind::Space, length);
        }
    }

    fn constant(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<(), Wrong> {
        let mut escaped = false;
        for (at, character) in self.rest().char_indices().skip(1) {
            match character {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == quote => {
                    self.emit(kind, at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err((self.at, unterminated.into()))
    }

    /// `.name`, `$name`, or the sign alone.
    fn member(&mut self, kind: Kind) -> Result<(), Wrong> {
        let after = &self.rest()[1..];
        if terminates(after) {
            self.emit(if kind == Kind::Field { Kind::Dot } else { kind }, 1);
            return Ok(());
        }
        let length = after.len() - after.trim_start_matches(in_word).len();
        self.ends(1 + length)?;
        self.emit(kind, 1 + length);
        Ok(())
    }

    fn word(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(in_word).len();
        self.ends(length)?;
        let kind = match &rest[..length] {
            "true" | "false" => Kind::Bool,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Name,
        };
        self.emit(kind, length);
        Ok(())
    }

    fn ends(&self, length: usize) -> Result<(), Wrong> {
        let after = &self.rest()[length..];
        match after.chars().next() {
            Some(bad) if !terminates(after) => Err((self.at, format!("bad character {}", unicode(bad)))),
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        let mut length = scan_number(rest);
        if rest[length..].starts_with(['+', '-']) {
            // Only complex numbers go on like this.
            length += scan_number(&rest[length..]);
            if !rest[..length].ends_with('i') {
                return Err((self.at, format!("bad number syntax: {}", quote::quote(&rest[..length]))));
            }
        }
        if let Some(next) = rest[length..].chars().next()
            && in_word(next)
        {
            let bad = &rest[..length + next.len_utf8()];
            return Err((self.at, format!("bad number syntax: {}", quote::quote(bad))));
        }
        self.emit(Kind::Number, length);
        Ok(())
    }
}

/// How long the number at the beginning is.
fn scan_number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut digits: fn(&u8) -> bool = |digit| digit.is_ascii_digit() || *digit == b'_';
    let mut hex = false;
    if bytes.get(at) == Some(&b'0') {
        match bytes.get(at + 1) {
            Some(b'x' | b'X') => {
                at += 2;
                hex = true;
                digits = |digit| digit.is_ascii_hexdigit() || *digit == b'_';
            }
            Some(b'o' | b'O') => {
                at += 2;
                digits = |digit| (b'0'..=b'7').contains(digit) || *digit == b'_';
            }
            Some(b'b' | b'B') => {
                at += 2;
                digits = |digit| matches!(digit, b'0' | b'1' | b'_');
            }
            _ => {}
        }
    }
    let run = |mut at: usize, digits: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(digits) {
            at += 1;
        }
        at
    };
    at = run(at, digits);
    if bytes.get(at) == Some(&b'.') {
        at = run(at + 1, digits);
    }
    let exponent = if hex { [b'p', b'P'] } else { [b'e', b'E'] };
    if bytes.get(at).is_some_and(|byte| exponent.contains(byte)) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = run(at, |digit| digit.is_ascii_digit() || *digit == b'_');
    }
    at + usize::from(bytes.get(at) == Some(&b'i'))
}

/// The length of the closing delimiter at the beginning, and whether it trims what follows.
fn closes(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with("}}") {
        return Some((2, false));
    }
    let marked = rest.starts_with(SPACES) && rest[1..].starts_with("-}}");
    marked.then_some((4, true))
}

fn trims_left(after_open: &str) -> bool {
    after_open.starts_with('-') && after_open[1..].starts_with(SPACES)
}

fn terminates(rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(SPACES)
        || rest.starts_with(['.', ',', '|', ':', ')', '('])
        || rest.starts_with("}}")
}

fn in_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// A character as Go's verb `%#U` shows it.
pub(crate) fn unicode(character: char) -> String {
    let code = format!("U+{:04X}", u32::from(character));
    if quote::printable(character) { format!("{code} '{character}'") } else { code }
}
