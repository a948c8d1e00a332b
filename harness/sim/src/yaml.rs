//! YAML bodies: parsed with the keys noted that stand twice in one map, in the words of Go's parser.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser};
use serde_json::Value;

use crate::json::Parsed;

/// Nested deeper, a body is refused.
const DEPTH: usize = 200;
/// So many repeated keys are noted; more are not told of.
const MOST_REPEATED: usize = 100;

/// A body that is no YAML. The messages follow on "yaml: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlError {
    /// The body is not UTF-8.
    #[error("invalid leading UTF-8 octet")]
    Encoding,
    /// The parser's own words, without what stands in the body, which may be secret.
    #[error("{0}")]
    Syntax(String),
}

/// Parses a body. Of a key that stands twice the last value stays. An empty body is null.
///
/// # Errors
/// See [`YamlError`].
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, YamlError> {
    let text = std::str::from_utf8(body).map_err(|_| YamlError::Encoding)?;
    if text.trim().is_empty() {
        return Ok(Value::Null.into());
    }
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let value: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // What follows the first line shows parts of the body.
        let why = error.to_string();
        YamlError::Syntax(in_go_words(why.lines().next().unwrap_or("")))
    })?;
    Ok(Parsed { repeated: repeated_keys(text), ..value.into() })
}

/// `unclosed bracket '[' at line 6, column 6` as Go's parser puts it: `line 6: did not find expected node content`.
fn in_go_words(why: &str) -> String {
    let why = why.trim_start_matches("error: ");
    let Some((what, place)) = why.rsplit_once(" at line ") else { return why.to_owned() };
    let line = place.split(',').next().unwrap_or("");
    match what {
        what if what.starts_with("unclosed bracket") => {
            format!("line {line}: did not find expected node content")
        }
        "mapping values are not allowed in this context" if line == "1" => what.to_owned(),
        what => format!("line {line}: {what}"),
    }
}

/// A collection that is being read.
enum Open {
    List,
    /// Its keys, and the one whose value comes next.
    Map {
        keys: BTreeSet<String>,
        key: Option<String>,
        value_line: usize,
    },
}

/// The keys that stand twice, each told of where its value ends, as Go's parser does.
pub(crate) fn repeated_keys(text: &str) -> Vec<String> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let (mut open, mut found) = (Vec::new(), Vec::new());
    // What cannot be read has been refused before.
    for (event, span) in Parser::new_from_str_with_options(text, options).map_while(Result::ok) {
        let line = span.start.line();
        match event {
            Event::Scalar(text, ..) => match open.last_mut() {
                Some(Open::Map { key: key @ None, .. }) => *key = Some(text.into_owned()),
                _ => ended(&mut open, &mut found, line),
            },
            Event::Alias(_) => match open.last_mut() {
                // A key that is an alias is not followed.
                Some(Open::Map { key: key @ None, .. }) => *key = Some(String::new()),
                _ => ended(&mut open, &mut found, line),
            },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if let Some(Open::Map { value_line, .. }) = open.last_mut() {
                    *value_line = line;
                }
                let map = || Open::Map { keys: BTreeSet::new(), key: None, value_line: line };
                let is_map = matches!(event, Event::MappingStart(..));
                open.push(if is_map { map() } else { Open::List });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                let line = match open.last() {
                    Some(Open::Map { value_line, .. }) => *value_line,
                    _ => line,
                };
                ended(&mut open, &mut found, line);
            }
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    found.truncate(MOST_REPEATED);
    found
}

/// A node has ended whose first line is `line`: in a map, it is the value of its key.
fn ended(open: &mut [Open], found: &mut Vec<String>, line: usize) {
    if let Some(Open::Map { keys, key, .. }) = open.last_mut()
        && let Some(key) = key.take()
        && !key.is_empty()
        && !keys.insert(key.clone())
    {
        found.push(format!("line {line}: key {key:?} already set in map"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::none("a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 2}]\n", &[])]
    #[case::scalars("d:\n  k: 1\n  k: 2\n", &["line 3: key \"k\" already set in map"])]
    #[case::on_one_line(r#"{"a":{"k":1,"k":2}}"#, &["line 1: key \"k\" already set in map"])]
    #[case::a_map_begins_on_its_first_key("d: {}\nd:\n  k: 2\n", &["line 3: key \"d\" already set in map"])]
    #[case::inner_ones_first("d: 1\nd:\n  k: 1\n  k: 2\n", &["line 4: key \"k\" already set in map", "line 3: key \"d\" already set in map"])]
    #[case::in_lists("l:\n- a: 1\n  a: 2\n- a: 3\n", &["line 3: key \"a\" already set in map"])]
    fn keys_that_stand_twice_are_told_of(#[case] text: &str, #[case] want: &[&str]) {
        assert_eq!(parse(text.as_bytes()).unwrap().repeated, want);
    }

    #[rstest]
    #[case::the_last_value_stays("a: 1\na: 2\n", json!({"a": 2}))]
    #[case::old_octal_numbers("a: 014\n", json!({"a": 12}))]
    #[case::nothing(" \n", Value::Null)]
    fn a_body_is_read(#[case] text: &str, #[case] want: Value) {
        assert_eq!(parse(text.as_bytes()).unwrap().value, want);
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        let error = parse(b"password: 'hunter2").unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("line"), "{error}");
    }
}
