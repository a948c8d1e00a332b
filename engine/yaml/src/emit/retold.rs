//! What kustomize's own round trip does to values.
//!
//! Before it turns a resource into JSON, kustomize prints it with its styles and reads that again. Three kinds of
//! scalars come back as something else.

use super::EmitError;
use super::analyze::is_break;
use crate::node::{Node, Style, Value};

/// The tree as it comes back from the round trip; `None` where it comes back unchanged.
pub(super) fn retold(node: &Node, in_flow: bool) -> Result<Option<Node>, EmitError> {
    let value = match &node.value {
        Value::Scalar { text, style } => scalar(node, text, *style, in_flow)?,
        Value::Seq { items, flow } => {
            let items = retold_list(items, |item| retold(item, in_flow || *flow))?;
            items.map(|items| Value::Seq { items, flow: *flow })
        }
        Value::Map { entries, flow } => {
            for (key, _) in entries {
                if key.as_str() == Some("<<") {
                    return Err(EmitError::QuotedMerge { pos: key.pos });
                }
            }
            let entries = retold_list(entries, |(key, value)| {
                Ok(retold(value, in_flow || *flow)?.map(|value| (key.clone(), value)))
            })?;
            entries.map(|entries| Value::Map { entries, flow: *flow })
        }
    };
    Ok(value.map(|value| Node {
        value,
        tag: node.tag.clone(),
        typing: node.typing,
        comments: None,
        pos: node.pos,
        shared: 0,
    }))
}

/// The list with its changed elements; `None` where none is.
fn retold_list<T: Clone>(
    list: &[T],
    change: impl Fn(&T) -> Result<Option<T>, EmitError>,
) -> Result<Option<Vec<T>>, EmitError> {
    let mut changed: Option<Vec<T>> = None;
    for (index, element) in list.iter().enumerate() {
        let new = change(element)?;
        match (&mut changed, new) {
            (None, None) => {}
            (None, Some(new)) => {
                let mut copy = Vec::with_capacity(list.len());
                copy.extend_from_slice(&list[..index]);
                copy.push(new);
                changed = Some(copy);
            }
            (Some(copy), new) => copy.push(new.unwrap_or_else(|| element.clone())),
        }
    }
    Ok(changed)
}

/// A scalar as it comes back; `None` where it does unchanged.
pub(super) fn scalar(
    node: &Node,
    text: &str,
    style: Style,
    in_flow: bool,
) -> Result<Option<Value>, EmitError> {
    Ok(match style {
        // Nothing, and text with a colon, gets quotes inside of `[]` and `{}`: null and times become strings.
        Style::Plain if in_flow && node.tag.is_empty() && (text.is_empty() || text.contains(':')) => {
            Some(Value::Scalar { text: text.to_owned(), style: Style::SingleQuoted })
        }
        // The printer makes a block of a plain text with several lines, too.
        Style::Plain if !in_flow && breaks_off(text) => return Err(EmitError::Tab { pos: node.pos }),
        // The printer says nothing about the indentation of a block that starts with a tab, and the reader refuses it.
        Style::Literal | Style::Folded if !in_flow && text.starts_with('\t') && may_be_block(text) => {
            return Err(EmitError::Tab { pos: node.pos });
        }
        Style::Folded if !in_flow => {
            let refolded = refolded(text).filter(|new| new != text);
            refolded.map(|text| Value::Scalar { text, style })
        }
        _ => None,
    })
}

/// Whether a plain text is printed as a block that starts with a tab.
pub(super) fn breaks_off(text: &str) -> bool {
    text.starts_with('\t') && text.contains('\n') && may_be_block(text)
}

/// Whether the printer of the round trip keeps a block scalar. Unlike the last printer, it has no quarrel with tabs.
fn may_be_block(text: &str) -> bool {
    super::analyze::shape_of(&text.replace('\t', "x")).block && !text.contains(|c| is_break(c) && c != '\n')
}

/// A folded text, printed as `>` and read again. The printer gets the number of empty lines wrong next to lines that
/// start with a blank. `None` where the text cannot be printed as `>`.
fn refolded(text: &str) -> Option<String> {
    if !may_be_block(text) {
        return None;
    }
    let body = text.trim_start_matches('\n');
    // The printer asks whether the line at the start of the text is indented, where it should ask about the next line.
    let doubles = !body.is_empty() && !body.starts_with([' ', '\t']);
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        lines.push(line);
        if doubles && !line.is_empty() && !is_indented(line) && rest.len() > line.len() {
            lines.push("");
        }
        rest = after;
    }
    Some(folded(&lines, chomp_of(text)))
}

enum Chomp {
    Strip,
    Clip,
    Keep,
}

fn chomp_of(text: &str) -> Chomp {
    match text.strip_suffix('\n') {
        None => Chomp::Strip,
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => Chomp::Keep,
        Some(_) => Chomp::Clip,
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// Reads the lines of a `>` block: a single line break between two lines that are not indented is a space.
fn folded(lines: &[&str], chomp: Chomp) -> String {
    let mut text = String::new();
    let mut breaks = 0usize;
    let mut before: Option<&str> = None;
    for line in lines {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        match before {
            None => text.extend(std::iter::repeat_n('\n', breaks)),
            Some(before) => {
                let folds = !is_indented(before) && !is_indented(line);
                match (folds, breaks) {
                    (true, 0) => text.push(' '),
                    (true, n) => text.extend(std::iter::repeat_n('\n', n)),
                    (false, n) => text.extend(std::iter::repeat_n('\n', n + 1)),
                }
            }
        }
        text.push_str(line);
        breaks = 0;
        before = Some(line);
    }
    match chomp {
        Chomp::Strip => {}
        Chomp::Clip if before.is_some() => text.push('\n'),
        Chomp::Clip => {}
        Chomp::Keep => text.extend(std::iter::repeat_n('\n', breaks + usize::from(before.is_some()))),
    }
    text
}
