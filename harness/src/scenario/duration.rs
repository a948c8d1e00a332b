//! Durations as people write them: `10m`, `1h30m`, `500ms`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time in a scenario, at most ten years. Written as one or more numbers with the units `d`, `h`, `m`, `s`, `ms`:
/// `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a duration: write numbers with the units d, h, m, s or ms, such as 500ms, 10m or 1h30m, at most 3650d"
)]
pub struct NotADuration(
    /// The text.
    pub String,
);

/// The longest duration, in milliseconds: ten years.
const LONGEST: u64 = 3_650 * 86_400_000;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Span {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Span, NotADuration> {
        let wrong = || NotADuration(text.to_owned());
        let mut rest = text;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            let after = &rest[digits..];
            let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == &after[..end]).ok_or_else(wrong)?;
            total = number.checked_mul(*unit).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
            rest = &after[end..];
        }
        if text.is_empty() || total > LONGEST { Err(wrong()) } else { Ok(Span(Duration::from_millis(total))) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (name, unit) in UNITS {
            if left >= unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^([0-9]+(d|h|ms|m|s))+$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::minutes("10m", Some(600_000))]
    #[case::mixed("1h30m", Some(5_400_000))]
    #[case::days("30d", Some(2_592_000_000))]
    #[case::milliseconds("1s500ms", Some(1_500))]
    #[case::zero("0s", Some(0))]
    #[case::no_unit("10", None)]
    #[case::unknown_unit("10min", None)]
    #[case::words("soon", None)]
    #[case::negative("-5m", None)]
    #[case::empty("", None)]
    #[case::too_long("99999999999999999999d", None)]
    #[case::ten_years("3650d", Some(315_360_000_000))]
    #[case::longer_than_ten_years("3650d1ms", None)]
    fn durations_are_read_with_their_units(#[case] text: &str, #[case] millis: Option<u64>) {
        assert_eq!(text.parse::<Span>().ok().map(|s| s.0), millis.map(Duration::from_millis));
    }

    #[rstest]
    #[case("10m")]
    #[case("1h30m")]
    #[case("1s500ms")]
    #[case("0s")]
    fn durations_are_written_as_they_are_read(#[case] text: &str) {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
}
