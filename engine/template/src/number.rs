//! Numbers as Go writes and reads them.

/// What a number in a template is: Go's constants have no type until they are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Constant {
    /// Its value as an integer, if it has one.
    pub int: Option<i64>,
    /// Its value as a float.
    pub float: f64,
    /// Whether it becomes a float where no type is asked for.
    pub is_float: bool,
}

/// Reads a constant; says what is wrong in Go's words.
pub(crate) fn constant(text: &str) -> Result<Constant, String> {
    if text.starts_with('\'') {
        let inner = crate::quote::unquote(text);
        let mut characters = inner.as_deref().unwrap_or_default().chars();
        return match (characters.next(), characters.next()) {
            (Some(character), None) => {
                let code = i64::from(u32::from(character));
                Ok(Constant { int: Some(code), float: code as f64, is_float: false })
            }
            _ if inner.as_deref().is_none_or(str::is_empty) => Err("invalid syntax".into()),
            _ => Err(format!("malformed character constant: {text}")),
        };
    }
    if text.ends_with('i') && !text.contains(['x', 'X']) {
        return Err(format!("complex number {text} is not supported"));
    }
    let hex = text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x");
    match integer(text) {
        Integer::Is(value) => {
            return Ok(Constant { int: Some(value), float: value as f64, is_float: false });
        }
        // Go has unsigned integers, too: that this one is too large shows when it is used.
        Integer::TooLarge if text.parse::<u64>().is_ok() => {
            return Ok(Constant { int: None, float: text.parse().unwrap_or(f64::NAN), is_float: false });
        }
        Integer::TooLarge => return Err(format!("integer overflow: {}", crate::quote::quote(text))),
        Integer::Not => {}
    }
    let plain = text.replace('_', "");
    let looks = text.contains(['.', 'e', 'E', 'p', 'P']);
    match plain.parse::<f64>() {
        Ok(float) if looks && !hex && underscores(text) => {
            let whole = float.fract() == 0.0 && float.abs() < 9.0e18;
            Ok(Constant { int: whole.then_some(float as i64), float, is_float: true })
        }
        Ok(_) if !looks && underscores(text) => {
            Err(format!("integer overflow: {}", crate::quote::quote(text)))
        }
        _ => Err(format!("illegal number syntax: {}", crate::quote::quote(text))),
    }
}

/// What a text is as an integer.
pub(crate) enum Integer {
    /// This integer.
    Is(i64),
    /// An integer of more than 64 bits.
    TooLarge,
    /// None.
    Not,
}

/// Reads an integer as `strconv.ParseInt(text, 0, 64)` does: with sign, base prefix and underscores.
pub(crate) fn integer(text: &str) -> Integer {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let prefixed = radix != 10;
    let plain = digits.strip_prefix('_').filter(|_| prefixed).unwrap_or(digits);
    if plain.is_empty() || !underscores(plain) {
        return Integer::Not;
    }
    let plain = plain.replace('_', "");
    if !plain.chars().all(|digit| digit.is_digit(radix)) {
        return Integer::Not;
    }
    match i128::from_str_radix(&plain, radix).map(|value| if negative { -value } else { value }) {
        Ok(value) => i64::try_from(value).map_or(Integer::TooLarge, Integer::Is),
        Err(_) => Integer::TooLarge,
    }
}

/// Whether underscores stand between digits alone.
fn underscores(text: &str) -> bool {
    !text.starts_with('_') && !text.ends_with('_') && !text.contains("__")
}

/// Formats a float by one of the verbs `e`, `E`, `f`, `F`, `g`, `G`; without a precision, as short as possible
/// where the verb is `g`, else 6. The sign is always written.
pub(crate) fn float(value: f64, verb: char, precision: Option<usize>, sharp: bool) -> String {
    let sign = if value.is_sign_negative() && !value.is_nan() { '-' } else { '+' };
    if value.is_nan() {
        return "+NaN".into();
    }
    if value.is_infinite() {
        return format!("{sign}Inf");
    }
    let value = value.abs();
    let text = match verb {
        'e' | 'E' => exponential(value, Some(precision.unwrap_or(6)), verb),
        'f' | 'F' => format!("{value:.*}", precision.unwrap_or(6)),
        _ => general(value, precision, if verb == 'G' { 'E' } else { 'e' }, sharp),
    };
    format!("{sign}{text}")
}

/// Digits, and the exponent of the first of them.
fn digits(value: f64, precision: Option<usize>) -> (String, i32) {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn exponential(value: f64, precision: Option<usize>, letter: char) -> String {
    let (digits, exponent) = digits(value, precision);
    write_exponential(&digits, exponent, letter)
}

fn write_exponential(digits: &str, exponent: i32, letter: char) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{letter}{sign}{:02}", exponent.abs())
}

fn general(value: f64, precision: Option<usize>, letter: char, sharp: bool) -> String {
    let wanted = precision.map(|precision| precision.max(1));
    let (mut all, exponent) = digits(value, wanted.map(|wanted| wanted - 1));
    let least = match wanted {
        Some(wanted) if !sharp => {
            let short = all.trim_end_matches('0').len().max(1);
            all.truncate(short);
            let whole = usize::try_from(exponent + 1).unwrap_or(0);
            if wanted > short && short >= whole { short.max(1) } else { wanted }
        }
        Some(wanted) => wanted,
        None => 6,
    };
    if exponent < -4 || usize::try_from(exponent).is_ok_and(|exponent| exponent >= least) {
        return write_exponential(&all, exponent, letter);
    }
    match usize::try_from(exponent) {
        Ok(exponent) => {
            let whole = exponent + 1;
            if all.len() <= whole {
                return format!("{all}{}", "0".repeat(whole - all.len()));
            }
            format!("{}.{}", &all[..whole], &all[whole..])
        }
        Err(_) => format!("0.{}{all}", "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0))),
    }
}
