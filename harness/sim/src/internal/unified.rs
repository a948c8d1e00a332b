//! Unified diffs of two texts.

use super::matching::{Run, runs};

/// How many lines are shown around a change.
const AROUND: usize = 3;

/// A change: lines of the first text that lines of the second replace. Either may be none.
#[derive(Clone, Copy, Debug)]
struct Change {
    old: (usize, usize),
    new: (usize, usize),
}

/// The groups of changes with the lines around them, without names of files; nothing where the texts are the same.
pub(super) fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let mut changes: Vec<Change> = Vec::new();
    let (mut at_old, mut at_new) = (0, 0);
    for Run { old, new, lines } in runs(&old, &new) {
        if at_old < old || at_new < new {
            changes.push(Change { old: (at_old, old), new: (at_new, new) });
        }
        (at_old, at_new) = (old + lines, new + lines);
    }
    let mut groups: Vec<Vec<Change>> = Vec::new();
    for change in changes {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| change.old.0 - last.old.1 <= 2 * AROUND) => {
                group.push(change);
            }
            _ => groups.push(vec![change]),
        }
    }
    groups.iter().map(|group| show(group, &old, &new)).collect()
}

fn show(group: &[Change], old: &[&str], new: &[&str]) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let before = AROUND.min(first.old.0);
    let after = AROUND.min(old.len() - last.old.1);
    let mut out = format!(
        "@@ -{} +{} @@\n",
        range(first.old.0 - before, last.old.1 + after),
        range(first.new.0 - before, last.new.1 + after)
    );
    let mut at = first.old.0 - before;
    for change in group {
        lines(&mut out, ' ', old, at, change.old.0);
        lines(&mut out, '-', old, change.old.0, change.old.1);
        lines(&mut out, '+', new, change.new.0, change.new.1);
        at = change.old.1;
    }
    lines(&mut out, ' ', old, at, last.old.1 + after);
    out
}

fn lines(out: &mut String, mark: char, text: &[&str], from: usize, to: usize) {
    for line in text.get(from..to).unwrap_or_default() {
        out.push(mark);
        out.push_str(line);
        out.push('\n');
    }
}

/// `3,7`: the first line, counted from one, and how many there are; one line has no count, and no lines stand behind a line.
fn range(from: usize, to: usize) -> String {
    match to - from {
        1 => format!("{}", from + 1),
        0 => format!("{from},0"),
        count => format!("{},{count}", from + 1),
    }
}
