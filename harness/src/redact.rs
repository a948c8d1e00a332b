//! Values of Secrets: they are in no output. Equal values can be seen to be equal, and nothing else of them.
//!
//! A value is known by its HMAC under a key of the run, which is drawn when the redactor is made and never leaves it: what is
//! remembered tells nothing, and short values cannot be guessed. It becomes `<redacted N>`; N counts the different values in the
//! order in which they are met, which the inputs decide: the digest itself in its place would tell no less and make every run's
//! output another.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_engine::envsubst;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Texts shorter than this are looked for as whole values alone: as parts of others they are everywhere.
const SHORTEST_PART: usize = 4;

/// The values that were met.
pub(crate) struct Redactor {
    key: Option<hmac::Key>,
    met: BTreeMap<Vec<u8>, usize>,
}

impl Default for Redactor {
    fn default() -> Redactor {
        Redactor { key: run_key(), met: BTreeMap::new() }
    }
}

/// The redactor of a run, for one text.
pub(crate) fn lock(redactor: &Mutex<Redactor>) -> MutexGuard<'_, Redactor> {
    redactor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A key of chance. Under a key that is known short values could be guessed: without a random source there is none, and then
/// nothing is remembered of a value ([`Redactor::token`]).
fn run_key() -> Option<hmac::Key> {
    hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new()).ok()
}

impl Redactor {
    /// Covers the values of a Secret; other objects stay as they are.
    pub(crate) fn cover_secret(&mut self, object: &mut Value) {
        for (field, encoded) in secret_fields(object) {
            if let Some(map) = object.get_mut(field).and_then(Value::as_object_mut) {
                for value in map.values_mut() {
                    *value = Value::from(self.token(&plain(value, encoded)));
                }
            }
        }
    }

    /// Covers what came from Secrets into another object: whole texts that are one of `values`, and parts of texts.
    pub(crate) fn cover_values(&mut self, object: &mut Value, values: &Known) {
        match object {
            Value::String(text) => *text = self.cover_text(text, values),
            Value::Array(items) => items.iter_mut().for_each(|item| self.cover_values(item, values)),
            Value::Object(map) => map.values_mut().for_each(|value| self.cover_values(value, values)),
            Value::Number(number) => {
                // Substitution makes numbers of texts.
                let text = number.to_string();
                if let Some((value, _)) =
                    values.0.iter().find(|(value, _)| value.as_slice() == text.as_bytes())
                {
                    *object = self.token(value).into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Covers what came from Secrets into a text.
    pub(crate) fn cover_text(&mut self, text: &str, values: &Known) -> String {
        let mut text = text.to_owned();
        for (value, forms) in &values.0 {
            for form in forms {
                if text == *form {
                    return self.token(value);
                }
                if form.len() >= SHORTEST_PART && text.contains(form) {
                    text = text.replace(form, &self.token(value));
                }
            }
        }
        text
    }

    /// What stands in the place of one value of a Secret, which may be in Base64.
    pub(crate) fn cover(&mut self, value: &Value, encoded: bool) -> String {
        self.token(&plain(value, encoded))
    }

    /// What stands in the place of a value.
    fn token(&mut self, value: &[u8]) -> String {
        let Some(key) = &self.key else { return "<redacted>".to_owned() };
        let tag = hmac::sign(key, value).as_ref().to_vec();
        let next = self.met.len() + 1;
        let number = *self.met.entry(tag).or_insert(next);
        format!("<redacted {number}>")
    }
}

/// Cuts off what a refused Secret was refused for: an API server shows the value, in as many lines as there are faults.
pub(crate) fn cover_refusal(message: &str) -> String {
    let failed = |line: &str, about: usize| {
        let failed = about + line[about..].find(" failed")?;
        Some(failed + line[failed..].find(": ")? + 2)
    };
    let of_secret = |line: &str| {
        // Kinds that end so, such as SealedSecret, have no plain values.
        let mut named = line.match_indices("Secret/").map(|(at, _)| at);
        failed(line, named.find(|at| !line[..*at].ends_with(|c: char| c.is_ascii_alphanumeric()))?)
    };
    // The refusal of another object: `Kind/namespace/name … failed`.
    let of_another = |line: &str| failed(line, 0).is_some() && line.split(' ').any(|word| word.contains('/'));
    let mut covers = false;
    let mut out = Vec::new();
    for line in message.lines() {
        if let Some(end) = of_secret(line) {
            covers = true;
            out.push(format!("{}<redacted, since it is about a Secret>", &line[..end]));
            continue;
        }
        covers &= !of_another(line);
        if !covers {
            out.push(line.to_owned());
        }
    }
    out.join("\n")
}

/// Values, with how each may be written.
pub(crate) struct Known(Vec<(Vec<u8>, Vec<String>)>);

impl Known {
    /// The values, the longest first, since one can be a part of another.
    pub(crate) fn new(values: &[Vec<u8>]) -> Known {
        let mut all: Vec<_> = values.iter().map(|value| (value.clone(), forms(value))).collect();
        all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Known(all)
    }
}

/// How a value is written where it is found, the longest first.
fn forms(value: &[u8]) -> Vec<String> {
    let mut forms = vec![STANDARD.encode(value)];
    if let Ok(plain) = std::str::from_utf8(value) {
        let escaped = |text: &str| {
            let quoted = Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let json = escaped(plain);
        // JSON in JSON, as annotations have it.
        forms.push(escaped(&json));
        // As Go writes JSON, and as it quotes with `%q`.
        let html = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
        forms.extend([html, json, in_go(plain), plain.to_owned()]);
        // Substitution takes values without their line breaks.
        forms.push(plain.replace('\n', ""));
    }
    forms.retain(|form| !form.is_empty());
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
}

/// A text between quotes, as Go's `%q` has it.
fn in_go(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The values of a Secret as programs read them, and their lines, since outputs show texts line by line; the longest first.
pub(crate) fn values(secret: &Value) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (field, encoded) in secret_fields(secret) {
        let values = secret[field].as_object().into_iter().flat_map(|map| map.values());
        for value in values.map(|value| plain(value, encoded)) {
            let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            found.extend(lines.filter(|line| line.len() >= SHORTEST_PART).map(<[u8]>::to_vec));
            found.push(value);
        }
    }
    found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    found.dedup();
    found
}

/// The values of a Secret by their keys, as substitution takes them.
pub(crate) fn variables(secret: &Value) -> BTreeMap<String, String> {
    let fields = secret_fields(secret).into_iter();
    let all = fields.flat_map(|(field, encoded)| {
        let map = secret[field].as_object().into_iter().flatten();
        map.map(move |(key, value)| (key.clone(), plain(value, encoded)))
    });
    all.filter_map(|(key, value)| Some((key, String::from_utf8(value).ok()?.replace('\n', "")))).collect()
}

/// What the expressions in an object make of variables that are secret: `${password:0:4}`. Lengths (`${#password}`) are left out:
/// so short a number is everywhere.
pub(crate) fn substituted(object: &Value, secret: &BTreeMap<String, String>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut texts = vec![object];
    while let Some(value) = texts.pop() {
        match value {
            Value::String(text) => found.extend(expressions(text, secret)),
            Value::Array(items) => texts.extend(items),
            Value::Object(map) => texts.extend(map.values()),
            _ => {}
        }
    }
    found
}

/// The values of the expressions of a text that name such a variable.
fn expressions(text: &str, secret: &BTreeMap<String, String>) -> Vec<Vec<u8>> {
    let expression = |start: usize| {
        let rest = &text[start..];
        let mut depth = 0;
        for (at, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => return Some(&rest[..=at]),
                '}' => depth -= 1,
                _ => {}
            }
        }
        None
    };
    let names = |expression: &str| {
        let mut starts = expression.match_indices("${").map(|(at, _)| &expression[at + 2..]);
        starts.any(|rest| {
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            secret.contains_key(&rest[..end])
        })
    };
    let found = text.match_indices("${").filter_map(|(start, _)| expression(start));
    found
        .filter(|expression| names(expression))
        .filter_map(|expression| envsubst::substitute(expression, secret, false).ok())
        .map(String::into_bytes)
        .collect()
}

/// The fields that hold a Secret's values, and whether those are Base64.
fn secret_fields(object: &Value) -> Vec<(&'static str, bool)> {
    match object["kind"] == "Secret" && object["apiVersion"] == "v1" {
        true => vec![("data", true), ("stringData", false)],
        false => Vec::new(),
    }
}

fn plain(value: &Value, encoded: bool) -> Vec<u8> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match encoded {
        true => STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes()),
        false => text.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(field: &str, value: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, field: {"key": value}})
    }

    fn known(secret: &Value) -> Known {
        Known::new(&values(secret))
    }

    #[test]
    fn equal_values_are_seen_to_be_equal_however_they_are_written() {
        let mut redactor = Redactor::default();
        let mut covered = |mut object: Value, field: &str| {
            redactor.cover_secret(&mut object);
            object[field]["key"].clone()
        };
        assert_eq!(covered(secret("data", "aHVudGVyMg=="), "data"), "<redacted 1>");
        assert_eq!(covered(secret("stringData", "other"), "stringData"), "<redacted 2>");
        assert_eq!(covered(secret("stringData", "hunter2"), "stringData"), "<redacted 1>");
        assert_eq!(covered(secret("data", "not base64!"), "data"), "<redacted 3>");
    }

    #[test]
    fn only_secrets_are_covered() {
        let mut config = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "value"}});
        Redactor::default().cover_secret(&mut config);
        assert_eq!(config["data"]["key"], "value");
    }

    #[test]
    fn what_came_out_of_a_secret_is_covered_elsewhere() {
        let values = known(&secret("data", "aHVudGVyMg=="));
        let mut redactor = Redactor::default();
        let mut object =
            json!({"spec": {"args": ["--password=hunter2", "hunter2", "aHVudGVyMg==", "else"], "n": 2}});
        redactor.cover_values(&mut object, &values);
        assert_eq!(
            object,
            json!({"spec": {"args": ["--password=<redacted 1>", "<redacted 1>", "<redacted 1>", "else"], "n": 2}})
        );
    }

    #[test]
    fn values_of_several_lines_are_covered_in_every_form() {
        let values = known(&secret("stringData", "first: \"one\"\n  second <two>\nend\n"));
        let mut redactor = Redactor::default();
        let whole = redactor.cover_text("first: \"one\"\n  second <two>\nend\n", &values);
        assert_eq!(whole, "<redacted 1>");
        for (text, expected) in [
            (r#"in JSON: "first: \"one\"\n  second <two>\nend\n""#, r#"in JSON: "<redacted 1>""#),
            (r#"in Go's: "first: \"one\"\n  second \u003ctwo\u003e\nend\n""#, r#"in Go's: "<redacted 1>""#),
            (r#"{\"k\":\"first: \\\"one\\\"\\n  second <two>\\nend\\n\"}"#, r#"{\"k\":\"<redacted 1>\"}"#),
            ("flat first: \"one\"  second <two>end", "flat <redacted 1>"),
            ("+     second <two>", "+     <redacted 2>"),
            ("+   first: \"one\"", "+   <redacted 3>"),
            (r#"a line in quotes: "first: \"one\"""#, r#"a line in quotes: "<redacted 3>""#),
            ("the end", "the end"),
        ] {
            assert_eq!(redactor.cover_text(text, &values), expected);
        }
        let bell = in_go("\u{7}\u{1}é\\");
        assert_eq!(bell, r"\a\x01é\\");
    }

    #[test]
    fn without_a_key_of_chance_nothing_is_remembered_of_a_value() {
        let mut redactor = Redactor { key: None, met: BTreeMap::new() };
        let values = known(&secret("stringData", "hunter2"));
        assert_eq!(redactor.cover_text("a hunter2", &values), "a <redacted>");
        assert!(redactor.met.is_empty());
    }

    #[test]
    fn what_a_secret_is_refused_for_is_not_told() {
        for refused in ["Secret/a/b dry-run failed: ", "Failed: Secret/a/b dry-run failed (Invalid): "] {
            let message = format!(
                "{refused}errors:\n  .stringData.n: got hunter2\n  .m: got 2\nConfigMap/a/c dry-run failed: got y"
            );
            let covered = cover_refusal(&message);
            let (first, second) = covered.split_once('\n').unwrap();
            assert_eq!(first, format!("{refused}<redacted, since it is about a Secret>"));
            assert_eq!(second, "ConfigMap/a/c dry-run failed: got y");
            let sealed = "SealedSecret/a/b dry-run failed: no matches for kind \"SealedSecret\"";
            assert_eq!(cover_refusal(sealed), sealed);
        }
    }

    #[test]
    fn what_expressions_make_of_a_secret_is_known() {
        let secret = BTreeMap::from([("pw".to_owned(), "Sub-secret".to_owned())]);
        let object = json!({"data": {"a": "x ${pw^^} ${pw}", "b": ["${pw:0:5}", "${other:=${pw#Sub}}"], "c": "${#pw} ${other}", "d": "${pw"}});
        let mut found = substituted(&object, &secret);
        found.sort();
        let want = ["-secret", "-secret", "SUB-SECRET", "Sub-s", "Sub-secret"];
        assert_eq!(found, want.map(|text| text.as_bytes().to_vec()));
    }

    #[test]
    fn short_values_are_covered_where_they_are_all_there_is() {
        let values = known(&secret("stringData", "yes"));
        let mut redactor = Redactor::default();
        assert_eq!(redactor.cover_text("yes", &values), "<redacted 1>");
        assert_eq!(redactor.cover_text("yesterday", &values), "yesterday");
    }
}
