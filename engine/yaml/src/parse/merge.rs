//! Merge keys: `<<: *defaults`.

use std::collections::BTreeSet;

use super::ParseError;
use crate::node::{Node, Style, Value};

pub(super) fn is_merge_key(key: &Node) -> bool {
    let written = matches!(&key.value, Value::Scalar { text, style: Style::Plain } if text == "<<");
    written && matches!(key.tag.as_str(), "" | "!!merge")
}

/// Replaces merge keys by the entries that they bring: what the map says itself wins, then what was merged first.
pub(super) fn resolve(map: &mut Node) -> Result<(), ParseError> {
    let Value::Map { entries, .. } = &mut map.value else { return Ok(()) };
    let mut own = Vec::with_capacity(entries.len());
    let mut sources = Vec::new();
    for (key, value) in entries.drain(..) {
        if is_merge_key(&key) {
            sources.push((key.pos, value));
        } else {
            own.push((key, value));
        }
    }
    let mut seen: BTreeSet<String> = own.iter().filter_map(|(k, _)| k.as_str()).map(str::to_owned).collect();
    for (pos, source) in sources {
        let refuse = || ParseError::at(pos, "map merge requires map or sequence of maps as the value");
        let maps = match source.value {
            Value::Seq { items, .. } => items,
            _ => vec![source],
        };
        for merged in maps {
            let Value::Map { entries, .. } = merged.value else { return Err(refuse()) };
            own.extend(entries.into_iter().filter(|(key, _)| match key.as_str() {
                Some(text) => seen.insert(text.to_owned()),
                None => true,
            }));
        }
    }
    *entries = own;
    Ok(())
}
