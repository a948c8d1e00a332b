//! How an object differs from what it would be, as `flux diff` shows it. Pure.
//!
//! # Flow
//! Both values are walked together. Where a map or list lost or gained entries, and where a scalar is another, there is
//! an entry of the report: the path, and one or more blocks, which stand beside each other where they have room.

use super::neat::{indented, item, lines, prefixed, scalar};
use super::text;
use serde_json::Value;
use std::collections::BTreeSet;

/// Width of the page where output is no terminal.
const WIDTH: usize = 80;
/// Fields that tell the items of a list apart, the first that does it.
const IDENTIFIERS: [&str; 3] = ["name", "key", "id"];

/// The report; empty where nothing differs.
pub(crate) fn report(from: &Value, to: &Value) -> String {
    let mut out = String::new();
    compare(&mut Vec::new(), from, to, &mut out);
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

type Path = Vec<String>;

fn push(out: &mut String, path: &Path, body: &str) {
    let shown = if path.is_empty() { "(root level)".to_owned() } else { path.join(".") };
    out.push_str(&format!("\n{shown}\n{body}"));
}

fn compare(path: &mut Path, from: &Value, to: &Value, out: &mut String) {
    if from == to {
        return;
    }
    match (from, to) {
        (Value::Object(_), Value::Object(_)) => maps(path, from, to, out),
        (Value::Array(old), Value::Array(new)) => lists(path, old, new, out),
        (Value::String(old), Value::String(new)) => push(out, path, &text::change(old, new)),
        _ => {
            let (old, new) = (type_name(from), type_name(to));
            let title = match old == new {
                true => "± value change".to_owned(),
                false => format!("± type change from {old} to {new}"),
            };
            let shown = |sign: &str, value: &Value| prefixed(sign, plain(value)).join("\n");
            push(out, path, &format!("{title}\n{}\n{}\n", shown("- ", from), shown("+ ", to)));
        }
    }
}

/// A value that stands alone: texts without quotes.
fn plain(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split('\n').map(str::to_owned).collect(),
        Value::Null => vec!["<nil>".to_owned()],
        other => lines(other),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

fn maps(path: &mut Path, from: &Value, to: &Value, out: &mut String) {
    let (Some(old), Some(new)) = (from.as_object(), to.as_object()) else { return };
    let only = |in_: &serde_json::Map<String, Value>, not_in: &serde_json::Map<String, Value>| {
        let entries = in_.iter().filter(|(key, _)| !not_in.contains_key(*key));
        entries.map(|(key, value)| (key.clone(), value.clone())).collect::<serde_json::Map<_, _>>()
    };
    let (removed, added) = (only(old, new), only(new, old));
    let mut blocks = Vec::new();
    let map = |count| (count, "map entry", "map entries");
    if !removed.is_empty() {
        blocks.push(Block::new("-", map(removed.len()), "removed", lines(&Value::Object(removed))));
    }
    if !added.is_empty() {
        let lines = lines(&Value::Object(added.clone())).iter().map(|line| indented(line, 2)).collect();
        blocks.push(Block::new("+", map(added.len()), "added", lines));
    }
    if !blocks.is_empty() {
        push(out, path, &layout(&blocks));
    }
    for (key, value) in old {
        if let Some(other) = new.get(key) {
            path.push(key.clone());
            compare(path, value, other, out);
            path.pop();
        }
    }
}

fn lists(path: &mut Path, old: &[Value], new: &[Value], out: &mut String) {
    if let Some(field) =
        IDENTIFIERS.into_iter().find(|field| tells_apart(field, old) && tells_apart(field, new))
    {
        return named(path, field, old, new, out);
    }
    if let ([from], [to]) = (old, new) {
        path.push("0".to_owned());
        compare(path, from, to, out);
        path.pop();
        return;
    }
    let (removed, added) = (without(old, new), without(new, old));
    let kept = |in_: &[Value], also: &[Value]| -> Vec<Value> {
        in_.iter().filter(|value| also.contains(value)).cloned().collect()
    };
    let (before, after) = (kept(old, new), kept(new, old));
    let mut blocks = Vec::new();
    // Items that are there several times, and then fewer, have no order of their own.
    if before.len() == after.len() && before != after {
        let shown = |values: &[Value]| values.iter().map(in_a_row).collect::<Vec<_>>();
        blocks.push(Block::order(&shown(&before), &shown(&after)));
    }
    blocks.extend(changed(&removed, &added));
    push(out, path, &layout(&blocks));
}

/// A value among others in one line.
fn in_a_row(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => lines(value).iter().map(|line| format!("{line}\n")).collect(),
        Value::String(text) => text.clone(),
        other => scalar(other),
    }
}

/// `values` less those of `others`, each of which counts once.
fn without(values: &[Value], others: &[Value]) -> Vec<Value> {
    let mut left: Vec<&Value> = others.iter().collect();
    let mut out = Vec::new();
    for value in values {
        match left.iter().position(|other| *other == value) {
            Some(place) => drop(left.swap_remove(place)),
            None => out.push(value.clone()),
        }
    }
    out
}

fn name_of(value: &Value, field: &str) -> Option<String> {
    match value.get(field)? {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) | Value::Array(_) | Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn tells_apart(field: &str, list: &[Value]) -> bool {
    let names: BTreeSet<Option<String>> = list.iter().map(|value| name_of(value, field)).collect();
    !list.is_empty() && names.len() == list.len() && !names.contains(&None)
}

fn named(path: &mut Path, field: &str, old: &[Value], new: &[Value], out: &mut String) {
    let find = |list: &[Value], name: &Option<String>| {
        list.iter().find(|value| name_of(value, field) == *name).cloned()
    };
    let only = |in_: &[Value], not_in: &[Value]| -> Vec<Value> {
        in_.iter().filter(|value| find(not_in, &name_of(value, field)).is_none()).cloned().collect()
    };
    let kept = |in_: &[Value], also: &[Value]| -> Vec<String> {
        let names = in_.iter().map(|value| name_of(value, field));
        names.filter(|name| find(also, name).is_some()).flatten().collect()
    };
    let (before, after) = (kept(old, new), kept(new, old));
    let mut blocks = Vec::new();
    if before != after {
        blocks.push(Block::order(&before, &after));
    }
    blocks.extend(changed(&only(old, new), &only(new, old)));
    if !blocks.is_empty() {
        push(out, path, &layout(&blocks));
    }
    for value in old {
        let name = name_of(value, field);
        if let (Some(other), Some(name)) = (find(new, &name), name) {
            path.push(name);
            compare(path, value, &other, out);
            path.pop();
        }
    }
}

fn changed(removed: &[Value], added: &[Value]) -> Vec<Block> {
    let list = |values: &[Value]| (values.len(), "list entry", "list entries");
    let mut blocks = Vec::new();
    if !removed.is_empty() {
        blocks.push(Block::new("-", list(removed), "removed", removed.iter().flat_map(item).collect()));
    }
    if !added.is_empty() {
        let lines = added.iter().flat_map(item).map(|line| indented(&line, 2)).collect();
        blocks.push(Block::new("+", list(added), "added", lines));
    }
    blocks
}

/// A part of an entry: its first line, and what stands below it.
struct Block {
    title: String,
    lines: Vec<String>,
    /// Whether the text ends in a line break of its own.
    ends: bool,
}

impl Block {
    fn new(sign: &str, (count, one, many): (usize, &str, &str), what: &str, lines: Vec<String>) -> Block {
        let noun = if count == 1 { one } else { many };
        Block { title: format!("{sign} {} {noun} {what}:", text::number(count)), lines, ends: true }
    }

    fn order(before: &[String], after: &[String]) -> Block {
        let (old, new) = (before.join(", "), after.join(", "));
        let lines = if old.chars().count() < WIDTH / 2 {
            let of =
                |sign: &str, text: &str| format!("{sign} {text}").split('\n').map(str::to_owned).collect();
            let both: [Vec<String>; 2] = [of("-", &old), of("+", &new)];
            both.concat()
        } else {
            let columns =
                [before, after].map(|side| side.iter().map(|line| indented(line, 2)).collect::<Vec<_>>());
            let right = columns[1].iter().map(|line| line.trim_start().to_owned()).collect();
            text::beside(&[columns[0].clone(), right])
        };
        Block { title: "⇆ order changed".to_owned(), lines, ends: false }
    }
}

fn layout(blocks: &[Block]) -> String {
    let whole = |block: &Block| [vec![block.title.clone()], block.lines.clone()].concat();
    if let [block] = blocks {
        return whole(block).join("\n") + "\n";
    }
    let columns: Vec<Vec<String>> = blocks.iter().map(whole).collect();
    let width: usize = columns.iter().map(|column| text::width(column)).sum();
    if width + 3 * (columns.len() - 1) <= WIDTH {
        let columns: Vec<Vec<String>> = columns
            .into_iter()
            .map(|mut column| {
                while column.last().is_some_and(String::is_empty) {
                    column.pop();
                }
                column
            })
            .collect();
        return text::beside(&columns).join("\n") + "\n";
    }
    let texts: Vec<String> =
        blocks.iter().map(|block| whole(block).join("\n") + if block.ends { "\n" } else { "" }).collect();
    texts.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use seatrial_yaml::{Dialect, ParseOptions};

    fn json(text: &str) -> Value {
        let node = seatrial_yaml::parse_one(text.as_bytes(), &ParseOptions::default()).expect("YAML");
        node.to_json(Dialect::KubernetesJson).expect("JSON")
    }

    /// What flux 2.9.5 printed for changes of the `spec` of a custom resource, less its generation.
    #[test]
    fn changes_are_shown_as_flux_shows_them() {
        let recorded = include_str!("../../tests/data/diff_reports.txt");
        let mut wrong = Vec::new();
        let mut seen = 0;
        for case in recorded.split("=== ").skip(1) {
            let (head, expected) = case.split_once('\n').expect("a body");
            let (from, to) = head.split_once(" ==> ").expect("two values");
            let spec = |text: &str| serde_json::json!({ "spec": json(text) });
            let found = report(&spec(from), &spec(to));
            seen += 1;
            if found.trim_end_matches('\n') != expected.trim_end_matches('\n') {
                wrong.push(format!("=== {head}\n--- flux{expected}\n--- here{found}"));
            }
        }
        assert!(seen > 80, "{seen} cases");
        assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
    }
}
