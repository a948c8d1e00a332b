//! Texts of reports: numbers in words, columns, changes of texts. Pure.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::BTreeSet;

const WORDS: [&str; 13] =
    ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// A number in words up to twelve, in digits beyond.
pub(super) fn number(count: usize) -> String {
    WORDS.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// The length of the longest line.
pub(super) fn width(lines: &[String]) -> usize {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// Columns of lines beside each other.
pub(super) fn beside(columns: &[Vec<String>]) -> Vec<String> {
    let height = columns.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = columns.iter().map(|column| width(column)).collect();
    let row = |row: usize| {
        let cells = columns.iter().zip(&widths).map(|(column, width)| {
            let cell = column.get(row).map(String::as_str).unwrap_or_default();
            format!("{cell:<width$}")
        });
        cells.collect::<Vec<_>>().join("   ").trim_end_matches(' ').to_owned()
    };
    (0..height).map(row).collect()
}

/// What became of a text.
pub(super) fn change(old: &str, new: &str) -> String {
    let outer = [' ', '\n'];
    if old.trim_matches(outer) == new.trim_matches(outer) {
        let visible = |sign: &str, text: &str| -> Vec<String> {
            let text = text.replace(' ', "·").replace('\n', "↵\n");
            let lines = text.split('\n').enumerate();
            lines.map(|(at, line)| format!("{} {line}", if at == 0 { sign } else { " " })).collect()
        };
        let rows = beside(&[visible("-", old), visible("+", new)]);
        return format!("± whitespace only change\n{}\n", rows.join("\n"));
    }
    if !old.contains('\n') && !new.contains('\n') {
        return format!("± value change\n{}\n{}\n", signed("-", old), signed("+", new));
    }
    multiline(old, new)
}

/// A line behind its sign; nothing stands behind it where the line is empty.
fn signed(sign: &str, line: &str) -> String {
    if line.is_empty() { sign.to_owned() } else { format!("{sign} {line}") }
}

/// The changed lines, those that go before those that come.
fn multiline(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let (mut inserts, mut deletions, mut body) = (0, 0, String::new());
    for (gone, come) in hunks(&old, &new) {
        deletions += usize::from(!gone.is_empty());
        inserts += usize::from(!come.is_empty());
        let lines = gone.iter().map(|line| ("-", line)).chain(come.iter().map(|line| ("+", line)));
        for (sign, line) in lines {
            body.push_str(&signed(sign, line.trim_end_matches('\n')));
            body.push('\n');
        }
    }
    let count = |count: usize, one: &str, many: &str| {
        format!("{} {}", number(count), if count == 1 { one } else { many })
    };
    let (inserts, deletions) =
        (count(inserts, "insert", "inserts"), count(deletions, "deletion", "deletions"));
    format!("± value change in multiline text ({inserts}, {deletions})\n{body}\n")
}

/// Where two lists of lines differ: what goes, and what comes in its place.
fn hunks<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Vec<&'a str>, Vec<&'a str>)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let (mut i, mut j) = (0, 0);
    let mut out: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for (a, b) in common(old, new).into_iter().chain([(old.len(), new.len())]) {
        if (i, j) != (a, b) {
            out.push((old[i..a].to_vec(), new[j..b].to_vec()));
        }
        (i, j) = (a + 1, b + 1);
    }
    out
}

/// Texts of so many lines on both sides together are compared exactly, which takes time by the product of lines and differences.
const EXACT: usize = 10_000;

/// The longest common part of two lists, of very long ones a long common part: the places of its lines in both.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    // Lines that one side alone has are in no common part, and would cost the most.
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) =
        (old.iter().copied().collect(), new.iter().copied().collect());
    let kept = |lines: &[&str], others: &BTreeSet<&str>| -> Vec<usize> {
        (0..lines.len()).filter(|at| others.contains(lines[*at])).collect()
    };
    let (from, to) = (kept(old, &after), kept(new, &before));
    let from_lines: Vec<&str> = from.iter().map(|at| old[*at]).collect();
    let to_lines: Vec<&str> = to.iter().map(|at| new[*at]).collect();
    let algorithm = if from.len() + to.len() <= EXACT { Algorithm::RawMyers } else { Algorithm::Myers };
    let ops = capture_diff_slices(algorithm, &from_lines, &to_lines);
    let same = ops.iter().filter_map(|op| match *op {
        DiffOp::Equal { old_index, new_index, len } => Some((old_index, new_index, len)),
        _ => None,
    });
    same.flat_map(|(i, j, len)| (0..len).map(move |at| (i + at, j + at)))
        .map(|(i, j)| (from[i], to[j]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn large_texts_are_compared_in_little_memory_and_time() {
        let numbered = |from: usize, word: &str| -> String {
            (from..from + 60_000).map(|number| format!("{word} {number}\n")).collect()
        };
        let (old, other) = (numbered(0, "line"), numbered(0, "other"));
        let told = change(&old, &numbered(30_000, "line"));
        assert!(told.starts_with("± value change in multiline text (one insert, one deletion)\n- line 0\n"));
        assert_eq!(told.lines().count(), 60_002);
        assert_eq!(change(&old, &other).lines().count(), 120_002);
        let changed = old.replace("line 7\n", "seven\n").replace("line 59990\n", "");
        let want = "± value change in multiline text (one insert, two deletions)\n- line 7\n+ seven\n- line 59990\n\n";
        assert_eq!(change(&old, &changed), want);
    }

    /// The length of the longest common part, by the table of all pairs.
    fn longest(old: &[&str], new: &[&str]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for a in old {
            let before = row.clone();
            for (j, b) in new.iter().enumerate() {
                row[j + 1] = if a == b { before[j] + 1 } else { before[j + 1].max(row[j]) };
            }
        }
        row[new.len()]
    }

    #[test]
    fn the_common_part_of_texts_in_another_order_is_the_longest() {
        let lines: Vec<String> = (0..1_500).map(|number| format!("{number}")).collect();
        let old: Vec<&str> = lines.iter().map(String::as_str).collect();
        let new: Vec<&str> = (0..1_500).map(|at| old[at * 701 % 1_500]).collect();
        assert_eq!(common(&old, &new).len(), longest(&old, &new));
    }

    proptest! {
        #[test]
        fn the_common_part_is_the_longest(old in "[a-e]{0,20}", new in "[a-f]{0,20}") {
            let (old, new): (Vec<&str>, Vec<&str>) = (
                old.split("").filter(|part| !part.is_empty()).collect(),
                new.split("").filter(|part| !part.is_empty()).collect(),
            );
            let found = common(&old, &new);
            prop_assert!(found.iter().all(|(i, j)| old[*i] == new[*j]));
            prop_assert!(found.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert_eq!(found.len(), longest(&old, &new));
        }
    }
}
