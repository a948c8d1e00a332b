//! Entries of a kustomization's `resources`, added and removed in place.

use super::MonorepoError;
use seatrial_yaml::{Node, ParseOptions, Value, parse_one};

/// The entries of `resources`, as written, in order.
///
/// # Errors
/// The file is no YAML, or `resources` is no list of texts.
pub fn entries(file: &[u8]) -> Result<Vec<String>, MonorepoError> {
    let root = parse_one(file, &ParseOptions::default())?;
    let Some(list) = resources(&root)? else { return Ok(Vec::new()) };
    items(list)?.into_iter().map(|(_, entry)| Ok(entry.to_owned())).collect()
}

/// Adds an entry behind the last one, written as its neighbours are. Nothing else changes: comments, order, indentation
/// and line ends stay.
///
/// # Errors
/// The file is no YAML, or of a shape that cannot be edited in place; see [`MonorepoError::Shape`].
pub fn add_entry(file: &[u8], entry: &str) -> Result<Vec<u8>, MonorepoError> {
    let root = parse_one(file, &ParseOptions::default())?;
    let Some((key, list)) = field(&root)? else {
        let start = if file.is_empty() || file.ends_with(b"\n") { "" } else { newline(file) };
        let text = format!("{start}resources:{end}- {entry}{end}", end = newline(file));
        return Ok(splice(file, file.len(), file.len(), &text));
    };
    let known = items(list)?;
    let flow = matches!(list.value, Value::Seq { flow: true, .. });
    match known.last() {
        Some((last, _)) if flow => {
            let end = last.pos.end as usize;
            Ok(splice(file, end, end, &format!(", {entry}")))
        }
        None if flow => {
            let indent = indent(key.pos.column);
            let text = format!("{end}{indent}- {entry}", end = newline(file));
            // The blank between `resources:` and `[]` goes with the brackets.
            let start = blanks_before(file, list.pos.start as usize);
            Ok(splice(file, start, list.pos.end as usize, &text))
        }
        Some((last, _)) => {
            let (start, end) = (line_start(file, last.pos.start as usize), last.pos.end as usize);
            let lead = lead(file, start, last)?;
            add_line(file, end, &format!("{lead}{entry}"))
        }
        None => add_line(file, key.pos.end as usize, &format!("{}- {entry}", indent(key.pos.column))),
    }
}

/// Removes the entry at `index` of [`entries`], with the line that it stands on. The last entry leaves `[]` behind, which
/// is a list that deploys nothing.
///
/// # Errors
/// The file is no YAML, or of a shape that cannot be edited in place; see [`MonorepoError::Shape`].
pub fn remove_entry(file: &[u8], index: usize) -> Result<Vec<u8>, MonorepoError> {
    let root = parse_one(file, &ParseOptions::default())?;
    let missing = MonorepoError::Shape { line: root.pos.line, problem: "it has no such entry" };
    let Some((key, list)) = field(&root)? else { return Err(missing) };
    let known = items(list)?;
    let Some((item, _)) = known.get(index) else { return Err(missing) };
    let (start, end) = (item.pos.start as usize, item.pos.end as usize);
    if matches!(list.value, Value::Seq { flow: true, .. }) {
        let before = index.checked_sub(1).and_then(|i| known.get(i)).map(|(node, _)| node.pos.end as usize);
        let after = known.get(index + 1).map(|(node, _)| node.pos.start as usize);
        let (start, end) = match (before, after) {
            (_, Some(after)) => (start, after),
            (Some(before), None) => (before, end),
            (None, None) => (start, end),
        };
        if file[start..end].contains(&b'#') {
            return Err(shape(item, "a comment stands inside [] beside the entry"));
        }
        return Ok(splice(file, start, end, ""));
    }
    let start = line_start(file, start);
    lead(file, start, item)?;
    let removed = splice(file, start, line_end(file, end), "");
    if known.len() > 1 {
        return Ok(removed);
    }
    let colon = removed[key.pos.end as usize..].iter().position(|byte| *byte == b':');
    let colon = colon.ok_or_else(|| shape(key, "its key has no colon"))? + key.pos.end as usize + 1;
    Ok(splice(&removed, colon, colon, " []"))
}

fn shape(node: &Node, problem: &'static str) -> MonorepoError {
    MonorepoError::Shape { line: node.pos.line, problem }
}

/// The key `resources` and its value.
fn field(root: &Node) -> Result<Option<(&Node, &Node)>, MonorepoError> {
    match &root.value {
        Value::Map { flow: false, entries } => Ok(entries
            .iter()
            .find(|(key, _)| key.as_str() == Some("resources"))
            .map(|(key, value)| (key, value))),
        _ => Err(shape(root, "the file is no map of one field per line")),
    }
}

fn resources(root: &Node) -> Result<Option<&Node>, MonorepoError> {
    Ok(field(root)?.map(|(_, list)| list))
}

/// The items with their texts, in the order of the file.
fn items(list: &Node) -> Result<Vec<(&Node, &str)>, MonorepoError> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    if !list.is_seq() {
        return Err(shape(list, "resources is no list"));
    }
    let mut items: Vec<(&Node, &str)> = Vec::new();
    for node in list.items() {
        let text = node.as_str().ok_or_else(|| shape(node, "an entry of resources is no text"))?;
        // An alias has the position of its anchor.
        if items.last().is_some_and(|(last, _)| last.pos.end > node.pos.start) {
            return Err(shape(node, "an entry is written by means of an anchor"));
        }
        items.push((node, text));
    }
    Ok(items)
}

/// What stands on an entry's line before the entry: blanks, a dash, blanks.
fn lead<'a>(file: &'a [u8], start: usize, item: &Node) -> Result<&'a str, MonorepoError> {
    let lead = std::str::from_utf8(&file[start..item.pos.start as usize]).unwrap_or_default();
    match lead.trim_matches(' ') {
        "-" => Ok(lead),
        _ => Err(shape(item, "an entry does not stand on a line of its own behind a dash")),
    }
}

/// Adds a line behind the one that `at` is on.
fn add_line(file: &[u8], at: usize, text: &str) -> Result<Vec<u8>, MonorepoError> {
    let end = line_end(file, at);
    let newline = newline(file);
    Ok(if file[..end].ends_with(b"\n") {
        splice(file, end, end, &format!("{text}{newline}"))
    } else {
        splice(file, end, end, &format!("{newline}{text}"))
    })
}

fn splice(file: &[u8], start: usize, end: usize, text: &str) -> Vec<u8> {
    [&file[..start], text.as_bytes(), &file[end..]].concat()
}

/// The line end that the file uses.
fn newline(file: &[u8]) -> &'static str {
    match file.iter().position(|byte| *byte == b'\n') {
        Some(at) if at > 0 && file[at - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

fn line_start(file: &[u8], at: usize) -> usize {
    file[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Behind the line end of the line that `at` is on.
fn line_end(file: &[u8], at: usize) -> usize {
    file[at..].iter().position(|byte| *byte == b'\n').map_or(file.len(), |newline| at + newline + 1)
}

fn blanks_before(file: &[u8], at: usize) -> usize {
    file[..at].iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1)
}

fn indent(column: u32) -> String {
    " ".repeat(column.saturating_sub(1) as usize)
}
