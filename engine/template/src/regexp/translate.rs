//! Go's syntax as the `regex` crate's.
//!
//! What both write alike but mean differently is written out (`\d`, `\w`, `\s` are ASCII in Go); what only the crate
//! knows (set operations in classes, `\<`, flag `x`, `{,n}`) is what Go takes it for.

/// How often Go lets something repeat.
const MOST: u32 = 1000;

/// The pattern in the crate's syntax, or Go's words for what is wrong.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        pattern,
        at: 0,
        out: String::new(),
        depth: 0,
        repeats: None,
        item: false,
        names: Vec::new(),
    };
    translator.all()?;
    Ok(translator.out)
}

struct Translator<'a> {
    pattern: &'a str,
    at: usize,
    out: String,
    depth: usize,
    /// Where the repetition operator right in front of this place begins.
    repeats: Option<usize>,
    /// Whether there is something in front of this place that can be repeated.
    item: bool,
    names: Vec<&'a str>,
}

impl<'a> Translator<'a> {
    fn rest(&self) -> &'a str {
        &self.pattern[self.at..]
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest().chars().next()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn wrong<T>(&self, what: &str, from: usize) -> Result<T, String> {
        Err(format!("{what}: `{}`", &self.pattern[from..self.at]))
    }

    /// Something that can be repeated stands here now.
    fn done(&mut self) {
        self.item = true;
        self.repeats = None;
    }

    fn all(&mut self) -> Result<(), String> {
        while let Some(character) = self.rest().chars().next() {
            let from = self.at;
            match character {
                '*' | '+' | '?' => {
                    self.at += 1;
                    self.repeat(from)?;
                }
                '{' => match counts(self.rest()) {
                    Some((least, most, length)) => {
                        self.at += length;
                        let wrong = |count: u32| count > MOST;
                        if wrong(least) || most.is_some_and(wrong) || most.is_some_and(|most| most < least) {
                            return self.wrong("invalid repeat count", from);
                        }
                        self.repeat(from)?;
                    }
                    None => {
                        self.at += 1;
                        self.out.push_str("\\{");
                        self.done();
                    }
                },
                '(' => self.group()?,
                ')' => {
                    if self.depth == 0 {
                        return Err(format!("unexpected ): `{}`", self.pattern));
                    }
                    self.depth -= 1;
                    self.at += 1;
                    self.out.push(')');
                    self.done();
                }
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    self.item = false;
                    self.repeats = None;
                }
                '[' => {
                    self.class()?;
                    self.done();
                }
                '\\' if self.rest().starts_with("\\Q") => self.quoted(),
                '\\' => {
                    let escape = self.escape(false)?;
                    self.out.push_str(&escape);
                    self.done();
                }
                '.' | '^' | '$' => {
                    self.at += 1;
                    self.out.push(character);
                    self.done();
                }
                _ => {
                    self.at += character.len_utf8();
                    push_literal(&mut self.out, character);
                    self.done();
                }
            }
        }
        if self.depth > 0 {
            return Err(format!("missing closing ): `{}`", self.pattern));
        }
        Ok(())
    }

    /// The repetition operator between `from` and here, with a `?` behind it.
    fn repeat(&mut self, from: usize) -> Result<(), String> {
        if self.rest().starts_with('?') {
            self.at += 1;
        }
        if let Some(before) = self.repeats {
            return self.wrong("invalid nested repetition operator", before);
        }
        if !self.item {
            return self.wrong("missing argument to repetition operator", from);
        }
        self.out.push_str(&self.pattern[from..self.at]);
        self.repeats = Some(from);
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        let from = self.at;
        self.item = false;
        self.repeats = None;
        let rest = self.rest();
        if !rest.starts_with("(?") {
            self.at += 1;
            self.depth += 1;
            self.out.push('(');
            return Ok(());
        }
        let open = if rest.starts_with("(?P<") { 4 } else { 3 };
        if rest.starts_with("(?P<") || (rest.starts_with("(?<") && !rest[3..].starts_with(['=', '!'])) {
            let Some(end) = rest.find('>') else {
                self.at = self.pattern.len();
                return self.wrong("invalid named capture", from);
            };
            let name = &rest[open..end];
            let word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
            if name.is_empty() || !name.bytes().all(word) {
                self.at += end + 1;
                return self.wrong("invalid named capture", from);
            }
            if self.names.contains(&name) {
                return Err(format!("duplicate capture group name: `{name}`"));
            }
            self.names.push(name);
            self.at += end + 1;
            self.depth += 1;
            self.out.push_str(&format!("(?P<{name}>"));
            return Ok(());
        }
        // Flags, for the rest of the group or for a group of their own.
        self.at += 2;
        let (mut any, mut minus) = (false, false);
        loop {
            match self.take() {
                Some('i' | 'm' | 's' | 'U') => any = true,
                Some('-') if !minus => (minus, any) = (true, false),
                Some(end @ (':' | ')')) if any || !minus => {
                    let flags = &self.pattern[from..self.at];
                    if end == ':' {
                        self.depth += 1;
                        self.out.push_str(flags);
                    } else if any {
                        self.out.push_str(flags);
                    }
                    return Ok(());
                }
                None => {
                    return Err(format!("missing closing ): `{}`", self.pattern));
                }
                _ => return self.wrong("invalid or unsupported Perl syntax", from),
            }
        }
    }

    /// `\Q…\E`: everything between stands for itself.
    fn quoted(&mut self) {
        self.at += 2;
        let rest = self.rest();
        let (literal, length) = match rest.find("\\E") {
            Some(end) => (&rest[..end], end + 2),
            None => (rest, rest.len()),
        };
        for character in literal.chars() {
            push_literal(&mut self.out, character);
            self.done();
        }
        self.at += length;
    }

    /// An escape sequence, in a class or outside of one.
    fn escape(&mut self, in_class: bool) -> Result<String, String> {
        let from = self.at;
        self.at += 1;
        let Some(letter) = self.take() else {
            return Err("trailing backslash at end of expression: ``".into());
        };
        let inner = match letter {
            'd' => "0-9",
            'D' => "^0-9",
            'w' => "0-9A-Za-z_",
            'W' => "^0-9A-Za-z_",
            's' => "\\t\\n\\x0C\\r ",
            'S' => "^\\t\\n\\x0C\\r ",
            'p' | 'P' => return self.property(letter, from),
            _ => "",
        };
        if !inner.is_empty() {
            return Ok(format!("[{inner}]"));
        }
        if !in_class {
            match letter {
                'A' | 'z' => return Ok(format!("\\{letter}")),
                'b' => return Ok("(?-u:\\b)".into()),
                'B' | 'C' => return Err(format!("\\{letter} is not supported: `\\{letter}`")),
                _ => {}
            }
        }
        let character = self.character(letter, from)?;
        let mut out = String::new();
        push_literal(&mut out, character);
        Ok(out)
    }

    /// The character that an escape sequence with this letter stands for.
    fn character(&mut self, letter: char, from: usize) -> Result<char, String> {
        let code = match letter {
            'a' => 7,
            'f' => 12,
            't' => 9,
            'n' => 10,
            'r' => 13,
            'v' => 11,
            '1'..='7' if !self.rest().starts_with(|next: char| ('0'..='7').contains(&next)) => {
                return self.wrong("invalid escape sequence", from);
            }
            '0'..='7' => {
                let mut code = letter.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.rest().chars().next().and_then(|next| next.to_digit(8)) else {
                        break;
                    };
                    self.at += 1;
                    code = code * 8 + digit;
                }
                code
            }
            'x' => {
                let hex = |text: &str| {
                    let whole = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
                    whole.then(|| u32::from_str_radix(text, 16).ok()).flatten()
                };
                let rest = self.rest();
                let (code, length) = match rest.strip_prefix('{') {
                    Some(inner) => match inner.find('}') {
                        Some(end) => (hex(&inner[..end]), end + 2),
                        None => (None, 1),
                    },
                    None => (rest.get(..2).and_then(hex), 2.min(rest.len())),
                };
                match code.filter(|code| *code <= 0x10_ffff) {
                    Some(code) => {
                        self.at += length;
                        code
                    }
                    None => {
                        let shown = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
                        self.at += shown;
                        return self.wrong("invalid escape sequence", from);
                    }
                }
            }
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => return Ok(letter),
            _ => return self.wrong("invalid escape sequence", from),
        };
        char::from_u32(code).map_or_else(|| self.wrong("invalid escape sequence", from), Ok)
    }

    /// `\pN`, `\p{Greek}`, `\p{^Greek}`
    fn property(&mut self, letter: char, from: usize) -> Result<String, String> {
        let rest = self.rest();
        let name = if let Some(inner) = rest.strip_prefix('{') {
            let Some(end) = inner.find('}') else {
                self.at = self.pattern.len();
                return self.wrong("invalid character class range", from);
            };
            self.at += end + 2;
            &inner[..end]
        } else {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            self.at += length;
            &rest[..length]
        };
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, letter == 'p'),
            None => (name, letter == 'P'),
        };
        const CATEGORIES: [&str; 37] = [
            "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
            "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z",
            "Zl", "Zp", "Zs", "Any",
        ];
        let sign = if negated { 'P' } else { 'p' };
        if CATEGORIES.contains(&name) {
            return Ok(format!("\\{sign}{{{name}}}"));
        }
        let script = format!("\\{sign}{{sc={name}}}");
        let known = name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && regex::Regex::new(&script).is_ok();
        if known { Ok(script) } else { self.wrong("invalid character class range", from) }
    }

    fn class(&mut self) -> Result<(), String> {
        let from = self.at;
        self.at += 1;
        self.out.push('[');
        if self.rest().starts_with('^') {
            self.at += 1;
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            first = false;
            if self.rest().is_empty() {
                self.at = self.pattern.len();
                return self.wrong("missing closing ]", from);
            }
            if self.posix()? || self.set()? {
                continue;
            }
            let begin = self.at;
            let low = self.class_character(from)?;
            let mut high = low;
            if self.rest().starts_with('-') && !self.rest()[1..].starts_with(']') && self.rest().len() > 1 {
                self.at += 1;
                high = self.class_character(from)?;
                if high < low {
                    return self.wrong("invalid character class range", begin);
                }
            }
            push_literal(&mut self.out, low);
            if high != low {
                self.out.push('-');
                push_literal(&mut self.out, high);
            }
        }
        self.at += 1;
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]`
    fn posix(&mut self) -> Result<bool, String> {
        let rest = self.rest();
        if !rest.starts_with("[:") {
            return Ok(false);
        }
        let Some(end) = rest[2..].find(":]") else { return Ok(false) };
        let (from, length) = (self.at, end + 4);
        self.at += length;
        let name = rest[2..2 + end].trim_start_matches('^');
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "word", "xdigit",
        ];
        if !NAMES.contains(&name) {
            return self.wrong("invalid character class range", from);
        }
        self.out.push_str(&rest[..length]);
        Ok(true)
    }

    /// `\d`, `\pL`
    fn set(&mut self) -> Result<bool, String> {
        let mut next = self.rest().chars();
        if next.next() != Some('\\') || !next.next().is_some_and(|letter| "dDwWsSpP".contains(letter)) {
            return Ok(false);
        }
        let set = self.escape(true)?;
        self.out.push_str(&set);
        Ok(true)
    }

    fn class_character(&mut self, class: usize) -> Result<char, String> {
        let from = self.at;
        match self.take() {
            Some('\\') => match self.take() {
                Some(letter) => self.character(letter, from),
                None => Err("trailing backslash at end of expression: ``".into()),
            },
            Some(character) => Ok(character),
            None => self.wrong("missing closing ]", class),
        }
    }
}

/// `{n}`, `{n,}`, `{n,m}` at the beginning, with its length.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let number = |text: &str| {
        let good = !text.is_empty()
            && text.bytes().all(|digit| digit.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        good.then(|| text.parse().unwrap_or(u32::MAX))
    };
    match inner.split_once(',') {
        None => number(inner).map(|count| (count, Some(count), end + 1)),
        Some((least, "")) => number(least).map(|least| (least, None, end + 1)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), end + 1)),
    }
}

fn push_literal(out: &mut String, character: char) {
    if character.is_ascii() && !character.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{:02X}", u32::from(character)));
    } else {
        out.push(character);
    }
}
