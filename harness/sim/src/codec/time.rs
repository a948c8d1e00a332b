//! Times as the server writes them.

use super::plan::Field;

/// Writes a time as the server does: in UTC, in whole seconds or in microseconds.
pub(super) fn rewrite_time(text: &mut String, field: &'static Field) -> Result<(), String> {
    if !field.micro_time && is_plain_time(text.as_bytes()) {
        return Ok(());
    }
    let Ok(time) = text.parse::<jiff::Timestamp>() else {
        return Err(format!(
            "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
        ));
    };
    let form = if field.micro_time { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    *text = time.strftime(form).to_string();
    Ok(())
}

/// Whether a text is surely a time as the server writes it: `2026-01-02T03:04:05Z`, on a day that every month has.
fn is_plain_time(text: &[u8]) -> bool {
    let shape = b"0000-00-00T00:00:00Z";
    let number = |at: usize| match text.get(at..at + 2) {
        Some([tens, ones]) => (tens - b'0') * 10 + (ones - b'0'),
        _ => u8::MAX,
    };
    text.len() == shape.len()
        && text.iter().zip(shape).all(|(c, s)| if *s == b'0' { c.is_ascii_digit() } else { c == s })
        && (1..=12).contains(&number(5))
        && (1..=28).contains(&number(8))
        && number(11) < 24
        && number(14) < 60
        && number(17) < 60
}
