//! Go's quoted texts, both ways.

/// `text` in double quotes, as `strconv.Quote` does.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        push(&mut out, character, '"');
    }
    out.push('"');
    out
}

/// `text` in double quotes and ASCII alone, as `strconv.QuoteToASCII` does.
pub(crate) fn quote_ascii(text: &str) -> String {
    let mut out = String::new();
    for character in quote(text).chars() {
        match u32::from(character) {
            0..=0x7f => out.push(character),
            code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}

/// `character` in single quotes, as `strconv.QuoteRune` does.
pub(crate) fn quote_char(character: char) -> String {
    let mut out = String::from("'");
    push(&mut out, character, '\'');
    out.push('\'');
    out
}

fn push(out: &mut String, character: char, quote: char) {
    match character {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        _ if character == quote => {
            out.push('\\');
            out.push(character);
        }
        _ if printable(character) => out.push(character),
        _ => {
            let code = u32::from(character);
            out.push_str(&match code {
                0..=0x1f | 0x7f => format!("\\x{code:02x}"),
                0..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            });
        }
    }
}

/// Whether Go prints this character as it is; of the spaces, that is the ASCII one alone.
pub(crate) fn printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    // `escape_debug` leaves what Unicode has assigned and is neither control, format, separator nor mark.
    let escaped = !character.is_alphanumeric() && character.escape_debug().count() > 1;
    !character.is_whitespace() && !escaped || is_mark(character)
}

/// Combining marks: Rust escapes them at the beginning of a text, Go never does.
fn is_mark(character: char) -> bool {
    matches!(u32::from(character), 0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x610..=0x61a | 0x64b..=0x65f
        | 0x1ab0..=0x1ace | 0x1dc0..=0x1dff | 0x20d0..=0x20f0 | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f)
}

/// What a quoted Go text or character constant stands for: `"…"`, `` `…` `` or `'…'`.
pub(crate) fn unquote(quoted: &str) -> Option<String> {
    let quote = quoted.chars().next()?;
    let inner = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '`' {
        return Some(inner.replace('\r', ""));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        if character == '\n' || character == quote {
            return None;
        }
        if character != '\\' {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let code = |rest: &mut std::str::Chars<'_>, digits: usize| {
            let text: String = rest.take(digits).collect();
            let whole = text.len() == digits && text.chars().all(|digit| digit.is_ascii_hexdigit());
            if whole { u32::from_str_radix(&text, 16).ok() } else { None }
        };
        let escape = rest.next()?;
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            '\\' => bytes.push(b'\\'),
            '\'' | '"' if escape == quote => bytes.push(escape as u8),
            'x' => bytes.push(u8::try_from(code(&mut rest, 2)?).ok()?),
            'u' | 'U' => {
                let character = char::from_u32(code(&mut rest, if escape == 'u' { 4 } else { 8 })?)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            '0'..='7' => {
                let mut value = escape.to_digit(8)?;
                for _ in 0..2 {
                    value = value * 8 + rest.next()?.to_digit(8)?;
                }
                bytes.push(u8::try_from(value).ok()?);
            }
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
