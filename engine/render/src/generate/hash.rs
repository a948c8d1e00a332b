//! The hash in the names of generated objects.

use seatrial_yaml::{Dialect, Node};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::error::{Result, fail};
use crate::transform::patches::as_floats;

/// Ten letters that stand for an object's content. The name does not count, though there is a place for it.
pub(crate) fn hash(node: &Node) -> Result<String> {
    let json = |field: &[&str]| match node.at(field) {
        None => Ok(Json::String(String::new())),
        Some(node) => node.to_json(Dialect::Kustomize).or_else(|e| fail(e.to_string())),
    };
    let mut map = Map::new();
    let mut put = |key: &str, value: Json| map.insert(key.to_owned(), value);
    let mut content = match node.str_at(&["kind"]) {
        Some("ConfigMap") => {
            put("kind", "ConfigMap".into());
            put("name", "".into());
            put("data", json(&["data"])?);
            let binary = json(&["binaryData"])?;
            if binary.is_object() {
                put("binaryData", binary);
            }
            Json::Object(map)
        }
        Some("Secret") => {
            put("kind", "Secret".into());
            put("type", json(&["type"])?);
            put("name", "".into());
            put("data", json(&["data"])?);
            let text = json(&["stringData"])?;
            if text.is_object() {
                put("stringData", text);
            }
            Json::Object(map)
        }
        _ => json(&[])?,
    };
    as_floats(&mut content);
    let mut canonical = String::new();
    write(&content, &mut canonical);
    let digest = Sha256::digest(canonical.as_bytes());
    Ok(digest.iter().take(5).flat_map(|byte| [byte >> 4, byte & 15]).map(letter).collect())
}

/// A hexadecimal digit, with others for those that could spell words.
fn letter(digit: u8) -> char {
    char::from(b"gh2k456789mbcdtf"[usize::from(digit)])
}

/// JSON as Go writes it: keys sorted, and `<`, `>`, `&` and line separators escaped.
fn write(json: &Json, out: &mut String) {
    match json {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::String(text) => write_text(text, out),
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&seatrial_yaml::go_json_float(float)),
            _ => out.push_str(&number.to_string()),
        },
        Json::Null | Json::Bool(_) => out.push_str(&json.to_string()),
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
