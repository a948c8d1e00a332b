//! Sprig's functions over texts.

use super::Type::{Any, Int, Text};
use super::{Called, Function, cut, fixed, int, open, shown, text};
use crate::quote::quote;
use crate::regexp::{self, Regexp};
use crate::value::Value;

pub(super) static TABLE: &[Function] = &[
    fixed("trim", &[Text], |v| Ok(Value::from(text(v, 0).trim()))),
    fixed("trimAll", &[Text, Text], trim_all),
    fixed("trimall", &[Text, Text], trim_all),
    fixed("trimSuffix", &[Text, Text], |v| {
        Ok(Value::from(text(v, 1).strip_suffix(text(v, 0)).unwrap_or(text(v, 1))))
    }),
    fixed("trimPrefix", &[Text, Text], |v| {
        Ok(Value::from(text(v, 1).strip_prefix(text(v, 0)).unwrap_or(text(v, 1))))
    }),
    fixed("upper", &[Text], |v| Ok(Value::from(text(v, 0).to_uppercase()))),
    fixed("lower", &[Text], |v| Ok(Value::from(lower(text(v, 0))))),
    fixed("nospace", &[Text], |v| Ok(Value::from(text(v, 0).split_whitespace().collect::<String>()))),
    fixed("repeat", &[Int, Text], repeat),
    fixed("substr", &[Int, Int, Text], substr),
    fixed("trunc", &[Int, Text], trunc),
    fixed("contains", &[Text, Text], |v| Ok(Value::Bool(text(v, 1).contains(text(v, 0))))),
    fixed("hasPrefix", &[Text, Text], |v| Ok(Value::Bool(text(v, 1).starts_with(text(v, 0))))),
    fixed("hasSuffix", &[Text, Text], |v| Ok(Value::Bool(text(v, 1).ends_with(text(v, 0))))),
    fixed("replace", &[Text, Text, Text], |v| Ok(Value::from(text(v, 2).replace(text(v, 0), text(v, 1))))),
    open("quote", &[], Any, |v| Ok(Value::from(each(v, |value| quote(&shown(value)))))),
    open("squote", &[], Any, |v| Ok(Value::from(each(v, |value| format!("'{}'", shown(value)))))),
    open("cat", &[], Any, |v| Ok(Value::from(each(v, shown).trim()))),
    fixed("indent", &[Int, Text], |v| indent(int(v, 0), text(v, 1)).map(Value::from)),
    fixed("nindent", &[Int, Text], |v| {
        indent(int(v, 0), text(v, 1)).map(|text| Value::from(format!("\n{text}")))
    }),
    fixed("plural", &[Text, Text, Int], |v| Ok(Value::from(text(v, if int(v, 2) == 1 { 0 } else { 1 })))),
    fixed("toString", &[Any], |v| Ok(Value::from(shown(&v[0])))),
    fixed("toStrings", &[Any], |v| Ok(Value::list(strings(&v[0]).into_iter().map(Value::from)))),
    fixed("split", &[Text, Text], |v| Ok(numbered(pieces(text(v, 1), text(v, 0), -1)))),
    fixed("splitn", &[Text, Int, Text], |v| Ok(numbered(pieces(text(v, 2), text(v, 0), int(v, 1))))),
    fixed("splitList", &[Text, Text], |v| {
        Ok(Value::list(pieces(text(v, 1), text(v, 0), -1).into_iter().map(Value::from)))
    }),
    fixed("join", &[Text, Any], |v| Ok(Value::from(strings(&v[1]).join(text(v, 0))))),
    fixed("sortAlpha", &[Any], |v| match &v[0] {
        Value::List(_) => {
            let mut all = strings(&v[0]);
            all.sort_unstable();
            Ok(Value::list(all.into_iter().map(Value::from)))
        }
        other => Ok(Value::list([Value::from(shown(other))])),
    }),
    fixed("regexMatch", &[Text, Text], |v| {
        Ok(Value::Bool(Regexp::new(text(v, 0)).is_ok_and(|regexp| regexp.is_match(text(v, 1)))))
    }),
    fixed("mustRegexMatch", &[Text, Text], |v| {
        Ok(Value::Bool(Regexp::new(text(v, 0))?.is_match(text(v, 1))))
    }),
    fixed("regexFind", &[Text, Text], |v| regex_find(&compiled(v)?, text(v, 1))),
    fixed("mustRegexFind", &[Text, Text], |v| regex_find(&Regexp::new(text(v, 0))?, text(v, 1))),
    fixed("regexFindAll", &[Text, Text, Int], |v| regex_find_all(&compiled(v)?, v)),
    fixed("mustRegexFindAll", &[Text, Text, Int], |v| regex_find_all(&Regexp::new(text(v, 0))?, v)),
    fixed("regexReplaceAll", &[Text, Text, Text], |v| {
        Ok(Value::from(compiled(v)?.replace_all(text(v, 1), text(v, 2))))
    }),
    fixed("mustRegexReplaceAll", &[Text, Text, Text], |v| {
        Ok(Value::from(Regexp::new(text(v, 0))?.replace_all(text(v, 1), text(v, 2))))
    }),
    fixed("regexReplaceAllLiteral", &[Text, Text, Text], |v| {
        Ok(Value::from(compiled(v)?.replace_all_literal(text(v, 1), text(v, 2))))
    }),
    fixed("mustRegexReplaceAllLiteral", &[Text, Text, Text], |v| {
        Ok(Value::from(Regexp::new(text(v, 0))?.replace_all_literal(text(v, 1), text(v, 2))))
    }),
    fixed("regexSplit", &[Text, Text, Int], |v| regex_split(&compiled(v)?, v)),
    fixed("mustRegexSplit", &[Text, Text, Int], |v| regex_split(&Regexp::new(text(v, 0))?, v)),
    fixed("regexQuoteMeta", &[Text], |v| Ok(Value::from(regexp::quote_meta(text(v, 0))))),
    fixed("hello", &[], |_| Ok(Value::from("Hello!"))),
    open("fail", &[Text], Any, |v| Err(text(v, 0).to_owned())),
];

/// Go maps each character to one: a final sigma and dotted capitals are not special.
fn lower(text: &str) -> String {
    text.chars().flat_map(|character| character.to_lowercase().next()).collect()
}

fn trim_all(v: &[Value]) -> Called {
    let set = text(v, 0);
    Ok(Value::from(text(v, 1).trim_matches(|character| set.contains(character))))
}

fn repeat(v: &[Value]) -> Called {
    let Ok(count) = usize::try_from(int(v, 0)) else { return Err("strings: negative Repeat count".into()) };
    if count.saturating_mul(text(v, 1).len()) > 16 << 20 {
        return Err("a text of more than 16 MiB is not supported".into());
    }
    Ok(Value::from(text(v, 1).repeat(count)))
}

fn substr(v: &[Value]) -> Called {
    let (start, end, text) = (int(v, 0), int(v, 1), text(v, 2));
    let bounds = |at: i64| {
        usize::try_from(at).ok().filter(|at| *at <= text.len()).ok_or_else(|| {
            format!("runtime error: slice bounds out of range [:{at}] with length {}", text.len())
        })
    };
    let piece = if start < 0 {
        cut(text, 0, bounds(end)?)?
    } else if end < 0 || end > text.len() as i64 {
        let from = usize::try_from(start).unwrap_or(usize::MAX);
        if from > text.len() {
            return Err(format!("runtime error: slice bounds out of range [{start}:{}]", text.len()));
        }
        cut(text, from, text.len())?
    } else {
        if start > end {
            return Err(format!("runtime error: slice bounds out of range [{start}:{end}]"));
        }
        cut(text, bounds(start)?, bounds(end)?)?
    };
    Ok(Value::from(piece))
}

fn trunc(v: &[Value]) -> Called {
    let (count, text) = (int(v, 0), text(v, 1));
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        return Ok(Value::from(text));
    }
    let piece = if count < 0 { cut(text, text.len() - size, text.len())? } else { cut(text, 0, size)? };
    Ok(Value::from(piece))
}

fn each(values: &[Value], show: impl Fn(&Value) -> String) -> String {
    let all: Vec<String> = values.iter().filter(|value| !value.is_nil()).map(show).collect();
    all.join(" ")
}

fn indent(count: i64, text: &str) -> Result<String, String> {
    let Ok(count) = usize::try_from(count) else { return Err("strings: negative Repeat count".into()) };
    if count > 10_000 {
        return Err("an indentation of more than 10000 is not supported".into());
    }
    let pad = " ".repeat(count);
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// What Sprig takes for a list of texts: the items without those that are nil; anything else is the one item.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Missing | Value::Nil => Vec::new(),
        Value::List(items) => items.iter().filter(|item| !item.is_nil()).map(shown).collect(),
        other => vec![shown(other)],
    }
}

/// Go's `SplitN`: a negative count means all, an empty separator each character.
fn pieces(text: &str, separator: &str, count: i64) -> Vec<String> {
    if count == 0 {
        return Vec::new();
    }
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if !separator.is_empty() {
        return text.splitn(limit, separator).map(str::to_owned).collect();
    }
    let mut pieces: Vec<String> = Vec::new();
    for character in text.chars() {
        let full = pieces.len() == limit;
        match pieces.last_mut() {
            Some(last) if full => last.push(character),
            _ => pieces.push(character.into()),
        }
    }
    pieces
}

fn numbered(pieces: Vec<String>) -> Value {
    Value::map(
        pieces.into_iter().enumerate().map(|(index, piece)| (format!("_{index}").into(), Value::from(piece))),
    )
}

/// The functions that do not begin with `must` panic in Go, with other words.
fn compiled(v: &[Value]) -> Result<Regexp, String> {
    let pattern = text(v, 0);
    Regexp::new(pattern).map_err(|error| format!("regexp: Compile({}): {error}", regexp::shown(pattern)))
}

fn regex_find(regexp: &Regexp, text: &str) -> Called {
    Ok(Value::from(regexp.find(text).unwrap_or_default()))
}

fn regex_find_all(regexp: &Regexp, v: &[Value]) -> Called {
    let limit = usize::try_from(int(v, 2)).unwrap_or(usize::MAX);
    Ok(Value::list(regexp.find_all(text(v, 1)).into_iter().take(limit).map(Value::from)))
}

fn regex_split(regexp: &Regexp, v: &[Value]) -> Called {
    Ok(Value::list(regexp.split(text(v, 1), int(v, 2)).into_iter().map(Value::from)))
}
