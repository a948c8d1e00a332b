//! Values as texts: what Go's `fmt` prints.

mod scalar;

use std::fmt::Write;

use self::scalar::{bad, float, integer, pad, string};

use crate::value::Value;

/// Deeper than this, a value contains itself.
const DEPTH: usize = 100;

/// A value as an action prints it.
pub(crate) fn write(out: &mut String, value: &Value) {
    match value {
        Value::Missing | Value::Nil => out.push_str("<no value>"),
        Value::Text(text) => out.push_str(text),
        other => push(out, other, 'v', &Flags::default(), 0),
    }
}

/// A value as `%s` shows it.
pub(crate) fn as_string(value: &Value) -> String {
    let mut out = String::new();
    push(&mut out, value, 's', &Flags::default(), 0);
    out
}

/// A value as `%v` shows it.
pub(crate) fn plain(value: &Value) -> String {
    let mut out = String::new();
    push(&mut out, value, 'v', &Flags::default(), 0);
    out
}

/// Go's `Sprint`: spaces between operands of which neither is a text.
pub(crate) fn sprint(values: &[Value]) -> String {
    let mut out = String::new();
    let mut before_was_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !before_was_text && !is_text {
            out.push(' ');
        }
        before_was_text = is_text;
        push(&mut out, value, 'v', &Flags::default(), 0);
    }
    out
}

/// Go's `Sprintln`.
pub(crate) fn sprintln(values: &[Value]) -> String {
    let mut out = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        push(&mut out, value, 'v', &Flags::default(), 0);
    }
    out.push('\n');
    out
}

/// The flags, width and precision of a verb.
#[derive(Default, Clone)]
struct Flags {
    minus: bool,
    plus: bool,
    /// `+` in front of `v`: names of fields, but no signs.
    names: bool,
    space: bool,
    sharp: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Go's `Sprintf`.
pub(crate) fn sprintf(format: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let characters: Vec<char> = format.chars().collect();
    let mut at = 0;
    let mut next = 0;
    let mut reordered = false;
    while at < characters.len() {
        if characters[at] != '%' {
            out.push(characters[at]);
            at += 1;
            continue;
        }
        at += 1;
        let mut flags = Flags::default();
        while let Some(flag) = characters.get(at) {
            match flag {
                '-' => (flags.minus, flags.zero) = (true, false),
                '+' => flags.plus = true,
                ' ' => flags.space = true,
                '#' => flags.sharp = true,
                '0' => flags.zero = true,
                _ => break,
            }
            at += 1;
        }
        let mut good = true;
        let mut indexed = false;
        let mut index = |at: &mut usize, next: &mut usize, good: &mut bool, indexed: &mut bool| {
            if characters.get(*at) == Some(&'[') {
                reordered = true;
                *indexed = true;
                let Some(length) = characters[*at..].iter().position(|character| *character == ']') else {
                    *good = false;
                    *at += 1;
                    return;
                };
                let inner: String = characters[*at + 1..*at + length].iter().collect();
                *at += length + 1;
                match inner.parse::<usize>() {
                    Ok(number) if number >= 1 && number <= values.len() => *next = number - 1,
                    _ => *good = false,
                }
            }
        };
        index(&mut at, &mut next, &mut good, &mut indexed);
        if characters.get(at) == Some(&'*') {
            at += 1;
            match values.get(next).and_then(Value::as_int).filter(|width| width.abs() <= 1_000_000) {
                Some(width) => {
                    if width < 0 {
                        (flags.minus, flags.zero) = (true, false);
                    }
                    flags.width = usize::try_from(width.abs()).ok();
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            next += 1;
            indexed = false;
        } else {
            flags.width = digits(&characters, &mut at);
            if indexed && flags.width.is_some() {
                good = false;
            }
        }
        if characters.get(at) == Some(&'.') {
            at += 1;
            if indexed {
                good = false;
            }
            index(&mut at, &mut next, &mut good, &mut indexed);
            if characters.get(at) == Some(&'*') {
                at += 1;
                match values.get(next).and_then(Value::as_int).and_then(|value| usize::try_from(value).ok()) {
                    Some(precision) if precision <= 1_000_000 => flags.precision = Some(precision),
                    _ => out.push_str("%!(BADPREC)"),
                }
                next += 1;
                indexed = false;
            } else {
                flags.precision = Some(digits(&characters, &mut at).unwrap_or(0));
            }
        }
        if !indexed {
            index(&mut at, &mut next, &mut good, &mut indexed);
        }
        let Some(&verb) = characters.get(at) else {
            out.push_str("%!(NOVERB)");
            break;
        };
        at += 1;
        if flags.width.is_some_and(|width| width > 1_000_000)
            || flags.precision.is_some_and(|precision| precision > 1_000_000)
        {
            return Err("widths and precisions above 1000000 are not supported".into());
        }
        match verb {
            '%' => out.push('%'),
            _ if !good => {
                let _ = write!(out, "%!{verb}(BADINDEX)");
            }
            _ => match values.get(next) {
                None => {
                    let _ = write!(out, "%!{verb}(MISSING)");
                }
                Some(value) => {
                    next += 1;
                    if matches!((verb, value), ('x' | 'X' | 'b' | 'p', Value::Float(_))) {
                        return Err(format!("the verb %{verb} of a float64 is not supported"));
                    }
                    if verb == 'v' {
                        flags.names = std::mem::take(&mut flags.plus);
                    }
                    push(&mut out, value, verb, &flags, 0);
                }
            },
        }
    }
    if !reordered && next < values.len() {
        out.push_str("%!(EXTRA ");
        for (index, value) in values[next..].iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            match value {
                Value::Missing | Value::Nil => out.push_str("<nil>"),
                value => {
                    let _ = write!(out, "{}=", value.type_name());
                    push(&mut out, value, 'v', &Flags::default(), 0);
                }
            }
        }
        out.push(')');
    }
    Ok(out)
}

fn digits(characters: &[char], at: &mut usize) -> Option<usize> {
    let begin = *at;
    while characters.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    let text: String = characters[begin..*at].iter().collect();
    text.parse().ok()
}

fn push(out: &mut String, value: &Value, verb: char, flags: &Flags, depth: usize) {
    if depth > DEPTH {
        out.push('…');
        return;
    }
    match (verb, value) {
        ('T', value) => {
            let name = match value {
                Value::Missing | Value::Nil => "<nil>".to_owned(),
                value => value.type_name(),
            };
            pad(out, &name, flags);
        }
        ('v', Value::Missing | Value::Nil) if depth > 0 && flags.sharp => out.push_str("interface {}(nil)"),
        ('v', Value::Missing | Value::Nil) => pad(out, "<nil>", flags),
        (_, Value::Missing | Value::Nil) if depth > 0 => pad(out, "<nil>", flags),
        (_, Value::Missing | Value::Nil) => {
            let _ = write!(out, "%!{verb}(<nil>)");
        }
        (_, Value::Record(record)) => match &record.text {
            Some(text) if matches!(verb, 'v' | 's' | 'q' | 'x' | 'X') && !flags.sharp => {
                push(out, &Value::Text(text.clone()), verb, flags, depth);
            }
            _ => {
                if verb == 'v' && flags.sharp {
                    out.push_str(&record.type_name);
                }
                out.push('{');
                for (index, (name, value)) in record.fields.iter().enumerate() {
                    if index > 0 {
                        out.push_str(if verb == 'v' && flags.sharp { ", " } else { " " });
                    }
                    if verb == 'v' && (flags.sharp || flags.names) {
                        let _ = write!(out, "{name}:");
                    }
                    push(out, value, verb, flags, depth + 1);
                }
                out.push('}');
            }
        },
        (_, Value::List(items)) => {
            let sharp = verb == 'v' && flags.sharp;
            out.push_str(if sharp { "[]interface {}{" } else { "[" });
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(if sharp { ", " } else { " " });
                }
                push(out, item, verb, flags, depth + 1);
            }
            out.push(if sharp { '}' } else { ']' });
        }
        (_, Value::Map(map)) => {
            let entries: Vec<_> =
                map.borrow().iter().map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect();
            push_map(out, "map[string]interface {}", &entries, verb, flags, depth);
        }
        (_, Value::Pairs(pairs)) => push_map(out, &value.type_name(), pairs, verb, flags, depth),
        (_, Value::Bool(value)) => match verb {
            'v' | 't' => pad(out, if *value { "true" } else { "false" }, flags),
            _ => bad(out, verb, "bool", &value.to_string()),
        },
        (_, Value::Int(number) | Value::Int64(number)) => {
            integer(out, *number, &value.type_name(), verb, flags)
        }
        (_, Value::Float(number)) => float(out, *number, verb, flags),
        (_, Value::Text(text)) => string(out, text, verb, flags),
    }
}

fn push_map(
    out: &mut String,
    name: &str,
    entries: &[(Value, Value)],
    verb: char,
    flags: &Flags,
    depth: usize,
) {
    let sharp = verb == 'v' && flags.sharp;
    out.push_str(if sharp { name } else { "map" });
    out.push(if sharp { '{' } else { '[' });
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            out.push_str(if sharp { ", " } else { " " });
        }
        push(out, key, verb, flags, depth + 1);
        out.push(':');
        push(out, value, verb, flags, depth + 1);
    }
    out.push(if sharp { '}' } else { ']' });
}
