//! The substitution language of `postBuild`: `${VAR}` with bash's string operators.
//!
//! | form | gives |
//! | --- | --- |
//! | `${v}`, `${#v}` | the value, its length in bytes |
//! | `${v^}` `${v^^}` `${v,}` `${v,,}` | upper or lower case, of the first letter or of all |
//! | `${v:n}` `${v:n:len}` | a part |
//! | `${v#p}` `${v##p}` `${v%p}` `${v%%p}` | without the shortest or longest prefix or suffix that the glob `p` matches |
//! | `${v:-d}` `${v:=d}` `${v=d}` `${v:+d}` `${v:?d}` | `d` where the value is empty or not set |
//! | `${v/a/b}` `${v//a/b}` `${v/#a/b}` `${v/%a/b}` | `a` replaced by `b`: first, all, at the start, at the end |
//!
//! Arguments may hold further substitutions. `$$` stands for `$`, except in arguments; `$v` is left alone. `-`, `+` and `?` alone
//! are no operators, and `:+` and `:?` not those of bash: it is what Flux does.

use super::glob;
use std::collections::BTreeMap;

/// A text that cannot be substituted, in Flux's words. Fits after "envsubst error: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvsubstError {
    /// `${x` without its `}`, or with something behind the name that begins no operator.
    #[error("variable substitution failed: missing closing brace")]
    MissingBrace,
    /// `${` without a name.
    #[error("variable substitution failed: unable to parse variable name")]
    NoName,
    /// An operator without an argument that it needs.
    #[error("variable substitution failed: unable to parse substitution within function")]
    NoArgument,
    /// An operator that does not end as it must.
    #[error("variable substitution failed: bad substitution")]
    Bad,
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
    Reader { rest: text, variables, strict }.text()
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a BTreeMap<String, String>,
    strict: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// All of the text: `$$` stands for `$`.
    fn text(&mut self) -> Result<String, EnvsubstError> {
        let mut out = String::new();
        loop {
            if self.take("$$") {
                out.push('$');
            } else if self.take("${") {
                out.push_str(&self.variable()?);
            } else {
                let Some(next) = self.next() else { return Ok(out) };
                out.push(next);
            }
        }
    }

    /// An argument with its substitutions, up to one of `ends`, which is not taken. Nothing is escaped in it but, where `/` ends
    /// it, that.
    fn argument(&mut self, ends: &[char]) -> Result<String, EnvsubstError> {
        let mut out = String::new();
        loop {
            if self.take("${") {
                out.push_str(&self.variable()?);
                continue;
            }
            if ends.contains(&'/') && self.take("\\/") {
                out.push('/');
                continue;
            }
            if self.rest.starts_with(|c| ends.contains(&c)) {
                return Ok(out);
            }
            match self.next() {
                Some(next) => out.push(next),
                None => return Err(EnvsubstError::Bad),
            }
        }
    }

    /// As [`Self::argument`], of which there must be something: its end is none at its start.
    fn some_argument(&mut self, ends: &[char]) -> Result<String, EnvsubstError> {
        if self.rest.is_empty() || self.rest.starts_with(|c| ends.contains(&c)) {
            return Err(EnvsubstError::NoArgument);
        }
        self.argument(ends)
    }

    fn name(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    /// What stands behind `${`, with its `}`.
    fn variable(&mut self) -> Result<String, EnvsubstError> {
        if self.take("#") {
            let name = self.name();
            if name.is_empty() || !self.take("}") {
                return Err(EnvsubstError::Bad);
            }
            return self.value(name).map(|value| value.len().to_string());
        }
        let name = self.name();
        if name.is_empty() {
            return Err(EnvsubstError::NoName);
        }
        if self.take("}") {
            return self.value(name);
        }
        let operators = [
            "^^", "^", ",,", ",", "##", "#", "%%", "%", ":-", ":=", ":+", ":?", ":", "=", "//", "/#", "/%",
            "/",
        ];
        let Some(operator) = operators.into_iter().find(|operator| self.take(operator)) else {
            return Err(EnvsubstError::MissingBrace);
        };
        let result = match operator {
            "^^" => self.value(name)?.to_uppercase(),
            "^" => first(self.value(name)?, |c| c.to_uppercase().collect()),
            ",," => self.value(name)?.to_lowercase(),
            "," => first(self.value(name)?, |c| c.to_lowercase().collect()),
            ":-" | ":=" | ":+" | ":?" | "=" => {
                let value = self.variables.get(name).cloned().unwrap_or_default();
                // A default is read even where it is not needed, and fails for its own variables.
                let default = self.argument(&['}']).map_err(|error| match error {
                    EnvsubstError::Bad => EnvsubstError::NoArgument,
                    error => error,
                })?;
                if value.is_empty() { default } else { value }
            }
            "#" | "##" | "%" | "%%" => {
                let pattern = self.some_argument(&['}'])?;
                let value = self.value(name)?;
                trim(&value, operator, &pattern).to_owned()
            }
            ":" => {
                if self.rest.is_empty() {
                    return Err(EnvsubstError::Bad);
                }
                let from = self.some_argument(&[':', '}'])?;
                let length = if self.take(":") { Some(self.some_argument(&['}'])?) } else { None };
                part(&self.value(name)?, &from, length.as_deref()).to_owned()
            }
            _ => {
                let old = self.some_argument(&['/'])?;
                self.take("/");
                if self.rest.is_empty() {
                    return Err(EnvsubstError::NoArgument);
                }
                let new = self.argument(&['}'])?;
                replace(&self.value(name)?, operator, &old, &new)
            }
        };
        if self.take("}") { Ok(result) } else { Err(EnvsubstError::Bad) }
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
        // The shortest is a letter at least.
        "#" => cuts.iter().skip(1).find(matches_prefix).map_or(value, |cut| &value[*cut..]),
        "##" => cuts.iter().rev().find(matches_prefix).map_or(value, |cut| &value[*cut..]),
        "%" => cuts.iter().rev().skip(1).find(matches_suffix).map_or(value, |cut| &value[..*cut]),
        _ => cuts.iter().find(matches_suffix).map_or(value, |cut| &value[..*cut]),
    }
}

/// A part of `value`, in bytes; where the numbers are none, all of it.
fn part<'a>(value: &'a str, from: &str, length: Option<&str>) -> &'a str {
    let Ok(from) = from.parse::<i64>() else { return value };
    let size = value.len() as i64;
    let from = if from < 0 { (size + from).max(0) } else { from.min(size) };
    let to = match length.map(|length| length.parse::<i64>()) {
        None => size,
        Some(Ok(length)) if length < 0 => (size + length).max(from),
        Some(Ok(length)) => from.saturating_add(length).min(size),
        Some(Err(_)) => return value,
    };
    value.get(from as usize..to as usize).unwrap_or_default()
}

fn replace(value: &str, operator: &str, old: &str, new: &str) -> String {
    match operator {
        // Nothing is found before each letter, as in Go.
        "//" => value.replace(old, new),
        "/" => value.replacen(old, new, 1),
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
    #[case::dollars("$$ $ $$x $$$x", "$ $ $x $$x")]
    #[case::dollars_before_a_variable("$$${name} $$$${name}", "$podinfo $${name}")]
    #[case::escaped_and_open("$${name", "${name")]
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
    #[case::default_by_a_plus("${missing:+fallback}${name:+x}", "fallbackpodinfo")]
    #[case::default_by_a_question("${missing:?fallback}", "fallback")]
    #[case::default_in_braces("${missing:-{a}}", "{a}")]
    #[case::nothing_is_escaped_in_a_default("${missing:-a\\}b} ${missing:-$$}", "a\\b} $$")]
    #[case::shortest_of_anything("${tag#*} ${tag%*} ${tag##*}", "1.2.3 v1.2. ")]
    #[case::part_that_is_no_number("${name: 1} ${name:a} ${name:1:1:1}", "podinfo podinfo podinfo")]
    #[case::nothing_replaced("${tag/${empty}/x}", "xv1.2.3")]
    #[case::equals_default("${missing=fallback}", "fallback")]
    #[case::default_not_needed("${name:-fallback}", "podinfo")]
    #[case::empty_default("x${missing:-}y", "xy")]
    #[case::nested_default("${missing:-${name}-x}", "podinfo-x")]
    #[case::default_with_colon("${missing:-http://x:80/}", "http://x:80/")]
    #[case::unused_nested_default("${name:-${empty}}", "podinfo")]
    #[case::replace_first("${tag/./-}", "v1-2.3")]
    #[case::replace_all("${tag//./-}", "v1-2-3")]
    #[case::replace_prefix("${tag/#v/w}", "w1.2.3")]
    #[case::replace_suffix("${tag/%3/4}", "v1.2.4")]
    #[case::replace_by_nothing("${tag//./}", "v123")]
    fn a_variable_is_substituted(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(substitute(text, &variables(), true), Ok(expected.to_owned()));
    }

    /// Observed of `flux envsubst`, which has the controller's code.
    #[rstest]
    #[case::open("${name", "missing closing brace")]
    #[case::dash("${name-x}", "missing closing brace")]
    #[case::plus("${name+x}", "missing closing brace")]
    #[case::space("${na me}", "missing closing brace")]
    #[case::open_in_an_argument("${name:-a${tag", "missing closing brace")]
    #[case::empty("${}", "unable to parse variable name")]
    #[case::end("a ${", "unable to parse variable name")]
    #[case::indirection("${!name}", "unable to parse variable name")]
    #[case::nothing_to_cut("${name#}", "unable to parse substitution within function")]
    #[case::no_place("${name:}", "unable to parse substitution within function")]
    #[case::no_length("${name:1:}", "unable to parse substitution within function")]
    #[case::open_default("${name:-a", "unable to parse substitution within function")]
    #[case::open_replacement("${name//a/", "unable to parse substitution within function")]
    #[case::nothing_to_replace("${name///}", "unable to parse substitution within function")]
    #[case::no_replacement("${name//a}", "bad substitution")]
    #[case::open_part("${name:1", "bad substitution")]
    #[case::case_of_a_letter("${name^a}", "bad substitution")]
    #[case::length_and_part("${#name:1}", "bad substitution")]
    #[case::length_of_nothing("${#}", "bad substitution")]
    #[case::digit("${1x}", "variable not set (strict mode): \"1x\"")]
    #[case::not_set("${GONE}", "variable not set (strict mode): \"GONE\"")]
    #[case::not_set_changed("${GONE^^}", "variable not set (strict mode): \"GONE\"")]
    #[case::not_set_in_a_default("${name:-${GONE}}", "variable not set (strict mode): \"GONE\"")]
    fn what_cannot_be_substituted_is_an_error(#[case] text: &str, #[case] message: &str) {
        let found = substitute(text, &variables(), true).map_err(|e| e.to_string());
        assert_eq!(found, Err(format!("variable substitution failed: {message}")));
    }

    #[test]
    fn a_variable_that_is_not_set_is_empty_where_strictness_is_off() {
        assert_eq!(substitute("a${GONE}b", &variables(), false), Ok("ab".to_owned()));
    }
}
