//! Printed lines, compared with what was expected of them.

/// Where two texts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The line of what was printed, from 1.
    pub(crate) line: usize,
    /// What should stand there.
    pub(crate) wanted: String,
    /// What does.
    pub(crate) found: String,
}

/// Any lines.
const ANY: &str = "...";
const END: &str = "(the end)";

/// Compares line by line; blanks at the ends of lines do not count. In `expected`, `*` is any text within a line, and a line `...` is
/// any number of lines.
pub(crate) fn compare(expected: &str, printed: &str) -> Result<(), Difference> {
    let expected: Vec<&str> = expected.trim_end().lines().map(str::trim_end).collect();
    let printed: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
    walk(&expected, &printed, 1)
}

fn walk(expected: &[&str], printed: &[&str], line: usize) -> Result<(), Difference> {
    let differ = |wanted: &str, found: &str| {
        Err(Difference { line, wanted: wanted.to_owned(), found: found.to_owned() })
    };
    match (expected, printed) {
        ([], []) => Ok(()),
        ([ANY], _) => Ok(()),
        ([ANY, rest @ ..], _) => {
            // The first place where the rest fits; the difference that is told is the one that comes last.
            let mut last = None;
            for skipped in 0..=printed.len() {
                match walk(rest, &printed[skipped..], line + skipped) {
                    Ok(()) => return Ok(()),
                    Err(difference) => {
                        let further =
                            last.as_ref().is_none_or(|known: &Difference| known.line <= difference.line);
                        if further && difference.found != END || last.is_none() {
                            last = Some(difference);
                        }
                    }
                }
            }
            last.map_or(Ok(()), Err)
        }
        ([], [found, ..]) => differ(END, found),
        ([wanted, ..], []) => differ(wanted, END),
        ([wanted, ..], [found, ..]) if !fits(wanted, found) => differ(wanted, found),
        ([_, expected @ ..], [_, printed @ ..]) => walk(expected, printed, line + 1),
    }
}

/// Whether a line fits a pattern.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == line };
    let Some(mut line) = line.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match line.find(part) {
            Some(at) => line = &line[at + part.len()..],
            None => return false,
        }
    }
    line.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::compare;
    use rstest::rstest;

    #[rstest]
    #[case::equal("a\nb\n", "a\nb", true)]
    #[case::blanks_at_the_end("a\n", "a \t\n\n", true)]
    #[case::another_line("a\nb", "a\nc", false)]
    #[case::too_short("a\nb", "a", false)]
    #[case::too_long("a", "a\nb", false)]
    #[case::a_part("id * (x*)", "id 12 (xyz)", true)]
    #[case::parts_do_not_overlap("ab*ba", "aba", false)]
    #[case::the_end_must_fit("a*b", "a b c", false)]
    #[case::any_lines("a\n...\nd", "a\nb\nc\nd", true)]
    #[case::any_lines_and_none("a\n...\nb", "a\nb", true)]
    #[case::any_lines_to_the_end("a\n...", "a\nb", true)]
    #[case::what_follows_any_lines_must_come("a\n...\nd", "a\nb\nc", false)]
    fn lines_fit(#[case] expected: &str, #[case] printed: &str, #[case] fits: bool) {
        assert_eq!(compare(expected, printed).is_ok(), fits);
    }
}
