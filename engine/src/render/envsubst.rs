//! The substitution language of `postBuild`: `${VAR}` with bash's string operators.
//!
//! | form | gives |
//! | --- | --- |
//! | `${v}`, `${#v}` | the value, its length in bytes |
//! | `${v^}` `${v^^}` `${v,}` `${v,,}` | upper or lower case, of the first letter or of all |
//! | `${v:n}` `${v:n:len}` | a part |
//! | `${v#p}` `${v##p}` `${v%p}` `${v%%p}` | without the shortest or longest prefix or suffix that the glob `p` matches |
//! | `${v-d}` `${v:-d}` `${v=d}` `${v:=d}` | `d` where the value is empty or not set |
//! | `${v/a/b}` `${v//a/b}` `${v/#a/b}` `${v/%a/b}` | `a` replaced by `b`: first, all, at the start, at the end |
//!
//! Arguments may hold further substitutions. `$${` stands for the text `${`; `$v` is left alone. `+`, `:+` and `:?`
//! are refused.

use super::glob;
use std::collections::BTreeMap;

/// A text that cannot be substituted. Fits after "envsubst error: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvsubstError {
    /// `${` without its `}`.
    #[error("missing closing brace")]
    MissingBrace,
    /// What stands between the braces is not a substitution.
    #[error("unable to parse variable substitution {0:?}")]
    Malformed(String),
    /// An operator of bash that Flux does not have.
    #[error("substitution operator {operator:?} of variable {variable:?} is not supported")]
    Unsupported {
        /// The operator.
        operator: String,
        /// The variable.
        variable: String,
    },
    /// A variable without a value, in strict mode.
    #[error("variable substitution failed: variable not set (strict mode): {0:?}")]
    NotSet(String),
}

/// Substitutes the variables of `text`. With `strict`, a variable that has neither value nor default is an error; else
/// it is empty.
///
/// # Errors
/// See [`EnvsubstError`].
pub fn substitute(
    text: &str,
    variables: &BTreeMap<String, String>,
    strict: bool,
) -> Result<String, EnvsubstError> {
    let mut reader = Reader { rest: text, variables, strict };
    reader.text(&[])
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a BTreeMap<String, String>,
    strict: bool,
}

impl Reader<'_> {
    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Text with substitutions, up to one of `ends` (not taken), or to the end of the input where there are none.
    fn text(&mut self, ends: &[char]) -> Result<String, EnvsubstError> {
        let mut out = String::new();
        loop {
            if self.take("$${") {
                out.push_str("${");
            } else if self.take("${") {
                out.push_str(&self.variable()?);
            } else {
                let Some(next) = self.rest.chars().next() else { break };
                if ends.contains(&next) {
                    break;
                }
                if !ends.is_empty() && next == '\\' && self.rest[1..].starts_with(['/', '}', '\\']) {
                    self.rest = &self.rest[1..];
                }
                let next = self.rest.chars().next().unwrap_or(next);
                out.push(next);
                self.rest = &self.rest[next.len_utf8()..];
            }
        }
        Ok(out)
    }

    fn variable(&mut self) -> Result<String, EnvsubstError> {
        let whole = self.rest;
        let malformed = || {
            let end = whole.find('}').unwrap_or(whole.len());
            EnvsubstError::Malformed(format!("${{{}}}", &whole[..end]))
        };
        let length = self.rest.starts_with('#') && self.take("#");
        let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if rest.is_empty() {
            return Err(EnvsubstError::MissingBrace);
        }
        if !is_name(name) {
            return Err(malformed());
        }
        if !rest.starts_with(['}', '^', ',', '#', '%', ':', '-', '=', '+', '?', '/']) {
            return Err(malformed());
        }
        self.rest = rest;
        if length {
            let value = self.value(name)?;
            return if self.take("}") { Ok(value.len().to_string()) } else { Err(malformed()) };
        }
        let operators = [
            "^^", "^", ",,", ",", "##", "#", "%%", "%", ":-", ":=", ":+", ":?", ":", "-", "=", "+", "?",
            "//", "/#", "/%", "/",
        ];
        let operator = operators.into_iter().find(|operator| self.take(operator)).unwrap_or_default();
        let result = match operator {
            "" => self.value(name)?,
            "^^" => self.value(name)?.to_uppercase(),
            "^" => first(self.value(name)?, |c| c.to_uppercase().collect()),
            ",," => self.value(name)?.to_lowercase(),
            "," => first(self.value(name)?, |c| c.to_lowercase().collect()),
            ":-" | ":=" | "-" | "=" => {
                let value = self.variables.get(name).cloned().unwrap_or_default();
                // A default that is not needed must not fail for its own variables.
                let strict = self.strict;
                self.strict &= value.is_empty();
                let default = self.text(&['}']);
                self.strict = strict;
                let default = default?;
                if value.is_empty() { default } else { value }
            }
            "#" | "##" | "%" | "%%" => {
                let value = self.value(name)?;
                let pattern = self.text(&['}'])?;
                trim(&value, operator, &pattern).to_owned()
            }
            ":" => {
                let value = self.value(name)?;
                let from = self.text(&[':', '}'])?;
                let length = if self.take(":") { Some(self.text(&['}'])?) } else { None };
                part(&value, &from, length.as_deref()).to_owned()
            }
            "/" | "//" | "/#" | "/%" => {
                let value = self.value(name)?;
                let old = self.text(&['/', '}'])?;
                let new = if self.take("/") { self.text(&['}'])? } else { String::new() };
                replace(&value, operator, &old, &new)
            }
            _ => {
                return Err(EnvsubstError::Unsupported {
                    operator: operator.to_owned(),
                    variable: name.to_owned(),
                });
            }
        };
        match self.rest.chars().next() {
            Some('}') => {
                self.rest = &self.rest[1..];
                Ok(result)
            }
            Some(_) => Err(malformed()),
            None => Err(EnvsubstError::MissingBrace),
        }
    }

    fn value(&self, name: &str) -> Result<String, EnvsubstError> {
        match self.variables.get(name) {
            Some(value) => Ok(value.clone()),
            None if self.strict => Err(EnvsubstError::NotSet(name.to_owned())),
            None => Ok(String::new()),
        }
    }
}

/// Whether a variable may have this name.
pub fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && letters.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

fn first(value: String, change: impl Fn(char) -> String) -> String {
    let mut letters = value.chars();
    match letters.next() {
        Some(letter) => change(letter) + letters.as_str(),
        None => value,
    }
}

fn trim<'a>(value: &'a str, operator: &str, pattern: &str) -> &'a str {
    let cuts: Vec<usize> = value.char_indices().map(|(at, _)| at).chain([value.len()]).collect();
    let matches_prefix = |cut: &&usize| glob::matches_text(pattern, &value[..**cut]);
    let matches_suffix = |cut: &&usize| glob::matches_text(pattern, &value[**cut..]);
    match operator {
        "#" => cuts.iter().find(matches_prefix).map_or(value, |cut| &value[*cut..]),
        "##" => cuts.iter().rev().find(matches_prefix).map_or(value, |cut| &value[*cut..]),
        "%" => cuts.iter().rev().find(matches_suffix).map_or(value, |cut| &value[..*cut]),
        _ => cuts.iter().find(matches_suffix).map_or(value, |cut| &value[..*cut]),
    }
}

/// A part of `value`, in bytes; where the numbers are none, all of it.
fn part<'a>(value: &'a str, from: &str, length: Option<&str>) -> &'a str {
    let Ok(from) = from.trim().parse::<i64>() else { return value };
    let size = value.len() as i64;
    let from = if from < 0 { (size + from).max(0) } else { from.min(size) };
    let to = match length.map(|length| length.trim().parse::<i64>()) {
        None => size,
        Some(Ok(length)) if length < 0 => (size + length).max(from),
        Some(Ok(length)) => from.saturating_add(length).min(size),
        Some(Err(_)) => return value,
    };
    value.get(from as usize..to as usize).unwrap_or_default()
}

fn replace(value: &str, operator: &str, old: &str, new: &str) -> String {
    match operator {
        "//" if !old.is_empty() => value.replace(old, new),
        "/" if !old.is_empty() => value.replacen(old, new, 1),
        "/#" => value.strip_prefix(old).map_or_else(|| value.to_owned(), |rest| format!("{new}{rest}")),
        "/%" => value.strip_suffix(old).map_or_else(|| value.to_owned(), |rest| format!("{rest}{new}")),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn variables() -> BTreeMap<String, String> {
        [("name", "podinfo"), ("empty", ""), ("path", "/a/b/c.tar.gz"), ("_x1", "HELLO"), ("tag", "v1.2.3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[rstest]
    #[case::plain("a: ${name}!", "a: podinfo!")]
    #[case::underscore("${_x1}", "HELLO")]
    #[case::no_braces("$name", "$name")]
    #[case::dollars("$$ $", "$$ $")]
    #[case::escaped("$${name}", "${name}")]
    #[case::escaped_with_default("$${name:-x} ${name}", "${name:-x} podinfo")]
    #[case::length("${#name}", "7")]
    #[case::upper("${name^} ${name^^}", "Podinfo PODINFO")]
    #[case::lower("${_x1,} ${_x1,,}", "hELLO hello")]
    #[case::part("${name:3}", "info")]
    #[case::part_with_length("${name:0:3}", "pod")]
    #[case::part_beyond_the_end("${name:9}", "")]
    #[case::part_longer_than_the_rest("${name:3:99}", "info")]
    #[case::prefix("${tag#v}", "1.2.3")]
    #[case::shortest_prefix("${tag#*.}", "2.3")]
    #[case::longest_prefix("${tag##*.}", "3")]
    #[case::shortest_suffix("${tag%.*}", "v1.2")]
    #[case::longest_suffix("${tag%%.*}", "v1")]
    #[case::basename("${path##*/}", "c.tar.gz")]
    #[case::folder("${path%/*}", "/a/b")]
    #[case::escape_goes_on("$${var=${name}}", "${var=podinfo}")]
    #[case::escaped_slash("${path//\\//-}", "-a-b-c.tar.gz")]
    #[case::default_of_missing("${missing:-fallback}", "fallback")]
    #[case::default_of_empty("${empty:=fallback}", "fallback")]
    #[case::dash_default("${missing-fallback}", "fallback")]
    #[case::equals_default("${missing=fallback}", "fallback")]
    #[case::default_not_needed("${name:-fallback}", "podinfo")]
    #[case::empty_default("x${missing:-}y", "xy")]
    #[case::nested_default("${missing:-${name}-x}", "podinfo-x")]
    #[case::default_with_colon("${missing:-http://x:80/}", "http://x:80/")]
    #[case::unused_nested_default("${name:-${missing}}", "podinfo")]
    #[case::replace_first("${tag/./-}", "v1-2.3")]
    #[case::replace_all("${tag//./-}", "v1-2-3")]
    #[case::replace_prefix("${tag/#v/w}", "w1.2.3")]
    #[case::replace_suffix("${tag/%3/4}", "v1.2.4")]
    #[case::replace_by_nothing("${tag//.}", "v123")]
    fn a_variable_is_substituted(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(substitute(text, &variables(), true), Ok(expected.to_owned()));
    }

    #[rstest]
    #[case::open("${name", "missing closing brace")]
    #[case::empty("${}", "unable to parse variable substitution \"${}\"")]
    #[case::digit("${1x}", "unable to parse variable substitution \"${1x}\"")]
    #[case::space("${na me}", "unable to parse variable substitution \"${na me}\"")]
    #[case::alternative("${name:+x}", "substitution operator \":+\" of variable \"name\" is not supported")]
    #[case::plus("${name+x}", "substitution operator \"+\" of variable \"name\" is not supported")]
    #[case::demand("${name:?x}", "substitution operator \":?\" of variable \"name\" is not supported")]
    #[case::not_set("${GONE}", "variable substitution failed: variable not set (strict mode): \"GONE\"")]
    #[case::not_set_changed(
        "${GONE^^}",
        "variable substitution failed: variable not set (strict mode): \"GONE\""
    )]
    fn what_cannot_be_substituted_is_an_error(#[case] text: &str, #[case] message: &str) {
        assert_eq!(substitute(text, &variables(), true).map_err(|e| e.to_string()), Err(message.to_owned()));
    }

    #[test]
    fn a_variable_that_is_not_set_is_empty_where_strictness_is_off() {
        assert_eq!(substitute("a${GONE}b", &variables(), false), Ok("ab".to_owned()));
    }
}
