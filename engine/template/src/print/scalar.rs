//! Texts, integers and floats by verb.

use std::fmt::Write;

use super::Flags;
use crate::lex::unicode;
use crate::number;
use crate::quote::{quote, quote_ascii, quote_char};

pub(super) fn bad(out: &mut String, verb: char, type_name: &str, value: &str) {
    let _ = write!(out, "%!{verb}({type_name}={value})");
}

/// Pads with spaces, or with zeros on the left.
pub(super) fn pad(out: &mut String, text: &str, flags: &Flags) {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    let fill = if flags.zero && !flags.minus { "0" } else { " " };
    if flags.minus {
        out.push_str(text);
        out.push_str(&" ".repeat(missing));
    } else {
        out.push_str(&fill.repeat(missing));
        out.push_str(text);
    }
}

pub(super) fn string(out: &mut String, text: &str, verb: char, flags: &Flags) {
    let cut: String = match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    match verb {
        'v' if flags.sharp => pad(out, &quote(text), flags),
        'v' | 's' => pad(out, &cut, flags),
        'q' if flags.sharp && !cut.contains(|c: char| c == '`' || (c.is_control() && c != '\t')) => {
            pad(out, &format!("`{cut}`"), flags);
        }
        'q' if flags.plus => pad(out, &quote_ascii(&cut), flags),
        'q' => pad(out, &quote(&cut), flags),
        'x' | 'X' => {
            let length = flags.precision.unwrap_or(text.len()).min(text.len());
            let bytes = &text.as_bytes()[..length];
            let prefix = match (flags.sharp, verb) {
                (true, 'x') => "0x",
                (true, _) => "0X",
                _ => "",
            };
            let mut hex = String::new();
            for (index, byte) in bytes.iter().enumerate() {
                if flags.space && index > 0 {
                    hex.push(' ');
                }
                if index == 0 || flags.space {
                    hex.push_str(prefix);
                }
                let _ = if verb == 'x' { write!(hex, "{byte:02x}") } else { write!(hex, "{byte:02X}") };
            }
            pad(out, &hex, flags);
        }
        _ => bad(out, verb, "string", text),
    }
}

pub(super) fn integer(out: &mut String, value: i64, type_name: &str, verb: char, flags: &Flags) {
    let size = value.unsigned_abs();
    let character = || u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    let (digits, prefix) = match verb {
        'v' | 'd' => (size.to_string(), ""),
        'b' => (format!("{size:b}"), "0b"),
        'o' => (format!("{size:o}"), "0"),
        'O' => (format!("{size:o}"), "0o"),
        'x' => (format!("{size:x}"), "0x"),
        'X' => (format!("{size:X}"), "0X"),
        'c' => return pad(out, &character().to_string(), &Flags { precision: None, ..flags.clone() }),
        'q' => return pad(out, &quote_char(character()), flags),
        'U' => {
            let shown = if flags.sharp {
                unicode(character())
            } else {
                format!("U+{:04X}", if value < 0 { value as u64 } else { size })
            };
            return pad(out, &shown, &Flags { zero: false, ..flags.clone() });
        }
        _ => return bad(out, verb, type_name, &value.to_string()),
    };
    let sign = match value {
        ..0 => "-",
        _ if flags.plus => "+",
        _ if flags.space => " ",
        _ => "",
    };
    let prefix = if (flags.sharp && !matches!(verb, 'v' | 'd')) || verb == 'O' { prefix } else { "" };
    let mut digits = digits;
    let least = match flags.precision {
        Some(0) if value == 0 => {
            return pad(out, "", &Flags { zero: false, ..flags.clone() });
        }
        Some(precision) => precision,
        None if flags.zero && !flags.minus => flags.width.unwrap_or(0).saturating_sub(sign.len()),
        None => 0,
    };
    if digits.len() < least {
        digits = format!("{}{digits}", "0".repeat(least - digits.len()));
    }
    let prefix = if prefix == "0" && digits.starts_with('0') { "" } else { prefix };
    pad(out, &format!("{sign}{prefix}{digits}"), &Flags { zero: false, ..flags.clone() });
}

pub(super) fn float(out: &mut String, value: f64, verb: char, flags: &Flags) {
    let shape = match verb {
        'v' => 'g',
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => verb,
        _ => {
            let mut shown = String::new();
            float(&mut shown, value, 'v', &Flags::default());
            return bad(out, verb, "float64", &shown);
        }
    };
    let text = number::float(value, shape, flags.precision, flags.sharp && verb != 'v');
    let finite = value.is_finite();
    let (sign, digits) = text.split_at(1);
    let sign = match sign {
        "+" if flags.plus => "+",
        "+" if flags.space => " ",
        "+" if value.is_infinite() => "+",
        "+" => "",
        sign => sign,
    };
    if flags.zero && finite && !flags.minus {
        let missing = flags.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
        let _ = write!(out, "{sign}{}{digits}", "0".repeat(missing));
        return;
    }
    pad(out, &format!("{sign}{digits}"), &Flags { zero: false, ..flags.clone() });
}
