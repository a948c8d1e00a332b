//! Numbers as Go's YAML readers take them, and as Go prints them.

use crate::resolve::Scalar;

/// A number that starts with a digit or a sign; `None` where the text is no number.
pub(crate) fn parse_number(text: &str) -> Option<Scalar<'static>> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
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

/// A number that starts with a dot.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if is_decimal_float(text) { text.parse().ok().filter(|f: &f64| f.is_finite()) } else { None }
}

/// A float as Go's `encoding/json` prints it: `1`, `0.5`, `1e+21`, `1e-7`.
pub fn go_json_float(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    go_exponent(value, 1)
}

/// A float as Go's `strconv.FormatFloat(f, 'g', -1, 64)` prints it: `0.5`, `1e+06`, `1e-07`, `+Inf`.
pub fn go_g_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let exponent: i32 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        return go_exponent(value, 2);
    }
    format!("{value}")
}

/// `d.ddde±XX` with at least `width` digits in the exponent.
fn go_exponent(value: f64, width: usize) -> String {
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>width$}")
}
