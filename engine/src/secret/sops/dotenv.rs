//! `NAME=value`, one on a line. Pure.

use super::File;
use super::metadata::{Metadata, unflattened};
use super::tree::{Entry, Value};

/// Reads a file. Its metadata stands in variables that begin with `sops_`.
pub(super) fn load(text: &str) -> Result<File, String> {
    let mut entries = Vec::new();
    let mut metadata = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            entries.push(Entry::Comment(comment.to_owned()));
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| "invalid dotenv input line".to_owned())?;
        let value = value.replace("\\n", "\n");
        match key.strip_prefix("sops_") {
            Some(key) => metadata.push((key.to_owned(), value)),
            None => entries.push(Entry::Pair(key.to_owned(), Value::Text(value))),
        }
    }
    let found = (!metadata.is_empty()).then(|| unflattened(metadata.into_iter()));
    Ok(File { documents: vec![entries], metadata: Metadata::of(found)? })
}

/// Prints a file.
pub(super) fn emit(entries: &[Entry]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for entry in entries {
        match entry {
            Entry::Comment(text) => out.push_str(&format!("#{text}\n")),
            Entry::Pair(key, value) => {
                let text = plain(value).ok_or("cannot use complex value in dotenv file")?;
                out.push_str(&format!("{key}={}\n", text.replace('\n', "\\n")));
            }
        }
    }
    Ok(out.into_bytes())
}

/// A value as Go prints it; none for lists and maps.
pub(super) fn plain(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) | Value::Time(text) => text.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => seatrial_yaml::go_g_float(*float),
        Value::Null | Value::Comment(_) | Value::List(_) | Value::Map(_) => return None,
    })
}
