//! Label selectors: read as the real server reads them, with its words for what is wrong.

use crate::status::Refusal;
use crate::validate::{label_value_faults, qualified_name_faults};

/// One requirement of a selector.
#[derive(Clone, Debug)]
pub(super) struct Requirement {
    pub(super) key: String,
    pub(super) test: Test,
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

/// Reads a selector; an empty one has no requirements.
///
/// # Errors
/// 400 for text that is no selector.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, Refusal> {
    let mut tokens = Tokens(text);
    let mut requirements = Vec::new();
    let start = tokens.peek();
    if start.is_empty() {
        return Ok(requirements);
    }
    if !is_start(start) {
        return Err(refuse(&format!("found '{start}', expected: !, identifier, or 'end of string'")));
    }
    loop {
        let one = requirement(&mut tokens);
        requirements.push(one.map_err(|why| refuse(&format!("unable to parse requirement: {why}")))?);
        match tokens.next() {
            "" => return Ok(requirements),
            "," => {
                let next = tokens.peek();
                if !is_start(next) {
                    return Err(refuse(&format!("found '{next}', expected: identifier after ','")));
                }
            }
            other => return Err(refuse(&format!("found '{other}', expected: ',' or 'end of string'"))),
        }
    }
}

fn refuse(why: &str) -> Refusal {
    Refusal::bad_request(why)
}

/// What a text is made of: words, and the symbols between them. The end is an empty token.
struct Tokens<'t>(&'t str);

impl<'t> Tokens<'t> {
    fn split(&self) -> (&'t str, &'t str) {
        let text = self.0.trim_start();
        let symbol = |c: char| "=!(),<>".contains(c);
        let length = if text.starts_with("==") || text.starts_with("!=") {
            2
        } else if text.starts_with(symbol) {
            1
        } else {
            text.find(|c: char| symbol(c) || c.is_whitespace()).unwrap_or(text.len())
        };
        text.split_at(length)
    }

    fn peek(&self) -> &'t str {
        self.split().0
    }

    fn next(&mut self) -> &'t str {
        let (token, rest) = self.split();
        self.0 = rest;
        token
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(|c: char| "=!(),<>".contains(c))
}

fn is_start(token: &str) -> bool {
    is_word(token) || token == "!"
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<Requirement, String> {
    let absent = tokens.peek() == "!";
    if absent {
        tokens.next();
    }
    let key = tokens.next();
    if !is_word(key) {
        return Err(format!("found '{key}', expected: identifier"));
    }
    let faults = qualified_name_faults(key);
    if !faults.is_empty() {
        return Err(format!("<nil>: Invalid value: {key:?}: {}", faults.join("; ")));
    }
    let made = |test| Ok(Requirement { key: key.to_owned(), test });
    if absent {
        return made(Test::Absent);
    }
    if matches!(tokens.peek(), "" | ",") {
        return made(Test::Exists);
    }
    let test = match tokens.next() {
        "in" => Test::In(values(tokens)?),
        "notin" => Test::NotIn(values(tokens)?),
        "=" | "==" => Test::In(vec![value(tokens)?]),
        "!=" => Test::NotIn(vec![value(tokens)?]),
        ">" => Test::Greater(number(&value(tokens)?)?),
        "<" => Test::Less(number(&value(tokens)?)?),
        other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    if let Test::In(values) | Test::NotIn(values) = &test {
        for (i, value) in values.iter().enumerate() {
            if let Some(why) = label_value_faults(value).first() {
                return Err(format!("values[{i}][{key}]: Invalid value: {value:?}: {why}"));
            }
        }
    }
    made(test)
}

/// The value behind an operator, which may be left out.
fn value(tokens: &mut Tokens<'_>) -> Result<String, String> {
    match tokens.peek() {
        "" | "," => Ok(String::new()),
        word if is_word(word) => Ok(tokens.next().to_owned()),
        other => Err(format!("found '{other}', expected: identifier")),
    }
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        format!("values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer")
    })
}

/// The values in parentheses; between two commas stands an empty one.
fn values(tokens: &mut Tokens<'_>) -> Result<Vec<String>, String> {
    let open = tokens.next();
    if open != "(" {
        return Err(format!("found '{open}' expected: '('"));
    }
    let mut found = Vec::new();
    let first = tokens.peek();
    if !is_word(first) && !matches!(first, "," | ")") {
        return Err(format!("found '{first}', expected: ',', ')' or identifier"));
    }
    loop {
        let word = if is_word(tokens.peek()) { tokens.next() } else { "" };
        found.push(word.to_owned());
        match tokens.next() {
            ")" => return Ok(found),
            "," => {
                let next = tokens.peek();
                if !is_word(next) && !matches!(next, "," | ")") {
                    return Err(format!("found '{next}', expected: ',', or identifier"));
                }
            }
            other => return Err(format!("found '{other}', expected: ',' or ')'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("g===1", "unable to parse requirement: found '=', expected: identifier")]
    #[case("g in (1", "unable to parse requirement: found '', expected: ',' or ')'")]
    #[case("g in (1 2)", "unable to parse requirement: found '2', expected: ',' or ')'")]
    #[case("g in 1", "unable to parse requirement: found '1' expected: '('")]
    #[case("g notin", "unable to parse requirement: found '' expected: '('")]
    #[case("g(", "unable to parse requirement: found '(', expected: in, notin, =, ==, !=, gt, lt")]
    #[case("a!b", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt")]
    #[case("a in (b,=)", "unable to parse requirement: found '=', expected: ',', or identifier")]
    #[case("!", "unable to parse requirement: found '', expected: identifier")]
    #[case("a=b c", "found 'c', expected: ',' or 'end of string'")]
    #[case("!a=b", "found '=', expected: ',' or 'end of string'")]
    #[case("a,,b", "found ',', expected: identifier after ','")]
    #[case("a=1,", "found '', expected: identifier after ','")]
    #[case(")", "found ')', expected: !, identifier, or 'end of string'")]
    fn what_is_no_selector_is_refused_in_the_real_servers_words(#[case] text: &str, #[case] want: &str) {
        assert_eq!(parse(text).unwrap_err().message, want);
    }

    #[rstest]
    #[case("", 0)]
    #[case("in", 1)]
    #[case("a in ()", 1)]
    #[case("a in (b,,c), !d", 2)]
    #[case("a=,b", 2)]
    fn selectors_are_read(#[case] text: &str, #[case] want: usize) {
        assert_eq!(parse(text).unwrap().len(), want);
    }
}
