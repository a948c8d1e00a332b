//! Sections of `name = value`. Pure.

use super::File;
use super::dotenv::plain;
use super::metadata::{Metadata, unflattened};
use super::tree::{Entry, Value, take};

/// The section of what stands before any other.
const DEFAULT: &str = "DEFAULT";

/// Reads a file. Its metadata stands in the section `sops`.
pub(super) fn load(text: &str) -> Result<File, String> {
    let mut sections: Vec<Entry> = vec![Entry::Pair(DEFAULT.to_owned(), Value::Map(Vec::new()))];
    let mut comments = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix(['#', ';']) {
            comments.push(Entry::Comment(comment.trim_start().to_owned()));
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.append(&mut comments);
            sections.push(Entry::Pair(name.trim().to_owned(), Value::Map(Vec::new())));
            continue;
        }
        let (key, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| format!("key-value delimiter not found in line {number}"))?;
        if let Some(Entry::Pair(_, Value::Map(entries))) = sections.last_mut() {
            entries.append(&mut comments);
            entries.push(Entry::Pair(key.trim().to_owned(), Value::Text(unquoted(value.trim()))));
        }
    }
    let found = match take(&mut sections, "sops") {
        Some(Value::Map(entries)) => {
            let pairs = entries.into_iter().filter_map(|entry| match entry {
                Entry::Pair(key, Value::Text(text)) => Some((key, text.replace("\\n", "\n"))),
                _ => None,
            });
            Some(unflattened(pairs))
        }
        _ => None,
    };
    Ok(File { documents: vec![sections], metadata: Metadata::of(found)? })
}

fn unquoted(text: &str) -> String {
    for quote in ["\"\"\"", "`", "\"", "'"] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

/// Prints a file.
pub(super) fn emit(sections: &[Entry]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for section in sections {
        match section {
            Entry::Comment(text) => out.push_str(&format!("; {text}\n")),
            Entry::Pair(_, Value::Map(entries)) if entries.is_empty() => {}
            Entry::Pair(name, Value::Map(entries)) => {
                if !out.is_empty() && !out.ends_with("\n\n") {
                    out.push('\n');
                }
                if name != DEFAULT {
                    out.push_str(&format!("[{name}]\n"));
                }
                pairs(entries, &mut out)?;
            }
            Entry::Pair(..) => return Err("a section must be a map".to_owned()),
        }
    }
    Ok(out.into_bytes())
}

fn pairs(entries: &[Entry], out: &mut String) -> Result<(), String> {
    let names = entries.iter().filter_map(|entry| match entry {
        Entry::Pair(key, _) => Some(key.chars().count()),
        Entry::Comment(_) => None,
    });
    let width = names.max().unwrap_or_default();
    for entry in entries {
        match entry {
            Entry::Comment(text) => out.push_str(&format!("; {text}\n")),
            Entry::Pair(key, value) => {
                let text = plain(value).ok_or("a value must be a text")?;
                out.push_str(&format!("{key:<width$} = {text}\n"));
            }
        }
    }
    Ok(())
}
