//! Go's regular expressions: RE2's syntax, leftmost-first matches, and the replacements of `Expand`.

mod translate;

use regex::Regex;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Regexp {
    regex: Regex,
}

impl Regexp {
    /// Compiles `pattern`.
    ///
    /// # Errors
    /// Go's words where they are known, behind `error parsing regexp: `; what only the `regex` crate takes is refused,
    /// too.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let translated =
            translate::translate(pattern).map_err(|message| format!("error parsing regexp: {message}"))?;
        match Regex::new(&translated) {
            Ok(regex) => Ok(Self { regex }),
            Err(regex::Error::CompiledTooBig(_)) => Err("error parsing regexp: expression too large".into()),
            Err(_) => Err(format!("error parsing regexp: invalid expression: `{pattern}`")),
        }
    }

    /// Whether it matches anywhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The leftmost match.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.regex.find(text).map(|found| found.as_str())
    }

    /// All matches that do not overlap.
    #[must_use]
    pub fn find_all<'t>(&self, text: &'t str) -> Vec<&'t str> {
        self.matches(text).into_iter().map(|(from, to)| &text[from..to]).collect()
    }

    /// Go takes no empty match right behind another match; the `regex` crate does the same.
    fn matches(&self, text: &str) -> Vec<(usize, usize)> {
        self.regex.find_iter(text).map(|found| (found.start(), found.end())).collect()
    }

    /// What `template` becomes for the leftmost match in `text`: `$1`, `$name`, `${name}` and `$$` stand for what they
    /// do in Go's `Expand`; names are as long as possible, and unknown ones empty. Nothing where nothing matches.
    #[must_use]
    pub fn expand(&self, template: &str, text: &str) -> Option<String> {
        let captures = self.regex.captures(text)?;
        Some(self.expanded(template, &captures))
    }

    fn expanded(&self, template: &str, captures: &regex::Captures<'_>) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let (inner, braces) = match rest.strip_prefix('{') {
                Some(inner) => (inner, true),
                None => (rest, false),
            };
            let word = |character: char| character == '_' || character.is_alphanumeric();
            let name = &inner[..inner.find(|character| !word(character)).unwrap_or(inner.len())];
            let after = &inner[name.len()..];
            if name.is_empty() || (braces && !after.starts_with('}')) {
                out.push('$');
                continue;
            }
            rest = if braces { &after[1..] } else { after };
            out.push_str(self.group(name, captures));
        }
        out.push_str(rest);
        out
    }

    fn group<'t>(&self, name: &str, captures: &regex::Captures<'t>) -> &'t str {
        // Numbers have no leading zero and no more than eight digits; else they are names.
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits && (name == "0" || !name.starts_with('0')) && name.len() <= 8;
        let found = match number.then(|| name.parse().ok()).flatten() {
            Some(index) => captures.get(index),
            None => self
                .regex
                .capture_names()
                .enumerate()
                .find(|(_, known)| *known == Some(name))
                .and_then(|(index, _)| captures.get(index)),
        };
        found.map_or("", |found| found.as_str())
    }

    /// `text` with every match replaced by what `template` becomes for it.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        self.replace(text, |captures| self.expanded(template, captures))
    }

    /// `text` with every match replaced by `with`, as it is.
    #[must_use]
    pub fn replace_all_literal(&self, text: &str, with: &str) -> String {
        self.replace(text, |_| with.to_owned())
    }

    fn replace(&self, text: &str, with: impl Fn(&regex::Captures<'_>) -> String) -> String {
        self.regex.replace_all(text, |captures: &regex::Captures<'_>| with(captures)).into_owned()
    }

    /// `text` in pieces between matches: no more than `limit` of them, all if it is negative.
    #[must_use]
    pub fn split<'t>(&self, text: &'t str, limit: i64) -> Vec<&'t str> {
        if limit == 0 {
            return Vec::new();
        }
        if text.is_empty() {
            return vec![""];
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut pieces = Vec::new();
        let mut begin = 0;
        for (from, to) in self.matches(text) {
            if pieces.len() + 1 == limit {
                break;
            }
            if to != 0 {
                pieces.push(&text[begin..from]);
                begin = to;
            }
        }
        if begin <= text.len() && !(begin == text.len() && self.ends_empty(text)) {
            pieces.push(&text[begin..]);
        }
        pieces
    }

    fn ends_empty(&self, text: &str) -> bool {
        self.matches(text).last().is_some_and(|(from, to)| from == to && *to == text.len())
    }
}

/// A pattern as Go shows it in errors: between back quotes, if it can stand there.
pub(crate) fn shown(pattern: &str) -> String {
    let plain = !pattern.contains(|character: char| {
        character == '`' || character == '\u{feff}' || (character.is_control() && character != '\t')
    });
    if plain { format!("`{pattern}`") } else { crate::quote::quote(pattern) }
}

/// `text` as a pattern that matches it alone.
#[must_use]
pub fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
