//! Which notations a string allows.

/// What a string looks like to a printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Holds a line break (`\n`, `\r`, U+0085, U+2028, U+2029).
    pub(super) multiline: bool,
    /// May stand without quotes outside of `[]` and `{}`.
    pub(super) plain: bool,
    /// May stand in single quotes.
    pub(super) single_quoted: bool,
    /// May stand as a `|` block.
    pub(super) block: bool,
}

/// Looks at a string once.
pub(super) fn shape_of(text: &str) -> Shape {
    if text.is_empty() {
        return Shape { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let mut scan = Scan { indicator: text.starts_with("---") || text.starts_with("..."), ..Scan::default() };
    let starts_with_bom = text.starts_with('\u{FEFF}');
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        scan.see(before, c, after);
        before = Some(c);
    }
    let edge_space = |c: Option<char>| c == Some(' ');
    let trailing_space = edge_space(text.chars().next_back());
    let loose_edges = edge_space(text.chars().next())
        || trailing_space
        || text.starts_with(is_break)
        || text.ends_with(is_break);
    let hard = scan.space_before_break || scan.unprintable || starts_with_bom;
    Shape {
        multiline: scan.breaks,
        plain: !(scan.indicator || loose_edges || scan.breaks || hard),
        single_quoted: !(scan.space_after_break || hard),
        block: !(trailing_space || hard),
    }
}

#[derive(Default)]
struct Scan {
    indicator: bool,
    breaks: bool,
    unprintable: bool,
    space_before_break: bool,
    space_after_break: bool,
}

impl Scan {
    fn see(&mut self, before: Option<char>, c: char, after: Option<char>) {
        let blank_after = after.is_none_or(is_blank);
        match (before, c) {
            (
                None,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`',
            ) => {
                self.indicator = true;
            }
            (None, '?' | '-') | (_, ':') if blank_after => self.indicator = true,
            (Some(b), '#') if is_blank(b) => self.indicator = true,
            _ => {}
        }
        self.unprintable |= !is_printable(c);
        self.breaks |= is_break(c);
        self.space_after_break |= c == ' ' && before.is_some_and(is_break);
        self.space_before_break |= is_break(c) && before == Some(' ');
    }
}

/// A space, a tab or a line break.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c)
}

/// A character at which a line ends, for YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character stands for itself. Tabs and everything beyond U+FFFF (emoji) are escaped.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}') && c != '\u{FEFF}'
}

/// Whether the Go reader accepts the character at all where it stands unescaped.
pub(super) fn is_allowed(c: char) -> bool {
    !matches!(c, '\u{7F}' | '\u{80}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}')
}
