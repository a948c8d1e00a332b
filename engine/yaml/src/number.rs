//! Numbers as Go's YAML readers take them, and as Go prints them.

use std::borrow::Cow;

use crate::resolve::Scalar;

/// A number that starts with a digit or a sign; `None` where the text is no number.
pub(crate) fn parse_number(text: &str) -> Option<Scalar<'static>> {
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    parse_int(&plain).or_else(|| {
        // A decimal float: digits with at most one dot, and an exponent. Hexadecimal floats and words are strings.
        let ok = is_decimal_float(&plain);
        if ok { plain.parse().ok().filter(|f: &f64| f.is_finite()).map(Scalar::Float) } else { None }
    })
}

/// An integer in Go's notations: `12`, `0x1f`, `0o14`, `014`, `0b11`, each with an optional sign.
fn parse_int(plain: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let signed = plain.len() != digits.len();
    let (radix, digits) = radix_of(digits);
    if digits.is_empty() || !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(size).map(Scalar::Int);
    }
    match i64::try_from(size) {
        Ok(int) => Some(Scalar::Int(int)),
        Err(_) if signed => None,
        Err(_) => Some(Scalar::UInt(size)),
    }
}

fn radix_of(digits: &str) -> (u32, &str) {
    let bytes = digits.as_bytes();
    if bytes.len() < 2 || bytes[0] != b'0' {
        return (10, digits);
    }
    match bytes[1] {
        b'x' | b'X' => (16, &digits[2..]),
        b'o' | b'O' => (8, &digits[2..]),
        b'b' | b'B' => (2, &digits[2..]),
        _ => (8, &digits[1..]),
    }
}

fn is_decimal_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

/// A number that starts with a dot; here underscores must stand between digits (`.1_0`).
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit_at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let separates = |at: usize| digit_at(at.checked_sub(1)) && digit_at(Some(at + 1));
    if !text.match_indices('_').all(|(at, _)| separates(at)) {
        return None;
    }
    let plain = text.replace('_', "");
    if is_decimal_float(&plain) { plain.parse().ok().filter(|f: &f64| f.is_finite()) } else { None }
}

/// A float as Go's `encoding/json` prints it: `1`, `0.5`, `1e+21`, `1e-7`. `NaN`, `+Inf`, `-Inf` have no JSON form and
/// come back as such.
pub fn go_json_float(value: f64) -> String {
    let size = value.abs();
    match Decimal::of(value) {
        Some(decimal) if size == 0.0 || (1e-6..1e21).contains(&size) => decimal.plain(),
        Some(decimal) => decimal.scientific(1),
        None => not_finite(value).to_owned(),
    }
}

/// A float as Go's `strconv.FormatFloat(f, 'g', -1, 64)` prints it: `0.5`, `1e+06`, `1e-07`, `+Inf`.
pub fn go_g_float(value: f64) -> String {
    match Decimal::of(value) {
        Some(decimal) => decimal.general(),
        None => not_finite(value).to_owned(),
    }
}

/// A float as sigs.k8s.io/yaml writes it when it is a key: in single precision.
pub(crate) fn go_float_key(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // as the real reader does
    let single = value as f32;
    match serde_json::to_string(&single).ok().and_then(|text| Decimal::read(&text)) {
        Some(decimal) => decimal.general(),
        None if single.is_nan() => ".nan".to_owned(),
        None if single > 0.0 => ".inf".to_owned(),
        None => "-.inf".to_owned(),
    }
}

fn not_finite(value: f64) -> &'static str {
    match (value.is_nan(), value > 0.0) {
        (true, _) => "NaN",
        (false, true) => "+Inf",
        (false, false) => "-Inf",
    }
}

/// The shortest decimal that reads back as the same float, and among those the nearest (ties go to the even digit, as
/// in Go; the standard library's formatting rounds them up).
struct Decimal {
    negative: bool,
    /// Without leading and trailing zeros; `0` for zero.
    digits: String,
    /// The power of ten of the first digit.
    exponent: i32,
}

impl Decimal {
    /// `None` for NaN and infinities.
    fn of(value: f64) -> Option<Decimal> {
        Decimal::read(&serde_json::Number::from_f64(value)?.to_string())
    }

    fn read(text: &str) -> Option<Decimal> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
        let power: i32 = power.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let leading = i32::try_from(all.len() - significant.len()).ok()?;
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Decimal { negative, digits: "0".to_owned(), exponent: 0 });
        }
        let exponent = power + i32::try_from(whole.len()).ok()? - 1 - leading;
        Some(Decimal { negative, digits: digits.to_owned(), exponent })
    }

    /// Go's `%g` with the shortest digits.
    fn general(&self) -> String {
        if (-4..6).contains(&self.exponent) { self.plain() } else { self.scientific(2) }
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn plain(&self) -> String {
        let digits = &self.digits;
        let sign = self.sign();
        let Ok(whole) = usize::try_from(self.exponent + 1) else {
            let zeros = "0".repeat(self.exponent.unsigned_abs() as usize - 1);
            return format!("{sign}0.{zeros}{digits}");
        };
        match digits.len() {
            _ if whole == 0 => format!("{sign}0.{digits}"),
            count if count <= whole => format!("{sign}{digits}{}", "0".repeat(whole - count)),
            _ => format!("{sign}{}.{}", &digits[..whole], &digits[whole..]),
        }
    }

    /// `d.ddde±XX` with at least `width` digits in the exponent.
    fn scientific(&self, width: usize) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if self.exponent < 0 { '-' } else { '+' };
        format!("{}{first}{point}{rest}e{sign}{:0>width$}", self.sign(), self.exponent.unsigned_abs())
    }
}
