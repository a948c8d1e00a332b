//! Which tag a policy takes.

use std::collections::BTreeMap;

use seatrial_semver::{Constraint, highest};
use seatrial_template::regexp::Regexp;

/// How tags are compared.
#[derive(Debug, Clone)]
pub enum Policy {
    /// The highest version within a range.
    Semver(Constraint),
    /// The last (ascending) or first (descending) by the alphabet.
    Alphabetical(Order),
    /// The greatest (ascending) or smallest (descending) number.
    Numerical(Order),
}

/// Which end of the order is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The last.
    #[default]
    Ascending,
    /// The first.
    Descending,
}

/// Which tags count, and what of them is compared.
#[derive(Debug, Clone)]
pub struct Filter {
    pattern: Regexp,
    extract: String,
}

/// Why no tag was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No policy is given.
    #[error("given ImagePolicyChoice object is invalid")]
    NoPolicy,
    /// The range is none.
    #[error("{0}")]
    Range(String),
    /// The order is neither `asc` nor `desc`.
    #[error("invalid order argument provided: '{0}', must be one of: asc, desc")]
    Order(String),
    /// The filter's pattern is no regular expression.
    #[error("invalid regular expression pattern '{pattern}': {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
    /// There are no tags, or the filter leaves none.
    #[error("version list argument cannot be empty")]
    NoTags,
    /// No tag is in the range.
    #[error("unable to determine latest version from provided list")]
    NoMatch,
    /// A tag is no number.
    #[error("failed to parse invalid numeric value '{0}'")]
    NotNumeric(String),
}

impl PolicyError {
    /// Whether the policy itself is wrong, whatever the tags are.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        !matches!(self, Self::NoTags | Self::NoMatch | Self::NotNumeric(_))
    }
}

impl Policy {
    /// Reads `spec.policy` of an ImagePolicy; of several choices, Flux takes the first of semver, alphabetical, numerical.
    ///
    /// # Errors
    /// [`PolicyError::NoPolicy`], [`PolicyError::Range`], [`PolicyError::Order`].
    pub fn from_spec(spec: &serde_json::Value) -> Result<Self, PolicyError> {
        if let Some(semver) = spec.get("semver") {
            let range = semver["range"].as_str().unwrap_or_default();
            return Constraint::parse(range)
                .map(Self::Semver)
                .map_err(|error| PolicyError::Range(error.to_string()));
        }
        if let Some(alphabetical) = spec.get("alphabetical") {
            return Order::from_spec(alphabetical).map(Self::Alphabetical);
        }
        if let Some(numerical) = spec.get("numerical") {
            return Order::from_spec(numerical).map(Self::Numerical);
        }
        Err(PolicyError::NoPolicy)
    }

    /// The tag that is taken of `tags`.
    ///
    /// # Errors
    /// [`PolicyError::NoTags`], [`PolicyError::NoMatch`], [`PolicyError::NotNumeric`].
    pub fn latest(&self, filter: Option<&Filter>, tags: &[String]) -> Result<String, PolicyError> {
        let Some(filter) = filter else {
            return self.take(tags.iter().map(String::as_str)).map(str::to_owned);
        };
        let compared = filter.apply(tags);
        let taken = self.take(compared.keys().map(String::as_str))?;
        Ok(compared.get(taken).map_or_else(|| taken.to_owned(), |tag| (*tag).to_owned()))
    }

    fn take<'t>(&self, tags: impl Iterator<Item = &'t str>) -> Result<&'t str, PolicyError> {
        let mut tags = tags.peekable();
        if tags.peek().is_none() {
            return Err(PolicyError::NoTags);
        }
        match self {
            Self::Semver(range) => highest(range, tags).map(|(tag, _)| tag).ok_or(PolicyError::NoMatch),
            Self::Alphabetical(Order::Ascending) => tags.max().ok_or(PolicyError::NoTags),
            Self::Alphabetical(Order::Descending) => tags.min().ok_or(PolicyError::NoTags),
            Self::Numerical(order) => {
                let mut taken: Option<(&str, f64)> = None;
                for tag in tags {
                    let number = numeric(tag).ok_or_else(|| PolicyError::NotNumeric(tag.to_owned()))?;
                    let worse = taken.is_some_and(|(_, best)| match order {
                        Order::Ascending => number < best,
                        Order::Descending => number > best,
                    });
                    if !worse {
                        taken = Some((tag, number));
                    }
                }
                taken.map(|(tag, _)| tag).ok_or(PolicyError::NoTags)
            }
        }
    }
}

/// A number as Go's `strconv.ParseFloat` reads it; none where it has no place in 64 bits. (Tags hold no hexadecimal
/// floats: those need a sign or a point in front of `p`, but `0x1p4` is a tag and is read.)
fn numeric(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return hexadecimal(hex);
    }
    let number: f64 = text.parse().ok()?;
    let said = lower.contains("inf") || lower.contains("nan");
    (said || number.is_finite()).then_some(number)
}

/// `1.8p3`: a mantissa and a binary exponent, which Go wants.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let scale = exponent.parse::<i32>().ok()? - 4 * i32::try_from(fraction.len()).ok()?;
    let number = value * 2f64.powi(scale);
    number.is_finite().then_some(number)
}

impl Order {
    fn from_spec(spec: &serde_json::Value) -> Result<Self, PolicyError> {
        match spec["order"].as_str().unwrap_or_default() {
            "" | "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            other => Err(PolicyError::Order(other.to_owned())),
        }
    }
}

impl Filter {
    /// Reads a pattern, and what of its matches is compared (nothing: the whole tag).
    ///
    /// # Errors
    /// [`PolicyError::Pattern`].
    pub fn new(pattern: &str, extract: &str) -> Result<Self, PolicyError> {
        let compiled = Regexp::new(pattern)
            .map_err(|problem| PolicyError::Pattern { pattern: pattern.to_owned(), problem })?;
        Ok(Self { pattern: compiled, extract: extract.to_owned() })
    }

    /// What is compared, and the tag behind it; of tags with the same the last one counts.
    fn apply<'t>(&self, tags: &'t [String]) -> BTreeMap<String, &'t str> {
        tags.iter()
            .filter_map(|tag| {
                if self.extract.is_empty() {
                    return self.pattern.is_match(tag).then(|| (tag.clone(), tag.as_str()));
                }
                self.pattern.expand(&self.extract, tag).map(|compared| (compared, tag.as_str()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owned(tags: &str) -> Vec<String> {
        tags.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_policy_takes_one_tag() {
        let semver = |range: &str| json!({ "semver": { "range": range } });
        let numerical = |order: &str| json!({ "numerical": { "order": order } });
        let alphabetical = |order: &str| json!({ "alphabetical": { "order": order } });
        let main = Some(("^main-[a-f0-9]+-(?P<ts>[0-9]+)", "$ts"));
        let cases = [
            (semver("1.0.x"), None, "latest 1.0.0 1.0.1 1.1.0", Ok("1.0.1")),
            (semver("1.0.x"), None, "latest 2.0.0", Err(PolicyError::NoMatch)),
            (semver(">=1.0.0"), None, "1.2 1.1.0 v1.1.1", Ok("v1.1.1")),
            (semver(">=1.0.0"), Some(("^v(.*)$", "$1")), "v1.1.0 1.2.0 v1.1.5", Ok("v1.1.5")),
            (semver(">=1"), Some(("^x", "")), "1.0.0", Err(PolicyError::NoTags)),
            (alphabetical(""), None, "a c b", Ok("c")),
            (alphabetical("desc"), None, "a c b", Ok("a")),
            (numerical("asc"), None, "9 10 1.5e1", Ok("1.5e1")),
            (numerical("desc"), None, "9 10 1", Ok("1")),
            (numerical("asc"), None, "9 latest", Err(PolicyError::NotNumeric("latest".into()))),
            (numerical("asc"), main, "main-ab12-100 main-cd34-99 dev-1-999", Ok("main-ab12-100")),
            (numerical("asc"), None, "1 0x1p4 3", Ok("0x1p4")),
            (numerical("asc"), None, "1 1e999", Err(PolicyError::NotNumeric("1e999".into()))),
            (numerical("asc"), None, "", Err(PolicyError::NoTags)),
        ];
        for (policy, filter, tags, wanted) in cases {
            let filter = filter.map(|(pattern, extract)| Filter::new(pattern, extract).expect("a filter"));
            let read = Policy::from_spec(&policy).expect("a policy");
            let taken = read.latest(filter.as_ref(), &owned(tags));
            assert_eq!(taken, wanted.map(str::to_owned), "{policy} of {tags}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        let cases = [
            (json!({}), "given ImagePolicyChoice object is invalid"),
            (json!({ "semver": { "range": "latest" } }), "improper constraint: \"latest\""),
            (
                json!({ "numerical": { "order": "up" } }),
                "invalid order argument provided: 'up', must be one of: asc, desc",
            ),
        ];
        for (spec, wanted) in cases {
            let error = Policy::from_spec(&spec).expect_err("refused");
            assert_eq!(error.to_string(), wanted);
            assert!(error.is_invalid());
        }
        let error = Filter::new("a(", "").expect_err("refused");
        let wanted = "invalid regular expression pattern 'a(': error parsing regexp: missing closing ): `a(`";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn ten_thousand_tags_are_no_work() {
        let tags: Vec<String> =
            (0..10_000).map(|number| format!("1.{}.{}", number / 100, number % 100)).collect();
        let policy = Policy::from_spec(&json!({ "semver": { "range": "1.x" } })).expect("a policy");
        assert_eq!(policy.latest(None, &tags).as_deref(), Ok("1.99.99"));
    }
}
