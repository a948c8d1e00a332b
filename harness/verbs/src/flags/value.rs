//! Values of flags, read as Go's flag library reads them, with its words.
//!
//! Flags are texts to clap: what is wrong with a value is then told in flux's words.

use crate::VerbError;
use seatrial_api::GoDuration;
use std::fmt::Display;

/// A duration such as `1m30s`; `flag` is the flag's name with its dashes.
///
/// # Errors
/// Wrong usage, in flux's words.
pub fn duration(flag: &str, text: &str) -> Result<GoDuration, VerbError> {
    text.parse().map_err(|error| invalid(flag, text, error))
}

/// A switch: `true`, `false`, and Go's other spellings of them; not given, it is off.
///
/// # Errors
/// Wrong usage, in flux's words.
pub fn switch(flag: &str, text: Option<&str>) -> Result<bool, VerbError> {
    let Some(text) = text else { return Ok(false) };
    let no_switch = || format!("strconv.ParseBool: parsing {text:?}: invalid syntax");
    truth(text).ok_or_else(|| invalid(flag, text, no_switch()))
}

/// What Go's `ParseBool` reads.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A flag that can be given several times, each with values between commas; quotes keep commas together, as in CSV.
///
/// # Errors
/// Wrong usage, in flux's words.
pub fn list(flag: &str, texts: &[String]) -> Result<Vec<String>, VerbError> {
    let mut values = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        fields(text, &mut values).map_err(|error| invalid(flag, text, error))?;
    }
    Ok(values)
}

/// The fields of one line of CSV.
fn fields(line: &str, into: &mut Vec<String>) -> Result<(), String> {
    let mut rest = line;
    let at = |rest: &str| line.len() - rest.len() + 1;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut text = quoted;
            loop {
                let wrong = |column| {
                    format!(
                        "parse error on line 1, column {column}: extraneous or missing \" in quoted-field"
                    )
                };
                let (part, behind) = text.split_once('"').ok_or_else(|| wrong(line.len() + 1))?;
                value.push_str(part);
                if let Some(next) = behind.strip_prefix('"') {
                    value.push('"');
                    text = next;
                    continue;
                }
                into.push(value);
                match behind.strip_prefix(',') {
                    Some(next) => rest = next,
                    None if behind.is_empty() => return Ok(()),
                    None => return Err(wrong(at(behind) - 1)),
                }
                break;
            }
            continue;
        }
        let (field, next) = rest.split_once(',').map_or((rest, None), |(field, next)| (field, Some(next)));
        if let Some(quote) = field.find('"') {
            let column = at(rest) + quote;
            return Err(format!("parse error on line 1, column {column}: bare \" in non-quoted-field"));
        }
        into.push(field.to_owned());
        match next {
            Some(next) => rest = next,
            None => return Ok(()),
        }
    }
}

/// The refusal of a value.
pub(crate) fn invalid(flag: &str, text: &str, why: impl Display) -> VerbError {
    VerbError::usage(format!("invalid argument {text:?} for {flag:?} flag: {why}"))
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn commas_part_values_unless_they_are_quoted() {
        let read = |texts: &[&str]| {
            list("--label", &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(&["a,b", "c"]).unwrap(), ["a", "b", "c"]);
        assert_eq!(read(&[r#""a,b",c"#, ""]).unwrap(), ["a,b", "c"]);
        assert_eq!(read(&["a,"]).unwrap(), ["a", ""]);
        assert_eq!(read(&[r#""a""b""#]).unwrap(), ["a\"b"]);
        assert!(read(&[r#"a"b"#]).unwrap_err().contains("column 2: bare"));
    }
}
