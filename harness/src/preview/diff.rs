//! Two objects as YAML, side by side: the lines that differ, with the keys that lead to them. Pure.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// One line, with its sign: ` `, `-` or `+`.
pub(super) fn lines(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (yaml(before), yaml(after));
    let diff = TextDiff::from_lines(&before, &after);
    let lines: Vec<Line<'_>> = diff
        .iter_all_changes()
        .map(|change| Line { tag: change.tag(), text: change.value().trim_end_matches(['\n', '\r']) })
        .collect();
    let shown = shown(&lines);
    let sign = |tag| match tag {
        ChangeTag::Equal => ' ',
        ChangeTag::Delete => '-',
        ChangeTag::Insert => '+',
    };
    let lines = lines.iter().zip(shown).filter(|(_, shown)| *shown);
    lines.map(|(line, _)| format!("{}{}", sign(line.tag), line.text)).collect()
}

/// An object as YAML.
pub(super) fn yaml(value: &Value) -> String {
    match seatrial_yaml::emit_json(value) {
        Ok(text) => text,
        // What YAML cannot express is still shown.
        Err(_) => format!("{value:#}\n"),
    }
}

struct Line<'a> {
    tag: ChangeTag,
    text: &'a str,
}

impl Line<'_> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches(' ').len()
    }

    fn is_item(&self) -> bool {
        let text = self.text.trim_start_matches(' ');
        text == "-" || text.starts_with("- ")
    }

    /// Whether it is the `name` of an item of a list.
    fn is_name(&self) -> bool {
        let text = self.text.trim_start_matches(' ');
        text.trim_start_matches("- ").starts_with("name: ")
    }

    fn is_in(&self, tag: ChangeTag) -> bool {
        self.tag == ChangeTag::Equal || self.tag == tag
    }
}

/// Which lines are shown: those that differ, the keys above them, and the names of the items that they are in.
fn shown(lines: &[Line<'_>]) -> Vec<bool> {
    let mut shown = vec![false; lines.len()];
    for side in [ChangeTag::Delete, ChangeTag::Insert] {
        let mut parents: Vec<Option<usize>> = vec![None; lines.len()];
        let mut names: Vec<Option<usize>> = vec![None; lines.len()];
        let mut above: Vec<usize> = Vec::new();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.is_in(side)) {
            if line.text.trim().is_empty() {
                parents[at] = above.last().copied();
                continue;
            }
            let (indent, item) = (line.indent(), line.is_item());
            while above.last().is_some_and(|last| {
                let last = &lines[*last];
                last.indent() > indent || (last.indent() == indent && (last.is_item() || !item))
            }) {
                above.pop();
            }
            parents[at] = above.last().copied();
            if line.is_name() {
                let owner = if item { Some(at) } else { parents[at] };
                let direct =
                    owner.filter(|o| *o == at || (lines[*o].is_item() && lines[*o].indent() + 2 == indent));
                if let Some(owner) = direct {
                    names[owner] = Some(at);
                }
            }
            above.push(at);
        }
        for (at, line) in lines.iter().enumerate() {
            if line.tag != side {
                continue;
            }
            shown[at] = true;
            let mut above = parents[at];
            while let Some(parent) = above {
                shown[parent] = true;
                if let Some(name) = names[parent] {
                    shown[name] = true;
                }
                above = parents[parent];
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::a_field_with_the_keys_above_it(
        json!({"kind": "X", "spec": {"a": 1, "template": {"spec": {"containers": [
            {"args": ["x"], "image": "web:1", "name": "web"}, {"image": "other:1", "name": "other"}]}}}}),
        json!({"kind": "X", "spec": {"a": 1, "template": {"spec": {"containers": [
            {"args": ["x"], "image": "web:2", "name": "web"}, {"image": "other:1", "name": "other"}]}}}}),
        &[
            " spec:",
            "   template:",
            "     spec:",
            "       containers:",
            "       - args:",
            "-        image: web:1",
            "+        image: web:2",
            "         name: web",
        ]
    )]
    #[case::a_line_of_a_text(
        json!({"data": {"config": "a\nb\nc\n", "other": "x"}}),
        json!({"data": {"config": "a\nB\nc\n", "other": "x"}}),
        &[" data:", "   config: |", "-    b", "+    B"]
    )]
    #[case::a_new_item(
        json!({"spec": {"ports": [{"name": "a", "port": 1}]}}),
        json!({"spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}}),
        &[" spec:", "   ports:", "+  - name: b", "+    port: 2"]
    )]
    #[case::nothing(json!({"a": 1}), json!({"a": 1}), &[])]
    fn lines_that_differ_are_shown_with_what_leads_to_them(
        #[case] before: Value,
        #[case] after: Value,
        #[case] expected: &[&str],
    ) {
        assert_eq!(lines(&before, &after), expected);
    }
}
