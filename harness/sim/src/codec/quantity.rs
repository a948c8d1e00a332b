//! Resource quantities in their canonical form: `0.5` is `500m`, `1024Mi` is `1Gi`.

use std::cmp::Ordering;
use std::fmt;

/// A quantity: a whole number of nano units, and the family of suffixes that it is shown with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    nanos: i128,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

impl Quantity {
    /// Reads a quantity; `None` where it is none.
    pub(crate) fn parse(text: &str) -> Option<Quantity> {
        let digits_end = text
            .char_indices()
            .find(|(i, c)| !(c.is_ascii_digit() || *c == '.' || (*i == 0 && matches!(c, '+' | '-'))))
            .map_or(text.len(), |(i, _)| i);
        let (number, suffix) = text.split_at_checked(digits_end)?;
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let mut mantissa: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit.checked_sub(b'0')?))?;
        }
        let scale = -(i32::try_from(fraction.len()).ok()?);
        let (form, nanos) = if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
            (Form::Binary, scaled(mantissa.checked_mul(1 << bits)?, scale + 9)?)
        } else if let Some((_, power)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
            (Form::Decimal, scaled(mantissa, scale + power + 9)?)
        } else {
            let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (Form::Exponent, scaled(mantissa, scale.checked_add(power)?.checked_add(9)?)?)
        };
        Some(Quantity { nanos: if negative { -nanos } else { nanos }, form })
    }

    /// Below, at or above nothing.
    pub(crate) fn sign(&self) -> Ordering {
        self.nanos.cmp(&0)
    }

    /// Whether it is a whole number.
    pub(crate) fn is_whole(&self) -> bool {
        self.nanos % NANO == 0
    }

    /// Compares the amounts.
    pub(crate) fn compare(&self, other: &Quantity) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// `mantissa * 10^power`, rounded up away from zero.
fn scaled(mantissa: i128, power: i32) -> Option<i128> {
    if power >= 0 {
        return mantissa.checked_mul(10i128.checked_pow(power.unsigned_abs())?);
    }
    let divisor = 10i128.checked_pow(power.unsigned_abs())?;
    Some(mantissa / divisor + i128::from(mantissa % divisor != 0))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, amount) = if self.nanos < 0 { ("-", -self.nanos) } else { ("", self.nanos) };
        if amount == 0 {
            return f.write_str("0");
        }
        // Binary suffixes are for whole numbers from 1024 on.
        if self.form == Form::Binary && amount % NANO == 0 && amount / NANO >= 1024 {
            let whole = amount / NANO;
            let found = BINARY.iter().rev().find(|(_, bits)| whole % (1 << bits) == 0);
            return match found {
                Some((suffix, bits)) => write!(f, "{sign}{}{suffix}", whole >> bits),
                None => write!(f, "{sign}{whole}"),
            };
        }
        let (mut mantissa, mut power) = (amount, -9);
        while mantissa % 1000 == 0 && power < 18 {
            mantissa /= 1000;
            power += 3;
        }
        if self.form == Form::Exponent {
            return if power == 0 {
                write!(f, "{sign}{mantissa}")
            } else {
                write!(f, "{sign}{mantissa}e{power}")
            };
        }
        let suffix = DECIMAL.iter().find(|(_, p)| *p == power).map_or("", |(s, _)| s);
        write!(f, "{sign}{mantissa}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0.5", "500m")]
    #[case("1000m", "1")]
    #[case("1024Mi", "1Gi")]
    #[case("1500Mi", "1500Mi")]
    #[case("1.5Gi", "1536Mi")]
    #[case("100M", "100M")]
    #[case("1000k", "1M")]
    #[case("0", "0")]
    #[case("-1", "-1")]
    #[case("1e3", "1e3")]
    #[case("512", "512")]
    #[case("0.5Ki", "512")]
    #[case("2000000000", "2G")]
    fn quantities_are_canonical(#[case] text: &str, #[case] want: &str) {
        assert_eq!(Quantity::parse(text).unwrap().to_string(), want);
    }

    #[rstest]
    #[case("")]
    #[case("x")]
    #[case("1x")]
    #[case("1.2.3")]
    fn others_are_none(#[case] text: &str) {
        assert!(Quantity::parse(text).is_none());
    }
}
