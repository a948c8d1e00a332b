//! Texts of reports: numbers in words, columns, changes of texts. Pure.

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
    // How long the longest common list is from each place on.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i][j] =
                if a == b { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out: Vec<(Vec<&str>, Vec<&str>)> = vec![Default::default()];
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            out.push(Default::default());
            continue;
        }
        let Some((gone, come)) = out.last_mut() else { break };
        if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            gone.push(old[i]);
            i += 1;
        } else {
            come.push(new[j]);
            j += 1;
        }
    }
    out.retain(|(gone, come)| !gone.is_empty() || !come.is_empty());
    out
}
