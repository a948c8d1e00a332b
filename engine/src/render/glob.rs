//! Globs as Go's `path.Match` knows them: `*`, `?`, classes such as `[a-z]` and `[^a-z]`.

/// Whether `pattern` matches all of the path `text`: wildcards stop at slashes. A malformed pattern matches nothing.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    Glob { stops_at: Some('/') }.matches(pattern, text)
}

/// Whether `pattern` matches all of `text`, in which a slash is a letter as any other.
pub(crate) fn matches_text(pattern: &str, text: &str) -> bool {
    Glob { stops_at: None }.matches(pattern, text)
}

#[derive(Clone, Copy)]
struct Glob {
    stops_at: Option<char>,
}

impl Glob {
    fn matches(self, pattern: &str, text: &str) -> bool {
        // Most patterns are told from most texts by the letters that they begin or end with.
        let is_special = |c| matches!(c, '*' | '?' | '[' | '\\');
        let Some(first) = pattern.find(is_special) else { return pattern == text };
        if !text.starts_with(&pattern[..first]) {
            return false;
        }
        if let Some((before, end)) = pattern.rsplit_once('*')
            && !before.contains('[')
            && !end.contains(is_special)
            && !text.ends_with(end)
        {
            return false;
        }
        let pattern: Vec<char> = pattern.chars().collect();
        let text: Vec<char> = text.chars().collect();
        self.from(&pattern, &text)
    }

    fn from(self, pattern: &[char], text: &[char]) -> bool {
        let Some((&first, rest)) = pattern.split_first() else { return text.is_empty() };
        match first {
            '*' => {
                let slash = text.iter().position(|c| Some(*c) == self.stops_at).unwrap_or(text.len());
                (0..=slash).any(|skipped| self.from(rest, &text[skipped..]))
            }
            '?' => {
                text.split_first().is_some_and(|(c, text)| Some(*c) != self.stops_at && self.from(rest, text))
            }
            '[' => match (class(rest, text.first().copied()), text.split_first()) {
                (Some((true, rest)), Some((_, text))) => self.from(rest, text),
                _ => false,
            },
            '\\' => match (rest.split_first(), text.split_first()) {
                (Some((expected, rest)), Some((found, text))) => expected == found && self.from(rest, text),
                _ => false,
            },
            letter => text.split_first().is_some_and(|(c, text)| *c == letter && self.from(rest, text)),
        }
    }
}

/// Whether the class at the start of `pattern` (behind its bracket) holds `letter`, and what follows the class.
fn class(pattern: &[char], letter: Option<char>) -> Option<(bool, &[char])> {
    let letter = letter?;
    let (negated, mut rest) = match pattern.first() {
        Some('^' | '!') => (true, &pattern[1..]),
        _ => (false, pattern),
    };
    let (mut held, mut first) = (false, true);
    loop {
        let (&low, after) = rest.split_first()?;
        if low == ']' && !first {
            return Some((held != negated, after));
        }
        first = false;
        let (low, after) =
            if low == '\\' { after.split_first().map(|(c, r)| (*c, r))? } else { (low, after) };
        let (high, after) = match after {
            ['-', high, after @ ..] if *high != ']' => (*high, after),
            _ => (low, after),
        };
        held |= (low..=high).contains(&letter);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("*.yaml", "a.yaml", true)]
    #[case("*.yaml", "a/b.yaml", false)]
    #[case("a?c", "abc", true)]
    #[case("a?c", "a/c", false)]
    #[case("[a-c]x", "bx", true)]
    #[case("[^a-c]x", "bx", false)]
    #[case("\\*", "*", true)]
    #[case("[a", "a", false)]
    #[case("", "", true)]
    #[case("a*b", "ab", true)]
    #[case("ab*b", "ab", false)]
    #[case("[*]x", "*x", true)]
    #[case("a\\*b", "a*b", true)]
    #[case("a*[b]", "ab", true)]
    fn a_glob_matches_as_gos_does(#[case] pattern: &str, #[case] text: &str, #[case] expected: bool) {
        assert_eq!(matches(pattern, text), expected);
    }
}
