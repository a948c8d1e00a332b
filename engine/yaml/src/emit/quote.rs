//! Which notation a string gets.

use super::analyze::shape_of;
use crate::node::Style;
use crate::resolve::{Dialect, Scalar, resolve_plain};

/// Whether a string stands for itself without a closer look: nothing but letters, digits and what stands between them in
/// names, paths and images, and no other type by its looks.
pub(super) fn is_simple_string(text: &str) -> bool {
    is_simple(text) && reads_as_string(text)
}

/// Whether a text could stand without quotes, as far as its characters go.
fn is_simple(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    (first.is_ascii_alphanumeric() || *first == b'/')
        && *last != b':'
        && bytes.iter().all(|byte| SIMPLE[usize::from(*byte)])
}

/// Bytes that mean nothing between two others.
static SIMPLE: [bool; 256] = {
    let mut simple = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        simple[byte] =
            c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'/' | b'-' | b':' | b'@' | b'=');
        byte += 1;
    }
    simple
};

/// The notation for a string; as a key (`simple_key`) it must fit on one line.
pub(super) fn style_of(text: &str, simple_key: bool) -> Style {
    if is_simple(text) {
        return if reads_as_string(text) { Style::Plain } else { Style::DoubleQuoted };
    }
    let shape = shape_of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if reads_as_string(text) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    match wanted {
        Style::Literal if shape.block && !simple_key => Style::Literal,
        Style::Plain if shape.plain && !(simple_key && shape.multiline) => Style::Plain,
        Style::Plain if shape.single_quoted && !(simple_key && shape.multiline) => Style::SingleQuoted,
        _ => Style::DoubleQuoted,
    }
}

/// Whether a YAML 1.1 reader takes the plain text for a string.
fn reads_as_string(text: &str) -> bool {
    matches!(resolve_plain(text, Dialect::KubernetesJson), Scalar::Str(_))
        && crate::timestamp::parse(text).is_none()
        && !is_base_60_float(text)
}

/// `190:20:30.15`: a number in YAML 1.1, though not in Go.
fn is_base_60_float(text: &str) -> bool {
    if !matches!(text.as_bytes().first(), Some(b'-' | b'+' | b'0'..=b'9')) {
        return false;
    }
    let Some((first, rest)) = text.split_once(':') else { return false };
    let first = first.strip_prefix(['-', '+']).unwrap_or(first);
    let first_ok = first.starts_with(|c: char| c.is_ascii_digit()) && is_digits_or_underscores(first);
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let group_ok = |group: &str| match group.as_bytes() {
        [d] => d.is_ascii_digit(),
        [b'0'..=b'5', d] => d.is_ascii_digit(),
        _ => false,
    };
    first_ok && whole.split(':').all(group_ok) && is_digits_or_underscores(fraction)
}

fn is_digits_or_underscores(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}
