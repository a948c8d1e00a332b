//! The forms that names, labels and the like must have.

use crate::status::FieldError;
use serde_json::Value;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const UNDERSCORED: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn too_long(max: usize) -> String {
    format!("must be no more than {max} bytes")
}

/// Starts and ends with a letter or digit, and has nothing but these and `inner` between.
fn framed(text: &str, inner: &str, upper: bool) -> bool {
    let edge = |c: &u8| c.is_ascii_digit() || c.is_ascii_lowercase() || (upper && c.is_ascii_uppercase());
    let text = text.as_bytes();
    text.iter().all(|c| edge(c) || inner.as_bytes().contains(c))
        && text.first().is_some_and(edge)
        && text.last().is_some_and(edge)
}

/// What is wrong with the name of a port.
pub(super) fn port(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut told = |wrong: bool, why: &str| {
        if wrong {
            found.push(why.to_owned());
        }
    };
    told(text.len() > 15, "must be no more than 15 characters");
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let why = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
    told(!text.bytes().all(plain), why);
    let why = "must contain at least one letter (a-z)";
    told(text.bytes().all(plain) && !text.bytes().any(|b| b.is_ascii_lowercase()), why);
    told(text.contains("--"), "must not contain consecutive hyphens");
    let edge = text.starts_with('-') || text.ends_with('-');
    told(edge, "must not begin or end with a hyphen");
    found
}

/// What is wrong with a DNS name whose parts may begin with an underscore.
pub(super) fn underscored(text: &str) -> Vec<String> {
    let part = |part: &str| framed(part.strip_prefix('_').unwrap_or(part), "-_", false);
    if text.split('.').all(part) { Vec::new() } else { vec![UNDERSCORED.to_owned()] }
}

/// What is wrong with a DNS label.
pub(super) fn label(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.len() > 63 {
        found.push(too_long(63).replace("bytes", "characters"));
    }
    if !framed(text, "-", false) {
        found.push(LABEL.to_owned());
    }
    found
}

/// What is wrong with a DNS subdomain.
pub(super) fn subdomain(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.len() > 253 {
        found.push(too_long(253).replace("bytes", "characters"));
    }
    if text.is_empty() || !text.split('.').all(|part| framed(part, "-", false)) {
        found.push(SUBDOMAIN.to_owned());
    }
    found
}

/// What is wrong with a DNS subdomain that begins with `*.`.
pub(super) fn wildcard(text: &str) -> Vec<String> {
    match text.strip_prefix("*.") {
        Some(rest) if subdomain(rest).is_empty() => Vec::new(),
        _ => vec![WILDCARD.to_owned()],
    }
}

/// What is wrong with the name of a path segment, as RBAC objects have.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%'].iter().filter(|c| text.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// What is wrong with a qualified name, such as the key of a label.
pub(super) fn qualified(text: &str) -> Vec<String> {
    if text.matches('/').count() > 1 {
        let rest = QUALIFIED.trim_start_matches("name part ");
        let prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
        return vec![format!("a valid label key {rest} {prefix}")];
    }
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let mut found = Vec::new();
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            found.push("prefix part must be non-empty".to_owned());
        } else {
            found.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
        }
    }
    if name.is_empty() {
        found.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        found.push(format!("name part {}", too_long(63)));
    }
    if !framed(name, "-_.", true) {
        found.push(QUALIFIED.to_owned());
    }
    found
}

/// What is wrong with the value of a label.
pub(super) fn label_value(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.len() > 63 {
        found.push(too_long(63));
    }
    if !text.is_empty() && !framed(text, "-_.", true) {
        found.push(LABEL_VALUE.to_owned());
    }
    found
}

/// What is wrong with a key of a ConfigMap or Secret.
pub(super) fn config_key(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.len() > 253 {
        found.push(too_long(253));
    }
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
        found.push(CONFIG_KEY.to_owned());
    }
    if text == "." || text == ".." {
        found.push(format!("must not be '{text}'"));
    }
    found
}

/// The faults of a field by one of the checks above.
pub(super) fn faults(field: &str, text: &str, check: fn(&str) -> Vec<String>) -> Vec<FieldError> {
    check(text).iter().map(|why| FieldError::invalid(field, &Value::from(text), why)).collect()
}
