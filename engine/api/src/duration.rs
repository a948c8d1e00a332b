//! Durations as Go writes and reads them (`1m0s`).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A signed duration in nanoseconds, as Go's `time.Duration`. Serialized as Go prints it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub i64);

/// A text that is not a Go duration. Messages are Go's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// The text does not have the form of a duration, or its value does not fit into 64 bits of nanoseconds.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that Go does not know.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

const SECOND: i64 = 1_000_000_000;

impl GoDuration {
    /// A number of seconds.
    pub const fn from_secs(seconds: i64) -> GoDuration {
        GoDuration(seconds * SECOND)
    }

    /// The same as a standard duration; a negative one is zero.
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }

    /// From a standard duration; what does not fit is the longest duration.
    pub fn from_std(duration: Duration) -> GoDuration {
        GoDuration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match total {
            0 => return f.write_str("0s"),
            1..1_000 => return write!(f, "{total}ns"),
            1_000..1_000_000 => return write!(f, "{}µs", Fraction(total, 1_000)),
            1_000_000..1_000_000_000 => return write!(f, "{}ms", Fraction(total, 1_000_000)),
            _ => {}
        }
        let minutes = total / (60 * SECOND as u64);
        let seconds = Fraction(total % (60 * SECOND as u64), SECOND as u64);
        match (minutes / 60, minutes % 60) {
            (0, 0) => write!(f, "{seconds}s"),
            (0, minutes) => write!(f, "{minutes}m{seconds}s"),
            (hours, minutes) => write!(f, "{hours}h{minutes}m{seconds}s"),
        }
    }
}

/// `value / unit` in decimals, without trailing zeros.
struct Fraction(u64, u64);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fraction(value, unit) = *self;
        write!(f, "{}", value / unit)?;
        let rest = value % unit;
        if rest != 0 {
            let digits = unit.ilog10() as usize;
            write!(f, ".{}", format!("{rest:0digits$}").trim_end_matches('0'))?;
        }
        Ok(())
    }
}

impl FromStr for GoDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseDurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(GoDuration(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (whole, after) = digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(invalid());
            }
            let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            if unit.is_empty() {
                return Err(ParseDurationError::MissingUnit(text.to_owned()));
            }
            let scale = scale(unit).ok_or_else(|| ParseDurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            })?;
            let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
            total = total
                .checked_add(whole.checked_mul(scale).ok_or_else(invalid)?)
                .and_then(|total| total.checked_add(part(fraction, scale)))
                .filter(|total| *total <= i128::from(i64::MAX) + i128::from(negative))
                .ok_or_else(invalid)?;
            rest = after;
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed).map(GoDuration).map_err(|_| invalid())
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn scale(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The decimals `fraction` of a unit of `scale` nanoseconds; what is below a nanosecond is cut off.
fn part(fraction: &str, scale: i128) -> i128 {
    let kept = &fraction[..fraction.len().min(18)];
    let Ok(value) = kept.parse::<i128>() else { return 0 };
    value * scale / 10_i128.pow(kept.len() as u32)
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::zero("0", 0, "0s")]
    #[case::zero_with_unit("0s", 0, "0s")]
    #[case::minute("1m", 60 * SECOND, "1m0s")]
    #[case::ten_minutes("10m", 600 * SECOND, "10m0s")]
    #[case::mixed("1h30m", 5_400 * SECOND, "1h30m0s")]
    #[case::seconds("90s", 90 * SECOND, "1m30s")]
    #[case::days_in_hours("720m0s", 43_200 * SECOND, "12h0m0s")]
    #[case::fraction("1.5h", 5_400 * SECOND, "1h30m0s")]
    #[case::fraction_of_second("1.25s", 1_250_000_000, "1.25s")]
    #[case::leading_point(".5s", 500_000_000, "500ms")]
    #[case::millis("1500ms", 1_500_000_000, "1.5s")]
    #[case::micros("15us", 15_000, "15µs")]
    #[case::micro_sign("1.5µs", 1_500, "1.5µs")]
    #[case::greek_mu("2μs", 2_000, "2µs")]
    #[case::nanos("7ns", 7, "7ns")]
    #[case::negative("-1m1ms", -60_001_000_000, "-1m0.001s")]
    #[case::plus("+5s", 5 * SECOND, "5s")]
    #[case::least("-9223372036854775808ns", i64::MIN, "-2562047h47m16.854775808s")]
    fn durations_are_read_and_printed_as_go_does(
        #[case] text: &str,
        #[case] nanoseconds: i64,
        #[case] printed: &str,
    ) {
        assert_eq!(text.parse(), Ok(GoDuration(nanoseconds)));
        assert_eq!(GoDuration(nanoseconds).to_string(), printed);
        assert_eq!(printed.parse(), Ok(GoDuration(nanoseconds)));
    }

    #[rstest]
    #[case::empty("", "time: invalid duration \"\"")]
    #[case::sign("-", "time: invalid duration \"-\"")]
    #[case::no_unit("5", "time: missing unit in duration \"5\"")]
    #[case::bare_point(".s", "time: invalid duration \".s\"")]
    #[case::days("1d", "time: unknown unit \"d\" in duration \"1d\"")]
    #[case::word("soon", "time: invalid duration \"soon\"")]
    #[case::too_long("2562048h", "time: invalid duration \"2562048h\"")]
    #[case::space("1 m", "time: unknown unit \" m\" in duration \"1 m\"")]
    fn a_text_that_is_no_duration_is_refused_in_gos_words(#[case] text: &str, #[case] message: &str) {
        assert_eq!(text.parse::<GoDuration>().map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}
