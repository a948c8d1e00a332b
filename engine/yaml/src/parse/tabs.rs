//! Tabs that Go's readers refuse and the parser accepts: between `-` and a node, and at the start of lines that are
//! empty or hold a comment.

use granit_parser::Span;

/// What was read last.
#[derive(Default)]
pub(super) struct Tabs {
    /// The byte after it.
    end: usize,
    /// It was a plain scalar: the empty lines after it are read with it.
    plain: bool,
}

impl Tabs {
    pub(super) fn content_ends(&mut self, span: &Span, plain: bool) {
        // A key and an empty value end at the same byte; the key's colon is behind it.
        self.end = self.end.max(span.end.byte_offset().unwrap_or_default());
        self.plain = plain;
    }

    /// Looks at what stands between the last node and the one at `span`, in a block collection at `column` (from 1; 0
    /// at the root).
    pub(super) fn check(&self, source: &str, span: &Span, column: u32) -> Result<(), &'static str> {
        let start = span.start.byte_offset().unwrap_or_default();
        let Some(gap) = source.get(self.end..start).filter(|gap| gap.contains('\t')) else { return Ok(()) };
        let refused = "found character that cannot start any token";
        let mut lines = gap.split('\n');
        let first = lines.next().unwrap_or_default();
        let indicator = self.end == 0 || first.starts_with(['-', '?']);
        // Behind `key:` and behind a value a tab is welcome.
        if indicator && starts_with_tab(first) {
            return Err(refused);
        }
        let mut after_plain = self.plain && is_blank(first);
        for line in lines {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if after_plain && line[indent..].starts_with('\t') {
                if indent < column as usize {
                    return Err("found a tab character that violates indentation");
                }
            } else if starts_with_tab(line) {
                return Err(refused);
            }
            after_plain &= is_blank(line);
        }
        Ok(())
    }
}

/// Looks at the lines of a plain scalar in a block collection at `column`: a tab may not stand left of its lines.
pub(super) fn check_plain(lines: &str, column: u32) -> Result<(), &'static str> {
    let outside = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        line[indent..].starts_with('\t') && indent < column as usize
    };
    match lines.split('\n').skip(1).any(outside) {
        true => Err("found a tab character that violates indentation"),
        false => Ok(()),
    }
}

/// Whether a tab comes before anything but spaces and the indicators of lists and long keys.
fn starts_with_tab(line: &str) -> bool {
    line.trim_start_matches([' ', '-', '?']).starts_with('\t')
}

fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\t', '\r']).is_empty()
}
