//! Tables as flux prints them.

use std::fmt::Write as _;

/// A table: cells stand in columns of equal width, with a tab between them, and one behind the last cell
/// of a row. The heads are printed in upper case, and have none behind them.
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

    /// The text, with a line break behind every line.
    pub fn render(&self) -> String {
        let lines = || std::iter::once(&self.heads).filter(|heads| !heads.is_empty()).chain(&self.rows);
        let columns = lines().map(Vec::len).max().unwrap_or_default();
        let mut widths = vec![0; columns];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for (number, line) in lines().enumerate() {
            for (index, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let tab = if index == 0 { "" } else { "\t" };
                let _ = write!(text, "{tab}{cell:<width$}", width = *width);
            }
            let head = number == 0 && !self.heads.is_empty();
            text.push_str(if head { "\n" } else { "\t\n" });
        }
        text
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
            "NAME       \tREADY\tMESSAGE\nflux-system\tTrue \tok     \t\na          \t     \tnaïve  \t\n";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn without_heads_only_rows_count() {
        let mut table = Table::new([""; 0]);
        table.row(["a", "b"]);
        assert_eq!(table.render(), "a\tb\t\n");
    }
}
