//! Reads an OpenAPI v2 document in its protobuf form (package `openapi.v2` of gnostic), as far as the tables need it.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// The document as JSON: `paths` (per path the extensions of its `get`) and `definitions`.
pub(super) fn document(bytes: &[u8]) -> Result<Value> {
    let mut paths = Map::new();
    let mut definitions = Map::new();
    for field in Fields(bytes) {
        match field? {
            (8, Wire::Bytes(b)) => {
                for (name, item) in named(b, 2)? {
                    paths.insert(name, path_item(item)?);
                }
            }
            (9, Wire::Bytes(b)) => {
                for (name, item) in named(b, 1)? {
                    definitions.insert(name.clone(), schema(item).with_context(|| format!("type {name}"))?);
                }
            }
            _ => {}
        }
    }
    Ok(json!({"paths": paths, "definitions": definitions}))
}

fn path_item(bytes: &[u8]) -> Result<Value> {
    let mut out = Map::new();
    for field in Fields(bytes) {
        if let (2, Wire::Bytes(get)) = field? {
            let mut operation = Map::new();
            for field in Fields(get) {
                if let (13, Wire::Bytes(b)) = field? {
                    let (name, value) = extension(b)?;
                    operation.insert(name, value);
                }
            }
            out.insert("get".to_owned(), Value::Object(operation));
        }
    }
    Ok(Value::Object(out))
}

fn schema(bytes: &[u8]) -> Result<Value> {
    let mut out = Map::new();
    let mut required: Vec<Value> = Vec::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let Wire::Bytes(b) = wire else { bail!("schema field {number} is no message") };
        let (key, value) = match number {
            1 => ("$ref", json!(text(b)?)),
            2 => ("format", json!(text(b)?)),
            3 | 4 => continue,
            // Any{value = 1, yaml = 2}
            5 => ("default", yaml(&any_text(b)?)?),
            19 => {
                required.push(json!(text(b)?));
                continue;
            }
            21 => {
                let mut value = json!(false);
                for field in Fields(b) {
                    match field? {
                        (1, Wire::Bytes(b)) => value = schema(b)?,
                        (2, Wire::Number(n)) => value = json!(n != 0),
                        _ => bail!("unknown additionalProperties"),
                    }
                }
                ("additionalProperties", value)
            }
            22 => match messages(b, 1)?.as_slice() {
                [one] => ("type", json!(text(one)?)),
                _ => bail!("several types"),
            },
            23 => match messages(b, 1)?.as_slice() {
                [one] => ("items", schema(one)?),
                _ => bail!("several items"),
            },
            25 => {
                let mut properties = Map::new();
                for (name, item) in named(b, 1)? {
                    properties.insert(name.clone(), schema(item).with_context(|| format!("field {name}"))?);
                }
                ("properties", Value::Object(properties))
            }
            31 => {
                let (name, value) = extension(b)?;
                out.insert(name, value);
                continue;
            }
            other => bail!("unknown schema field {other}"),
        };
        out.insert(key.to_owned(), value);
    }
    if !required.is_empty() {
        out.insert("required".to_owned(), Value::Array(required));
    }
    Ok(Value::Object(out))
}

/// NamedAny{name = 1, value = 2}
fn extension(bytes: &[u8]) -> Result<(String, Value)> {
    let (name, any) = named_one(bytes)?;
    Ok((name, yaml(&any_text(any)?)?))
}

fn any_text(bytes: &[u8]) -> Result<String> {
    messages(bytes, 2)?.first().map(|b| text(b)).context("a value without its text")?
}

/// The YAML of these documents is a list of flat maps, a list of words, or one word.
fn yaml(source: &str) -> Result<Value> {
    let source = source.trim();
    if let Ok(value) = serde_json::from_str(source) {
        return Ok(value);
    }
    let word = |text: &str| json!(text.trim().trim_matches('"').trim_matches('\''));
    if !source.contains(['\n', ':']) && !source.starts_with('-') {
        return Ok(word(source));
    }
    let is_list = source.starts_with('-');
    let mut items: Vec<Value> = Vec::new();
    for line in source.lines() {
        let (new, line) = match line.strip_prefix('-') {
            Some(line) => (true, line),
            None => (false, line),
        };
        match (line.split_once(':'), new || items.is_empty()) {
            (Some((key, value)), true) => items.push(json!({key.trim(): word(value)})),
            (Some((key, value)), false) => {
                let last = items.last_mut().and_then(Value::as_object_mut).context("a key after a word")?;
                last.insert(key.trim().to_owned(), word(value));
            }
            (None, true) => items.push(word(line)),
            (None, false) => bail!("unknown YAML {source:?}"),
        }
    }
    match (is_list, items.len()) {
        (true, _) => Ok(Value::Array(items)),
        (false, 1) => items.pop().context("no value"),
        _ => bail!("unknown YAML {source:?}"),
    }
}

fn named(bytes: &[u8], number: u64) -> Result<Vec<(String, &[u8])>> {
    messages(bytes, number)?.into_iter().map(named_one).collect()
}

fn named_one(bytes: &[u8]) -> Result<(String, &[u8])> {
    let name = messages(bytes, 1)?.first().map(|b| text(b)).context("a pair without a name")??;
    let value = messages(bytes, 2)?.first().copied().unwrap_or_default();
    Ok((name, value))
}

fn messages(bytes: &[u8], number: u64) -> Result<Vec<&[u8]>> {
    let mut out = Vec::new();
    for field in Fields(bytes) {
        match field? {
            (n, Wire::Bytes(b)) if n == number => out.push(b),
            _ => {}
        }
    }
    Ok(out)
}

fn text(bytes: &[u8]) -> Result<String> {
    Ok(std::str::from_utf8(bytes)?.to_owned())
}

enum Wire<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().context("the message ends inside of a number")?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        bail!("a number is too long")
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(length).context("the message ends inside of a field")?;
        self.0 = rest;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Wire<'b>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            other => bail!("unknown wire type {other}"),
        };
        Ok((tag >> 3, wire))
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Wire<'b>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}
