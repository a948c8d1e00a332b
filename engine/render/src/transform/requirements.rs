//! Label selectors: `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>1`.

use crate::error::{Result, fail};

/// One condition of a label selector.
#[derive(Debug, PartialEq)]
pub(super) enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

impl Requirement {
    pub(super) fn holds<'n>(&self, value: impl Fn(&str) -> Option<&'n str>) -> bool {
        let number = |key: &str| value(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|known| known == v)),
            Requirement::NotIn(key, values) => {
                value(key).is_none_or(|v| values.iter().all(|known| known != v))
            }
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Missing(key) => value(key).is_none(),
            Requirement::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
            Requirement::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

/// A selector over labels or annotations, as kubectl's `-l` has it.
#[derive(Debug, PartialEq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Reads a selector; nothing selects all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<LabelSelector> {
        parse(text).map(LabelSelector)
    }

    /// Whether labels fit, whose values `value` gives.
    pub fn matches<'n>(&self, value: impl Fn(&str) -> Option<&'n str>) -> bool {
        self.0.iter().all(|requirement| requirement.holds(&value))
    }
}

/// Reads a selector; nothing selects all.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>> {
    let mut reader = Reader { rest: text };
    let mut out = Vec::new();
    if reader.peek().is_empty() {
        return Ok(out);
    }
    loop {
        out.push(reader.requirement()?);
        match reader.next() {
            "" => return Ok(out),
            "," => match reader.peek() {
                "!" => {}
                word if is_word(word) => {}
                other => return fail(format!("found '{other}', expected: identifier after ','")),
            },
            other => return fail(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(is_special)
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    /// The next token, which stays; empty at the end.
    fn peek(&self) -> &'t str {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let end = if rest.starts_with(['=', '!', '>', '<']) {
            let two = rest.get(..2).is_some_and(|two| matches!(two, "==" | "!="));
            if two { 2 } else { 1 }
        } else if rest.starts_with(is_special) {
            1
        } else {
            rest.find(|c: char| is_special(c) || matches!(c, ' ' | '\t' | '\r' | '\n')).unwrap_or(rest.len())
        };
        &rest[..end]
    }

    fn next(&mut self) -> &'t str {
        let token = self.peek();
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest = &rest[token.len()..];
        token
    }

    fn requirement(&mut self) -> Result<Requirement> {
        let missing = self.peek() == "!";
        if missing {
            self.next();
        }
        let key = self.next();
        if !is_word(key) {
            return fail(format!("found '{key}', expected: !, identifier, or 'end of string'"));
        }
        check_key(key)?;
        let key = key.to_owned();
        if missing {
            return Ok(Requirement::Missing(key));
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement::Exists(key));
        }
        match self.next() {
            "=" | "==" => Ok(Requirement::In(key, vec![self.value()?])),
            "!=" => Ok(Requirement::NotIn(key, vec![self.value()?])),
            "in" => Ok(Requirement::In(key, self.values()?)),
            "notin" => Ok(Requirement::NotIn(key, self.values()?)),
            operator @ (">" | "<") => {
                let value = self.value()?;
                match value.parse() {
                    Ok(bound) if operator == ">" => Ok(Requirement::Greater(key, bound)),
                    Ok(bound) => Ok(Requirement::Less(key, bound)),
                    Err(_) => {
                        fail(format!("for 'Gt', 'Lt' operators, the value must be an integer, not '{value}'"))
                    }
                }
            }
            other => fail(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// The value behind an operator; nothing is an empty one.
    fn value(&mut self) -> Result<String> {
        let token = self.peek();
        if matches!(token, "" | ",") {
            return Ok(String::new());
        }
        self.next();
        if !is_word(token) {
            return fail(format!("found '{token}', expected: identifier"));
        }
        check_value(token)?;
        Ok(token.to_owned())
    }

    /// `(x, y)`
    fn values(&mut self) -> Result<Vec<String>> {
        match self.next() {
            "(" => {}
            other => return fail(format!("found '{other}' expected: '('")),
        }
        let mut values = Vec::new();
        loop {
            let token = self.peek();
            match token {
                "," | ")" => values.push(String::new()),
                word if is_word(word) => {
                    check_value(word)?;
                    values.push(word.to_owned());
                    self.next();
                }
                other => return fail(format!("found '{other}', expected: ',', ')' or identifier")),
            }
            match self.next() {
                ")" => return Ok(values),
                "," => {}
                other => return fail(format!("found '{other}', expected: ',' or ')'")),
            }
        }
    }
}

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63
        && text.chars().all(inner)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn check_key(key: &str) -> Result<()> {
    let domain = |text: &str| {
        let part = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        text.len() <= 253 && text.split('.').all(part)
    };
    let good = match key.split_once('/') {
        Some((prefix, name)) => domain(prefix) && is_name(name),
        None => is_name(key),
    };
    if good { Ok(()) } else { fail(format!("unable to parse requirement: invalid label key '{key}'")) }
}

fn check_value(value: &str) -> Result<()> {
    if is_name(value) {
        return Ok(());
    }
    fail(format!("unable to parse requirement: invalid label value '{value}'"))
}
