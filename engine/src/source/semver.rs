//! Versions and ranges as Flux's `ref.semver` reads them (`1.0.x`, `>=1.2.0 <2`, `^1.2 || ~2.0`).

use std::cmp::Ordering;

/// A version: `v` in front and missing parts are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    parts: [u64; 3],
    pre: Vec<String>,
}

/// A range of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range(Vec<Vec<Comparator>>);

/// A text that is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("improper constraint: {0}")]
pub(super) struct InvalidRange(
    /// The text.
    pub(super) String,
);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: Version,
    /// How many parts were given; the others are wildcards.
    given: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

impl Version {
    /// Reads a version; none if `text` is not one.
    pub(super) fn parse(text: &str) -> Option<Version> {
        let (version, given) = partial(text)?;
        (given > 0).then_some(version)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts).then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(&self.pre, &other.pre),
        })
    }
}

fn compare_pre(a: &[String], b: &[String]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Reads up to three parts; `x`, `X`, `*` and missing parts are wildcards.
fn partial(text: &str) -> Option<(Version, usize)> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) => (numbers, pre.split('.').map(str::to_owned).collect()),
        None => (text, Vec::new()),
    };
    let pieces: Vec<&str> = numbers.split('.').collect();
    if pieces.len() > 3 || pre.iter().any(String::is_empty) {
        return None;
    }
    let (mut parts, mut given) = ([0; 3], 0);
    for (at, piece) in pieces.iter().enumerate() {
        if matches!(*piece, "x" | "X" | "*") {
            break;
        }
        parts[at] = piece.parse().ok()?;
        given = at + 1;
    }
    Some((Version { parts, pre }, given))
}

impl Range {
    /// Reads a range.
    ///
    /// # Errors
    /// [`InvalidRange`] with the text that was not understood.
    pub(super) fn parse(text: &str) -> Result<Range, InvalidRange> {
        text.split("||")
            .map(alternative)
            .collect::<Option<_>>()
            .map(Range)
            .ok_or(InvalidRange(text.to_owned()))
    }

    /// Whether `version` is in the range. A pre-release is, only where the comparator that it meets names one.
    pub(super) fn contains(&self, version: &Version) -> bool {
        self.0.iter().any(|all| all.iter().all(|one| one.holds(version)))
    }
}

fn alternative(text: &str) -> Option<Vec<Comparator>> {
    let text = text.replace(',', " ");
    if let Some((from, to)) = text.split_once(" - ") {
        return Some(vec![
            comparator(&format!(">={}", from.trim()))?,
            comparator(&format!("<={}", to.trim()))?,
        ]);
    }
    let mut all = Vec::new();
    let mut operator = String::new();
    for word in text.split_whitespace() {
        // An operator may stand apart from its version.
        if word.chars().all(|c| "=!<>~^".contains(c)) {
            operator.push_str(word);
        } else {
            all.push(comparator(&format!("{operator}{word}"))?);
            operator.clear();
        }
    }
    (operator.is_empty() && !all.is_empty()).then_some(all)
}

fn comparator(text: &str) -> Option<Comparator> {
    let end = text.find(|c| !"=!<>~^".contains(c))?;
    let operator = match &text[..end] {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        ">=" | "=>" => Operator::GreaterOrEqual,
        "<" => Operator::Less,
        "<=" | "=<" => Operator::LessOrEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => return None,
    };
    let (version, given) = partial(&text[end..])?;
    Some(Comparator { operator, version, given })
}

impl Comparator {
    fn holds(&self, version: &Version) -> bool {
        if !version.pre.is_empty() && self.version.pre.is_empty() && self.operator != Operator::NotEqual {
            return false;
        }
        let same = |parts: usize| version.parts[..parts] == self.version.parts[..parts];
        match self.operator {
            Operator::Equal if self.given < 3 => same(self.given),
            Operator::Equal => version == &self.version,
            Operator::NotEqual if self.given < 3 => !same(self.given),
            Operator::NotEqual => version != &self.version,
            Operator::Greater if self.given < 3 => {
                self.given > 0 && version.parts[..self.given] > self.version.parts[..self.given]
            }
            Operator::Greater => version > &self.version,
            Operator::GreaterOrEqual => version >= &self.version,
            Operator::Less => version < &self.version,
            Operator::LessOrEqual if self.given < 3 => {
                version.parts[..self.given] <= self.version.parts[..self.given]
            }
            Operator::LessOrEqual => version <= &self.version,
            Operator::Tilde => version >= &self.version && same(self.given.min(2)),
            Operator::Caret => {
                // What is left of, and with, the first part that is not zero stays.
                let fixed = self.version.parts[..self.given].iter().position(|part| *part != 0);
                version >= &self.version && same(fixed.map_or(self.given, |at| at + 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.0.x", "1.0.9", true)]
    #[case("1.0.x", "1.1.0", false)]
    #[case("*", "4.5.6", true)]
    #[case("*", "4.5.6-rc1", false)]
    #[case(">=1.0.0", "1.2.0", true)]
    #[case(">=1.0.0 <2.0.0", "2.0.0", false)]
    #[case(">=1.0.0, <2.0.0", "1.9.9", true)]
    #[case(">= 1.0.0", "1.0.0", true)]
    #[case(">=1.0.0-0", "1.1.0-rc.1", true)]
    #[case("^1.2.3", "1.9.0", true)]
    #[case("^1.2.3", "2.0.0", false)]
    #[case("^0.2.3", "0.2.9", true)]
    #[case("^0.2.3", "0.3.0", false)]
    #[case("~1.2.3", "1.2.9", true)]
    #[case("~1.2.3", "1.3.0", false)]
    #[case("~1", "1.9.9", true)]
    #[case("1.2 - 1.4.5", "1.4.5", true)]
    #[case("1.2 - 1.4.5", "1.5.0", false)]
    #[case("<1.0 || >=2.0", "2.1.0", true)]
    #[case("!=1.0.0", "1.0.0", false)]
    #[case(">1", "1.5.0", false)]
    #[case(">1", "2.0.0", true)]
    #[case("<=1.2", "1.2.9", true)]
    #[case("v1.0.0", "1.0.0", true)]
    fn a_range_holds_versions(#[case] range: &str, #[case] version: &str, #[case] expected: bool) {
        let range = Range::parse(range).expect("a range");
        assert_eq!(range.contains(&Version::parse(version).expect("a version")), expected);
    }

    #[rstest]
    #[case("")]
    #[case("latest")]
    #[case(">=")]
    #[case("1.2.3.4")]
    #[case("=>>1")]
    fn a_text_that_is_no_range_is_refused(#[case] text: &str) {
        assert_eq!(Range::parse(text), Err(InvalidRange(text.to_owned())));
    }

    #[test]
    fn versions_are_ordered_by_precedence() {
        let texts =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "v1.0.1", "1.10"];
        let versions: Vec<Version> = texts.iter().filter_map(|text| Version::parse(text)).collect();
        let mut sorted = versions.clone();
        sorted.sort();
        assert_eq!(versions.len(), texts.len());
        assert_eq!(sorted, versions);
    }
}
