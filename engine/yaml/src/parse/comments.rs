//! Comments that wait for the node they belong to.

use crate::node::Node;

#[derive(Default)]
pub(super) struct Pending {
    lines: Vec<Line>,
    /// The last line on which something other than a comment stands.
    content: u32,
}

struct Line {
    line: u32,
    column: u32,
    text: String,
}

impl Pending {
    pub(super) fn push(&mut self, line: u32, column: u32, text: String) {
        self.lines.push(Line { line, column, text });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn content_ends(&mut self, line: u32) {
        self.content = self.content.max(line);
    }

    pub(super) fn last_content_line(&self) -> u32 {
        self.content
    }

    /// All that waits stands above this node.
    pub(super) fn give_as_head(&mut self, node: &mut Node) {
        let text = self.take(self.lines.len());
        if !text.is_empty() {
            append(&mut node.comments.get_or_insert_default().head, &text);
        }
    }

    /// All that waits stands below this node.
    pub(super) fn give_rest_as_foot(&mut self, node: &mut Node) {
        self.give_as_foot(self.lines.len(), node);
    }

    /// At the end of a block collection: the lines right below its last entry, not left of it.
    pub(super) fn give_adjacent_as_foot(&mut self, node: &mut Node, column: u32) {
        let group = self.group();
        if self.lines[..group].iter().all(|line| line.column >= column) {
            self.give_as_foot(group, node);
        }
    }

    /// Before the next entry at `next`: the lines right below the last entry, with an empty line after them.
    pub(super) fn give_detached_as_foot(&mut self, node: &mut Node, next: u32) {
        let group = self.group();
        let detached = match (self.lines.get(group.wrapping_sub(1)), self.lines.get(group)) {
            (Some(_), Some(_)) => true,
            (Some(last), None) => last.line + 1 < next,
            _ => false,
        };
        if detached {
            self.give_as_foot(group, node);
        }
    }

    /// How many lines follow the content without an empty line between.
    fn group(&self) -> usize {
        self.lines
            .iter()
            .zip(self.content + 1..)
            .take_while(|(line, expected)| line.line == *expected)
            .count()
    }

    fn give_as_foot(&mut self, lines: usize, node: &mut Node) {
        let text = self.take(lines);
        if !text.is_empty() {
            append(&mut node.comments.get_or_insert_default().foot, &text);
        }
    }

    /// The first lines as text; an empty line stands for any number of them.
    fn take(&mut self, lines: usize) -> String {
        let mut text = String::new();
        let mut before: Option<u32> = None;
        for line in self.lines.drain(..lines) {
            if let Some(before) = before {
                text.push_str(if before + 1 < line.line { "\n\n" } else { "\n" });
            }
            text.push_str(&line.text);
            before = Some(line.line);
        }
        text
    }
}

fn append(to: &mut String, text: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(text);
}
