//! Plain scalars that kustomize's reader takes for dates and times.

/// The time in RFC 3339 as Go's JSON prints it, where the text is a date (`2020-01-02`) or a date with a time
/// (`2020-01-02T15:04:05.9Z`, `2020-1-2t3:4:5+01:00`, `2020-01-02 15:04:05`).
pub(crate) fn parse(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    // A year has four digits: nearly every number and word leaves here.
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let year: u32 = text[..4].parse().ok()?;
    let mut rest = &text[5..];
    let month = short_number(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = short_number(&mut rest)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let spaced = rest.starts_with(' ');
    rest = rest.strip_prefix(['T', 't', ' '])?;
    let hour = short_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let minute = short_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let second = short_number(&mut rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = fraction(&mut rest)?;
    let zone = zone(rest, spaced)?;
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// One or two digits.
fn short_number(rest: &mut &str) -> Option<u32> {
    let width = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let number = rest[..width].parse().ok()?;
    *rest = &rest[width..];
    Some(number)
}

/// The fraction of the second without trailing zeros, at most nanoseconds.
fn fraction(rest: &mut &str) -> Option<String> {
    let Some(after) = rest.strip_prefix(['.', ',']) else { return Some(String::new()) };
    let width = after.bytes().take_while(u8::is_ascii_digit).count();
    if width == 0 {
        return None;
    }
    let digits = after[..width.min(9)].trim_end_matches('0');
    *rest = &after[width..];
    Some(if digits.is_empty() { String::new() } else { format!(".{digits}") })
}

/// `Z`, `+01:00`; nothing counts as UTC after a space.
fn zone(rest: &str, spaced: bool) -> Option<String> {
    if spaced {
        return rest.is_empty().then(|| "Z".to_owned());
    }
    if rest == "Z" {
        return Some("Z".to_owned());
    }
    let digits = rest.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_once(':')?;
    let two = |s: &str| s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
    if !two(hours) || !two(minutes) || hours > "24" || minutes > "60" {
        return None;
    }
    Some(if digits == "00:00" { "Z".to_owned() } else { rest.to_owned() })
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
