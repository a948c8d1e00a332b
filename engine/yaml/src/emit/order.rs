//! The order of map keys: natural, so that `k9` comes before `k10`.

use std::cmp::Ordering;

/// Sorts keys as the Go printer does. The order is no total order for all strings, so this is a merge sort of its own
/// (the standard library's may panic then).
pub(super) fn sorted<T>(entries: Vec<T>, key: fn(&T) -> &str) -> Vec<T> {
    if entries.windows(2).all(|pair| !less(key(&pair[1]), key(&pair[0]))) {
        return entries;
    }
    let mut right = entries;
    let rest = right.split_off(right.len() / 2);
    let left = sorted(right, key).into_iter().peekable();
    let mut right = sorted(rest, key).into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    for item in left {
        while let Some(next) = right.next_if(|next| less(key(next), key(&item))) {
            out.push(next);
        }
        out.push(item);
    }
    out.extend(right);
    out
}

/// Whether `a` comes before `b`: at the first character that differs, other characters come before letters, and digits
/// count as whole numbers.
fn less(a: &str, b: &str) -> bool {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    if let (Some(x), Some(y)) = (a.as_bytes().get(same), b.as_bytes().get(same))
        && x.is_ascii_alphabetic()
        && y.is_ascii_alphabetic()
    {
        return x < y;
    }
    // Characters that differ may begin with the same bytes.
    let same = (0..=same).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let ((before, ours), theirs) = (a.split_at(same), &b[same..]);
    match (ours.chars().next(), theirs.chars().next()) {
        (Some(x), Some(y)) => differs(before, (ours, x), (theirs, y)),
        (None, Some(_)) => true,
        _ => false,
    }
}

fn differs(same: &str, (ours, x): (&str, char), (theirs, y): (&str, char)) -> bool {
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, true) => return true,
        (true, false) => return false,
        (false, false) => {}
    }
    // A zero inside a number that began before: let the digits count at their place.
    let mut lead = 0i64;
    if x == '0' || y == '0' {
        let inside = same.chars().rev().take_while(|c| c.is_numeric()).any(|c| c != '0');
        lead = i64::from(inside);
    }
    let (our_number, our_width) = number(lead, ours);
    let (their_number, their_width) = number(lead, theirs);
    our_number.cmp(&their_number).then(our_width.cmp(&their_width)).then(x.cmp(&y)) == Ordering::Less
}

/// The number at the start of a text, and how many digits it has.
fn number(lead: i64, text: &str) -> (i64, usize) {
    let mut value = lead;
    let mut width = 0;
    for digit in text.bytes().take_while(u8::is_ascii_digit) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        width += 1;
    }
    (value, width)
}
