//! Constraints.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::version::Version;

/// A text that is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConstraint {
    /// It does not have the form of one.
    #[error("improper constraint: {0:?}")]
    Form(
        /// The text, or the alternative of it that is wrong, with its ranges written out.
        String,
    ),
    /// One of its versions is none.
    #[error("constraint parser error")]
    Version,
}

/// What a version must meet: one of several lists of comparators.
#[derive(Debug, Clone)]
pub struct Constraint {
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone)]
struct Alternative {
    comparators: Vec<Comparator>,
    /// Whether one of the comparators names a pre-release: then pre-releases count for all of them.
    names_pre: bool,
}

#[derive(Debug, Clone)]
struct Comparator {
    operator: Operator,
    version: Version,
    /// How many parts were given; the others are wildcards.
    given: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A version of a constraint: its parts may be wildcards. (A bar passes as part of a number, and then is none.)
const PARTIAL: &str = r"v?[0-9xX*|]+(?:\.[0-9xX*|]+)?(?:\.[0-9xX*|]+)?(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?";
const OPERATOR: &str = r"(?:!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)";
const SPACE: &str = r"[\t\n\x0C\r ]";

fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

/// `1.2 - 1.4`
static RANGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!("{SPACE}*({PARTIAL}){SPACE}+-{SPACE}+({PARTIAL}){SPACE}*")));
/// The whole of an alternative.
static LIST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let one = format!("{OPERATOR}{SPACE}*{PARTIAL}{SPACE}*");
    compiled(&format!("^{SPACE}*{one}(?:(?:{SPACE}+|,{SPACE}*){one})*$"))
});
/// One comparator in it.
static ONE: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(&format!("({OPERATOR}){SPACE}*({PARTIAL})")));

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// What is wrong, in the library's words.
    pub fn parse(text: &str) -> Result<Self, InvalidConstraint> {
        let (Some(range), Some(list), Some(one)) = (RANGE.as_ref(), LIST.as_ref(), ONE.as_ref()) else {
            return Err(InvalidConstraint::Version);
        };
        let written_out =
            range.replace_all(text, |found: &Captures<'_>| format!(">= {}, <= {} ", &found[1], &found[2]));
        let mut alternatives = Vec::new();
        for part in written_out.split("||") {
            if !list.is_match(part) {
                return Err(InvalidConstraint::Form(part.to_owned()));
            }
            let comparators = one
                .captures_iter(part)
                .map(|found| Comparator::parse(&found[1], &found[2]))
                .collect::<Result<Vec<_>, _>>()?;
            let names_pre = comparators.iter().any(|comparator| comparator.version.is_prerelease());
            alternatives.push(Alternative { comparators, names_pre });
        }
        Ok(Self { alternatives })
    }

    /// Whether `version` meets the constraint. A pre-release does only where a comparator of the same alternative
    /// names one.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            let pre = alternative.names_pre;
            alternative.comparators.iter().all(|comparator| comparator.holds(version, pre))
        })
    }
}

impl Comparator {
    fn parse(operator: &str, text: &str) -> Result<Self, InvalidConstraint> {
        let operator = match operator {
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            "^" => Operator::Caret,
            _ => Operator::Equal,
        };
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let rest = rest.split_once('+').map_or(rest, |(pre, _)| pre);
        let mut parts = ["0"; 3];
        let mut given = 0;
        for (part, number) in parts.iter_mut().zip(numbers.split('.')) {
            if matches!(number, "x" | "X" | "*") {
                break;
            }
            *part = number;
            given += 1;
        }
        let whole = format!("{}{rest}", parts.join("."));
        let version = Version::parse(&whole).map_err(|_| InvalidConstraint::Version)?;
        Ok(Self { operator, version, given })
    }

    fn holds(&self, version: &Version, pre: bool) -> bool {
        let wanted = &self.version;
        if version.is_prerelease() && !pre {
            return false;
        }
        let same = |parts: usize| version.parts[..parts] == wanted.parts[..parts];
        match self.operator {
            Operator::Equal if self.given == 3 => version == wanted,
            Operator::Equal | Operator::Tilde if self.given == 0 => version >= wanted,
            Operator::Tilde if self.given == 3 && wanted.parts == [0; 3] => version >= wanted,
            Operator::Equal | Operator::Tilde => version >= wanted && same(self.given.min(2)),
            Operator::NotEqual if matches!(self.given, 0 | 3) => version != wanted,
            Operator::NotEqual => !same(self.given),
            Operator::Greater if matches!(self.given, 0 | 3) => version > wanted,
            Operator::Greater => version.parts[..self.given] > wanted.parts[..self.given],
            Operator::GreaterOrEqual => version >= wanted,
            Operator::Less => version < wanted,
            Operator::LessOrEqual if self.given == 3 => version <= wanted,
            Operator::LessOrEqual if self.given == 0 => version.parts[..2] <= wanted.parts[..2],
            Operator::LessOrEqual => version.parts[..self.given] <= wanted.parts[..self.given],
            Operator::Caret => {
                // What is left of, and with, the first part that is not zero stays.
                let given = if self.given == 0 { 3 } else { self.given };
                let fixed = wanted.parts[..given].iter().position(|part| *part != 0);
                version >= wanted && same(fixed.map_or(given, |at| at + 1))
            }
        }
    }
}
