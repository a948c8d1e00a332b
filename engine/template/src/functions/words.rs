//! Sprig's functions over words: cases, abbreviations, wrapped lines.

use super::Type::{Int, Text};
use super::{Called, Function, fixed, int, text};
use crate::value::Value;

pub(super) static TABLE: &[Function] = &[
    fixed("title", &[Text], |v| Ok(Value::from(title(text(v, 0))))),
    fixed("untitle", &[Text], |v| Ok(Value::from(untitle(text(v, 0))))),
    fixed("swapcase", &[Text], |v| Ok(Value::from(swapcase(text(v, 0))))),
    fixed("initials", &[Text], |v| {
        Ok(Value::from(
            text(v, 0).split_whitespace().filter_map(|word| word.chars().next()).collect::<String>(),
        ))
    }),
    fixed("abbrev", &[Int, Text], |v| abbreviate(text(v, 1), 0, int(v, 0))),
    fixed("abbrevboth", &[Int, Int, Text], |v| abbreviate(text(v, 2), int(v, 0), int(v, 1))),
    fixed("wrap", &[Int, Text], |v| Ok(Value::from(wrap(text(v, 1), int(v, 0), "\n", false)))),
    fixed("wrapWith", &[Int, Text, Text], |v| Ok(Value::from(wrap(text(v, 2), int(v, 0), text(v, 1), true)))),
    fixed("snakecase", &[Text], |v| Ok(Value::from(joined(text(v, 0), '_')))),
    fixed("kebabcase", &[Text], |v| Ok(Value::from(joined(text(v, 0), '-')))),
    fixed("camelcase", &[Text], |v| Ok(Value::from(camel(text(v, 0))))),
];

/// Every first letter of a word in title case, the others as they are. A word begins behind what is neither letter,
/// digit, underscore nor (among ASCII) anything but white space and signs.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for character in text.chars() {
        if begins {
            out.extend(upper(character));
        } else {
            out.push(character);
        }
        begins = match character {
            _ if character.is_alphanumeric() || character == '_' => false,
            _ if character.is_ascii() => true,
            _ => character.is_whitespace(),
        };
    }
    out
}

/// Go maps one character to one.
fn upper(character: char) -> Option<char> {
    let mut upper = character.to_uppercase();
    if upper.len() == 1 { upper.next() } else { Some(character) }
}

fn lower(character: char) -> Option<char> {
    character.to_lowercase().next()
}

fn untitle(text: &str) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() {
            begins = true;
            out.push(character);
        } else if begins {
            out.extend(lower(character));
            begins = false;
        } else {
            out.push(character);
        }
    }
    out
}

fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let swapped = if character.is_uppercase() {
            lower(character)
        } else if character.is_lowercase() {
            upper(character)
        } else {
            Some(character)
        };
        out.extend(swapped);
    }
    out
}

/// No more than `width` bytes from `offset` on, with dots for what is left out.
fn abbreviate(text: &str, offset: i64, width: i64) -> Called {
    if width < 4 || (offset > 0 && width < 7) {
        return Ok(Value::from(text));
    }
    let length = text.len() as i64;
    if length <= width {
        return Ok(Value::from(text));
    }
    let cut = |from: i64, to: i64| {
        let (from, to) = (usize::try_from(from).unwrap_or(0), usize::try_from(to).unwrap_or(0));
        super::cut(text, from, to)
    };
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return Ok(Value::from(format!("{}...", cut(0, width - 3)?)));
    }
    if offset + width - 3 < length {
        return Ok(Value::from(format!("...{}...", cut(offset, offset + width - 6)?)));
    }
    Ok(Value::from(format!("...{}", cut(length - (width - 3), length)?)))
}

/// Lines of no more than `width` characters; longer words stand alone, or are cut.
fn wrap(text: &str, width: i64, newline: &str, cuts: bool) -> String {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let newline = if newline.is_empty() { "\n" } else { newline };
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let line = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    while characters.len() - at > width {
        if characters[at] == ' ' {
            at += 1;
            continue;
        }
        let limit = at + width;
        match (at..=limit).rev().find(|place| characters[*place] == ' ') {
            Some(space) => {
                out.push_str(&line(at, space));
                out.push_str(newline);
                at = space + 1;
            }
            None if cuts => {
                out.push_str(&line(at, limit));
                out.push_str(newline);
                at = limit;
            }
            None => match (limit..characters.len()).find(|place| characters[*place] == ' ') {
                Some(space) => {
                    out.push_str(&line(at, space));
                    out.push_str(newline);
                    at = space + 1;
                }
                None => break,
            },
        }
    }
    out.push_str(&line(at, characters.len()));
    out
}

/// The words of an identifier in lower case, with a sign between them. Digits belong to the word in front of them,
/// unless a small letter follows.
fn joined(text: &str, sign: char) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(index + 1);
        if matches!(character, '_' | '-' | ' ') {
            out.push(sign);
            continue;
        }
        let begins = match before {
            None | Some('_' | '-' | ' ') => false,
            Some(before) if character.is_uppercase() => {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            }
            Some(before) if character.is_ascii_digit() && before.is_alphabetic() => {
                let next = characters[index..].iter().find(|next| !next.is_ascii_digit());
                next.is_some_and(|next| next.is_lowercase())
            }
            Some(_) => false,
        };
        if begins {
            out.push(sign);
        }
        out.extend(character.to_lowercase());
    }
    out
}

/// The words of an identifier, each with a capital. One sign between two words goes, further ones stay.
fn camel(text: &str) -> String {
    let is_sign = |character: char| matches!(character, '_' | '-' | ' ');
    let words = text.trim_matches(is_sign);
    let begin = text.find(|character| !is_sign(character)).unwrap_or(text.len());
    let mut out = text[..begin].to_owned();
    let mut before = ' ';
    for character in words.chars() {
        match character {
            _ if is_sign(character) => {
                if is_sign(before) {
                    out.push(character);
                }
            }
            _ if is_sign(before) => out.extend(upper(character)),
            _ if before.is_uppercase() => out.extend(lower(character)),
            _ => out.push(character),
        }
        before = character;
    }
    out.push_str(&text[begin + words.len()..]);
    out
}
