//! Sprig's encodings, sums and paths.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Type::{Any, Text};
use super::{Called, Function, fixed, text};
use crate::value::Value;

pub(super) static TABLE: &[Function] = &[
    fixed("b64enc", &[Text], |v| Ok(Value::from(STANDARD.encode(text(v, 0))))),
    fixed("b64dec", &[Text], |v| Ok(Value::from(b64dec(text(v, 0))?))),
    fixed("b32enc", &[Text], |v| Ok(Value::from(b32enc(text(v, 0).as_bytes())))),
    fixed("sha1sum", &[Text], |v| Ok(Value::from(hex(&Sha1::digest(text(v, 0).as_bytes()))))),
    fixed("sha256sum", &[Text], |v| Ok(Value::from(hex(&Sha256::digest(text(v, 0).as_bytes()))))),
    fixed("adler32sum", &[Text], |v| Ok(Value::from(adler32(text(v, 0).as_bytes()).to_string()))),
    fixed("toJson", &[Any], |v| to_json(&v[0], true).map(Value::from)),
    fixed("mustToJson", &[Any], |v| to_json(&v[0], true).map(Value::from)),
    fixed("toRawJson", &[Any], |v| to_json(&v[0], false).map(Value::from)),
    fixed("mustToRawJson", &[Any], |v| to_json(&v[0], false).map(Value::from)),
    fixed("toPrettyJson", &[Any], |v| pretty(&v[0])),
    fixed("mustToPrettyJson", &[Any], |v| pretty(&v[0])),
    fixed("fromJson", &[Text], |v| Ok(from_json(text(v, 0)).unwrap_or(Value::Nil))),
    fixed("mustFromJson", &[Text], |v| from_json(text(v, 0)).map_err(|error| error.to_string())),
    fixed("base", &[Text], |v| Ok(Value::from(base(text(v, 0))))),
    fixed("dir", &[Text], |v| Ok(Value::from(dir(text(v, 0))))),
    fixed("clean", &[Text], |v| Ok(Value::from(clean(text(v, 0))))),
    fixed("ext", &[Text], |v| Ok(Value::from(ext(text(v, 0))))),
    fixed("isAbs", &[Text], |v| Ok(Value::Bool(text(v, 0).starts_with('/')))),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sprig answers with the error's text where it cannot decode. Lines may be broken.
fn b64dec(encoded: &str) -> Result<String, String> {
    let plain: String = encoded.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    match STANDARD.decode(&plain) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| "a text that is not UTF-8 is not supported".into()),
        Err(error) => {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
                    plain.len() / 4 * 4
                }
            };
            Ok(format!("illegal base64 data at input byte {at}"))
        }
    }
}

fn b32enc(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let letter = (bits >> (35 - 5 * index)) & 31;
            out.push(if index < letters { char::from(ALPHABET[letter as usize]) } else { '=' });
        }
    }
    out
}

/// The Adler-32 checksum, as Go's `hash/adler32` has it.
pub fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    (b << 16) | a
}

fn to_json(value: &Value, for_html: bool) -> Result<String, String> {
    let mut out = String::new();
    push_json(&mut out, &value.to_json(), None, 0);
    let escapes = [
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
    ];
    for (character, escape) in &escapes[..if for_html { 5 } else { 2 }] {
        out = out.replace(*character, escape);
    }
    Ok(out)
}

fn pretty(value: &Value) -> Called {
    let mut out = String::new();
    push_json(&mut out, &value.to_json(), Some("  "), 0);
    for (character, escape) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
        out = out.replace(character, escape);
    }
    Ok(Value::from(out))
}

/// JSON as Go writes it; with an indentation, a line for each item.
fn push_json(out: &mut String, json: &serde_json::Value, indent: Option<&str>, depth: usize) {
    use serde_json::Value as Json;
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    };
    match json {
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&json_float(float)),
            _ => out.push_str(&number.to_string()),
        },
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                push_json(out, item, indent, depth + 1);
            }
            if !items.is_empty() {
                line(out, depth);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push_str(if indent.is_some() { ": " } else { ":" });
                push_json(out, item, indent, depth + 1);
            }
            if !entries.is_empty() {
                line(out, depth);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Exponents are for very small and very large numbers alone.
fn json_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{float:e}");
        return if size >= 1e21 { text.replace('e', "e+") } else { text };
    }
    float.to_string()
}

/// Go reads every number of JSON as a float.
fn from_json(text: &str) -> Result<Value, serde_json::Error> {
    fn floats(value: Value) -> Value {
        match value {
            Value::Int(number) => Value::Float(number as f64),
            Value::List(items) => Value::list(items.iter().cloned().map(floats)),
            Value::Map(map) => {
                Value::map(map.borrow().iter().map(|(key, value)| (key.clone(), floats(value.clone()))))
            }
            other => other,
        }
    }
    Ok(floats(Value::from(&serde_json::from_str::<serde_json::Value>(text)?)))
}

/// The shortest path that means the same, by Go's `path.Clean`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |at| &name[at..])
}
