//! Field paths with dots: `spec.containers.[name=app].image`, `spec.ports.0`, `data.*`.

use regex::Regex;
use seatrial_yaml::Node;

use crate::config::Create;
use crate::error::{Result, fail};

/// Splits at dots; `\.` is a dot inside a part, and dots in brackets do not split.
pub(crate) fn split(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut in_brackets = false;
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'.') => part.extend(chars.next()),
            '.' if !in_brackets => parts.push(std::mem::take(&mut part)),
            _ => {
                in_brackets = match c {
                    '[' => true,
                    ']' => false,
                    _ => in_brackets,
                };
                part.push(c);
            }
        }
    }
    parts.push(part);
    for part in &mut parts {
        // Brackets without a condition only keep dots together: `[a.b/c]`.
        if part.starts_with('[') && part.ends_with(']') && !part.contains('=') {
            *part = part[1..part.len() - 1].to_owned();
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// `[key=value]`: key and value; the key is empty for lists of scalars.
pub(crate) fn condition(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// The one node under a path; `None` where there is none.
pub(crate) fn find<'n>(node: &'n Node, path: &[String]) -> Option<&'n Node> {
    let Some((first, rest)) = path.split_first() else { return Some(node) };
    let next = if let Some((key, value)) = condition(first) {
        node.items().iter().find(|item| match key {
            "" => item.as_str() == Some(value),
            _ => item.str_at(&[key]) == Some(value),
        })
    } else if node.is_seq() {
        let items = node.items();
        items.get(first.parse::<usize>().ok()?)
    } else {
        node.get(first)
    };
    find(next?, rest)
}

/// Calls `set` on every node that a path matches; missing ones are made first where `create` says of which kind. Gives the
/// number of nodes.
pub(crate) fn for_each(
    node: &mut Node,
    path: &[String],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let Some((first, rest)) = path.split_first() else {
        set(node)?;
        return Ok(1);
    };
    if let Some((key, value)) = condition(first) {
        return matching(node, (key, value), rest, create, set);
    }
    if first == "*" {
        return each(node, rest, create, set);
    }
    if let Ok(index) = first.parse::<usize>()
        && !node.is_map()
    {
        return at_index(node, index, rest, create, set);
    }
    if !node.is_map() {
        if node.is_null() {
            if create == Create::Nothing {
                return Ok(0);
            }
            *node = Node::map();
        } else {
            return fail(format!("wrong node kind: expected map, but got {}", node.kind_name()));
        }
    }
    if create != Create::Nothing
        && let Some(null) = node.get(first).filter(|next| next.is_null())
    {
        return match (rest.is_empty(), null.as_str()) {
            (true, _) if create == Create::Scalar => match node.get_mut(first) {
                Some(null) => set(null).map(|()| 1),
                None => Ok(0),
            },
            (true, _) => set_whole(node, first, set),
            (false, Some("")) => {
                fail("wrong node kind: expected MappingNode but got : node contents:\nnull\n")
            }
            // A null that is spelled out is a map that nobody holds: what is written there is lost.
            (false, _) => Ok(1),
        };
    }
    if create != Create::Nothing && !node.has(first) {
        node.set_plain(first, made(rest, create));
    }
    match node.get_mut(first) {
        Some(next) => for_each(next, rest, create, set),
        None => Ok(0),
    }
}

/// Sets the value of a key that has none.
fn set_whole(node: &mut Node, key: &str, set: &mut dyn FnMut(&mut Node) -> Result<()>) -> Result<usize> {
    let Some(value) = node.get_mut(key) else { return Ok(0) };
    *value = Node::map();
    set(value)?;
    Ok(1)
}

/// What to make for the rest of a path.
fn made(rest: &[String], create: Create) -> Node {
    match rest.first() {
        None if create == Create::Scalar => Node::open(""),
        Some(next) if next.starts_with('[') || next.parse::<usize>().is_ok() => Node::seq(),
        _ => Node::map(),
    }
}

fn matching(
    node: &mut Node,
    (key, value): (&str, &str),
    rest: &[String],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    if !node.is_seq() {
        return fail(format!("wrong node kind: expected list, but got {}", node.kind_name()));
    }
    let Ok(pattern) = Regex::new(value) else { return fail(format!("invalid regular expression '{value}'")) };
    let fits = |item: &Node| match key {
        "" => item.as_str().is_some_and(|text| pattern.is_match(text)),
        _ => item.str_at(&[key]).is_some_and(|text| pattern.is_match(text)),
    };
    let Some(items) = node.items_mut() else { return Ok(0) };
    if create != Create::Nothing && !items.iter().any(&fits) {
        items.push(match key {
            "" => Node::plain(value),
            _ => Node::from_entries(vec![(Node::key(key), Node::plain(value))]),
        });
    }
    let mut count = 0;
    for item in items.iter_mut().filter(|item| fits(item)) {
        count += for_each(item, rest, create, set)?;
    }
    Ok(count)
}

fn each(
    node: &mut Node,
    rest: &[String],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let mut count = 0;
    if let Some(items) = node.items_mut() {
        for item in items {
            count += for_each(item, rest, create, set)?;
        }
        return Ok(count);
    }
    for (_, value) in node.entries_mut().into_iter().flatten() {
        count += for_each(value, rest, create, set)?;
    }
    Ok(count)
}

fn at_index(
    node: &mut Node,
    index: usize,
    rest: &[String],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    let Some(items) = node.items_mut() else { return Ok(0) };
    if create != Create::Nothing && index == items.len() {
        items.push(made(rest, create));
    }
    match items.get_mut(index) {
        Some(item) => for_each(item, rest, create, set),
        None if create == Create::Nothing => Ok(0),
        None => fail(format!("index {index} specified but only {} elements found", items.len())),
    }
}
