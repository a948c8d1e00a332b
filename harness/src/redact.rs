//! Values of Secrets: they are in no output. Equal values can be seen to be equal, and nothing else of them.
//!
//! A value is known by its HMAC under a key of the run, which is drawn when the redactor is made and never leaves it: what is
//! remembered tells nothing, and short values cannot be guessed. It becomes `<redacted N>`; N counts the different values in the
//! order in which they are met, which the inputs decide: the digest itself in its place would tell no less and make every run's
//! output another.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

/// Texts shorter than this are looked for as whole values alone: as parts of others they are everywhere.
const SHORTEST_PART: usize = 4;

/// The values that were met.
pub(crate) struct Redactor {
    key: hmac::Key,
    met: BTreeMap<Vec<u8>, usize>,
}

impl Default for Redactor {
    fn default() -> Redactor {
        Redactor { key: run_key(), met: BTreeMap::new() }
    }
}

/// A key of chance. Without a random source there is no key, and so nothing to tell values apart by: all are then the same to the
/// redactor that has it.
fn run_key() -> hmac::Key {
    let rng = aws_lc_rs::rand::SystemRandom::new();
    hmac::Key::generate(hmac::HMAC_SHA256, &rng).unwrap_or_else(|_| hmac::Key::new(hmac::HMAC_SHA256, &[]))
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
    pub(crate) fn cover_values(&mut self, object: &mut Value, values: &[Vec<u8>]) {
        match object {
            Value::String(text) => *text = self.cover_text(text, values),
            Value::Array(items) => items.iter_mut().for_each(|item| self.cover_values(item, values)),
            Value::Object(map) => map.values_mut().for_each(|value| self.cover_values(value, values)),
            Value::Number(number) => {
                // Substitution makes numbers of texts.
                let text = number.to_string();
                if let Some(value) = values.iter().find(|value| value.as_slice() == text.as_bytes()) {
                    *object = self.token(value).into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Covers what came from Secrets into a text.
    pub(crate) fn cover_text(&mut self, text: &str, values: &[Vec<u8>]) -> String {
        let mut text = text.to_owned();
        for value in values {
            let Ok(plain) = std::str::from_utf8(value) else { continue };
            // Substitution takes values without their line breaks.
            let flat = plain.replace('\n', "");
            for form in [plain, flat.as_str(), STANDARD.encode(value).as_str()] {
                if form.is_empty() {
                    continue;
                }
                if text == form {
                    return self.token(value);
                }
                if form.len() >= SHORTEST_PART && text.contains(form) {
                    text = text.replace(form, &self.token(value));
                }
            }
        }
        text
    }

    fn token(&mut self, value: &[u8]) -> String {
        let tag = hmac::sign(&self.key, value).as_ref().to_vec();
        let next = self.met.len() + 1;
        let number = *self.met.entry(tag).or_insert(next);
        format!("<redacted {number}>")
    }
}

/// Cuts off what a refused Secret was refused for: an API server shows the value.
pub(crate) fn cover_refusal(message: &str) -> String {
    let cut = |line: &str| {
        let about = line.find("Secret/")?;
        let failed = about + line[about..].find(" failed")?;
        let end = failed + line[failed..].find(": ")? + 2;
        Some(format!("{}<redacted, since it is about a Secret>", &line[..end]))
    };
    let cut = |line: &str| cut(line).unwrap_or_else(|| line.to_owned());
    message.lines().map(cut).collect::<Vec<_>>().join("\n")
}

/// The values of a Secret as programs read them, the longest first.
pub(crate) fn values(secret: &Value) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (field, encoded) in secret_fields(secret) {
        let values = secret[field].as_object().into_iter().flat_map(|map| map.values());
        found.extend(values.map(|value| plain(value, encoded)));
    }
    found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    found.dedup();
    found
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
        let values = values(&secret("data", "aHVudGVyMg=="));
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
    fn what_a_secret_is_refused_for_is_not_told() {
        for refused in ["Secret/a/b dry-run failed: ", "Failed: Secret/a/b dry-run failed (Invalid): "] {
            let message = format!("{refused}got hunter2: x\nConfigMap/a/c dry-run failed: got y");
            let covered = cover_refusal(&message);
            let (first, second) = covered.split_once('\n').unwrap();
            assert_eq!(first, format!("{refused}<redacted, since it is about a Secret>"));
            assert_eq!(second, "ConfigMap/a/c dry-run failed: got y");
        }
    }

    #[test]
    fn short_values_are_covered_where_they_are_all_there_is() {
        let values = values(&secret("stringData", "yes"));
        let mut redactor = Redactor::default();
        assert_eq!(redactor.cover_text("yes", &values), "<redacted 1>");
        assert_eq!(redactor.cover_text("yesterday", &values), "yesterday");
    }
}
