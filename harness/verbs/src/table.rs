//! Tables as flux prints them.

use unicode_width::UnicodeWidthStr as _;

/// A table: cells stand in columns of equal width, with a tab between them, and one behind the last cell
/// of a row. The heads are printed in upper case, and have a space there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these heads; with none of them, rows stand alone (`--no-header`).
    pub fn new<H: AsRef<str>>(heads: impl IntoIterator<Item = H>) -> Table {
        Table {
            heads: heads.into_iter().map(|head| head.as_ref().to_uppercase()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, with a line break behind every line. A cell with several lines makes its row as high.
    pub fn render(&self) -> String {
        let heads = std::iter::once(&self.heads).filter(|heads| !heads.is_empty());
        let mut widths: Vec<usize> = Vec::new();
        for row in heads.clone().chain(&self.rows) {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.split('\n').map(str::width).fold(*width, usize::max);
            }
        }
        let mut text = String::new();
        for row in heads {
            print(row, &widths, " \n", &mut text);
        }
        for row in &self.rows {
            print(row, &widths, "\t\n", &mut text);
        }
        text
    }
}

/// Prints a row, each of whose lines has `end` behind it.
fn print(row: &[String], widths: &[usize], end: &str, text: &mut String) {
    let cells: Vec<Vec<&str>> = row.iter().map(|cell| cell.split('\n').collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..height {
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let cell = cell.get(line).copied().unwrap_or_default();
            text.push_str(if index == 0 { "" } else { "\t" });
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        }
        text.push_str(end);
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn cells_are_padded_to_their_column_and_stand_between_tabs() {
        let mut table = Table::new(["Name", "Ready", "Message"]);
        table.row(["flux-system", "True", "ok"]);
        table.row(["a", "", "naïve"]);
        let expected =
            "NAME       \tREADY\tMESSAGE \nflux-system\tTrue \tok     \t\na          \t     \tnaïve  \t\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn cells_can_have_several_lines_and_wide_characters() {
        let mut table = Table::new(["A", "B"]);
        table.row(["x", "one\n two\n"]);
        table.row(["日本", "y"]);
        let expected = "A   \tB    \nx   \tone \t\n    \t two\t\n    \t    \t\n日本\ty   \t\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn without_heads_only_rows_count() {
        let mut table = Table::new([""; 0]);
        table.row(["a", "b"]);
        assert_eq!(table.render(), "a\tb\t\n");
    }
}
