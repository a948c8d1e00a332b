//! Lines, indentation and the notations of scalars.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::EmitError;
use super::analyze::{is_allowed, is_break, is_printable};
use super::order::sorted;
use super::quote::{is_simple_string, style_of};
use crate::node::Style;

/// Spaces per level.
pub(super) const STEP: usize = 2;
const SPACES: &str = "                                ";
/// Lines are broken at the first chance after this column.
const WIDTH: usize = 80;
/// Longer keys (in bytes) get the `? key` form.
const LONGEST_SIMPLE_KEY: usize = 128;

/// The text so far, and the state of its last line.
pub(super) struct Writer<'o> {
    out: &'o mut String,
    /// Characters in the last line.
    column: usize,
    /// The last line has nothing but indentation and indicators that belong to it (`- `, `? `).
    fresh: bool,
    /// The last character is a space that separates, or the line is empty.
    spaced: bool,
    pub(super) layout: Layout,
}

/// How lines are laid out.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Spaces per level.
    pub(super) step: usize,
    /// Lines are broken at the first chance after this column.
    pub(super) width: usize,
    /// Lists stand one level below their key, and not at its column.
    pub(super) lists_indented: bool,
}

impl Layout {
    /// As kustomize prints.
    const KUSTOMIZE: Layout = Layout { step: STEP, width: WIDTH, lists_indented: false };

    /// Where the lines of what is inside a map start, whose lines start at `indent`: at the next level.
    fn below(self, indent: usize) -> usize {
        (indent + self.step) / self.step * self.step
    }
}

impl<'o> Writer<'o> {
    /// Writes behind what is there.
    pub(super) fn new(out: &'o mut String) -> Writer<'o> {
        Writer::with(out, Layout::KUSTOMIZE)
    }

    /// Writes in another layout behind what is there.
    pub(super) fn with(out: &'o mut String, layout: Layout) -> Writer<'o> {
        Writer { out, column: 0, fresh: true, spaced: true, layout }
    }

    pub(super) fn document(&mut self, value: &Json) -> Result<(), EmitError> {
        self.start_document();
        self.node(value, if value.is_string() { STEP } else { 0 })?;
        self.end_document();
        Ok(())
    }

    pub(super) fn start_document(&mut self) {
        self.column = 0;
        self.fresh = true;
        self.spaced = true;
    }

    pub(super) fn end_document(&mut self) {
        if self.column > 0 {
            self.break_line();
        }
    }

    /// `indent`: where the lines of a collection or of a long scalar start.
    pub(super) fn node(&mut self, value: &Json, indent: usize) -> Result<(), EmitError> {
        match value {
            Json::Null => self.word("null"),
            Json::Bool(b) => self.word(if *b { "true" } else { "false" }),
            Json::Number(n) => self.word(&number(n)),
            Json::String(s) => self.string(s, indent, false)?,
            Json::Array(items) if items.is_empty() => self.word("[]"),
            Json::Object(map) if map.is_empty() => self.word("{}"),
            Json::Array(items) => {
                for item in items {
                    self.start_line(indent);
                    self.indicator("-");
                    self.node(item, indent + STEP)?;
                }
            }
            Json::Object(map) => {
                for (key, value) in sorted(map.iter().collect(), |entry| entry.0.as_str()) {
                    self.start_line(indent);
                    self.entry(key, value, indent)?;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, value: &Json, indent: usize) -> Result<(), EmitError> {
        let inner = self.key(key, value.is_array(), indent)?;
        self.node(value, inner)
    }

    /// A key and its colon; gives where the lines of the value start.
    pub(super) fn key(&mut self, key: &str, of_list: bool, indent: usize) -> Result<usize, EmitError> {
        if key.len() <= LONGEST_SIMPLE_KEY && is_simple_string(key) {
            self.separate();
            self.out.push_str(key);
            self.out.push(':');
            self.column += key.len() + 1;
            self.end_scalar();
            return Ok(self.below_key(of_list, indent));
        }
        let key = &*fold_next_lines(key);
        let simple = key.len() <= LONGEST_SIMPLE_KEY && !key.contains(is_break);
        if simple {
            self.string(key, indent, true)?;
            self.put(':');
            self.fresh = false;
            self.spaced = false;
            Ok(self.below_key(of_list, indent))
        } else {
            self.indicator("?");
            self.string(key, indent + STEP, false)?;
            self.start_line(indent);
            self.indicator(":");
            Ok(indent + STEP)
        }
    }

    fn below_key(&self, of_list: bool, indent: usize) -> usize {
        if of_list && !self.layout.lists_indented { indent } else { self.layout.below(indent) }
    }

    pub(super) fn string(&mut self, text: &str, indent: usize, simple_key: bool) -> Result<(), EmitError> {
        if is_simple_string(text) {
            self.separate();
            self.out.push_str(text);
            self.column += text.len();
            self.end_scalar();
            return Ok(());
        }
        if !text.chars().all(is_allowed) {
            return Err(EmitError::Control { text: text.to_owned() });
        }
        let text = fold_next_lines(text);
        match style_of(&text, simple_key) {
            Style::Plain => self.plain(&text, indent, !simple_key),
            Style::SingleQuoted => self.single_quoted(&text, indent, !simple_key),
            Style::Literal => self.literal(&text, indent),
            Style::DoubleQuoted | Style::Folded => self.double_quoted(&text, indent, !simple_key),
        }
        Ok(())
    }

    pub(super) fn word(&mut self, text: &str) {
        self.separate();
        self.put_str(text);
        self.end_scalar();
    }

    fn plain(&mut self, text: &str, indent: usize, may_break: bool) {
        self.separate();
        // What ends before the last column is broken nowhere.
        if self.column + text.len() <= self.layout.width {
            self.put_str(text);
            self.end_scalar();
            return;
        }
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' '
                && may_break
                && !after_space
                && self.column > self.layout.width
                && chars.peek() != Some(&' ')
            {
                self.start_line(indent);
            } else {
                self.put(c);
            }
            after_space = c == ' ';
            self.fresh = false;
        }
        self.end_scalar();
    }

    fn single_quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        self.separate();
        self.put('\'');
        self.end_scalar();
        let mut after_space = false;
        let mut after_break = false;
        let mut chars = text.chars().enumerate().peekable();
        while let Some((index, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                let foldable = may_break && !after_space && index > 0 && next.is_some_and(|n| n != ' ');
                if foldable && self.column > self.layout.width {
                    self.start_line(indent);
                } else {
                    self.put(' ');
                }
            } else if is_break(c) {
                self.put_break(c);
                after_break = true;
                after_space = false;
                continue;
            } else {
                if after_break {
                    self.start_line(indent);
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.fresh = false;
                after_break = false;
            }
            after_space = c == ' ';
        }
        self.put('\'');
        self.end_scalar();
    }

    fn double_quoted(&mut self, text: &str, indent: usize, may_break: bool) {
        self.separate();
        self.put('"');
        self.end_scalar();
        // A byte order mark at the start makes the Go printer escape all that follows.
        let escape_all = text.starts_with('\u{FEFF}');
        let mut after_space = false;
        let mut chars = text.chars().enumerate().peekable();
        while let Some((index, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escape(c);
                after_space = false;
            } else if c == ' ' {
                if may_break && !after_space && self.column > self.layout.width && index > 0 && next.is_some()
                {
                    self.start_line(indent);
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
            self.fresh = false;
        }
        self.put('"');
        self.end_scalar();
    }

    fn escape(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{B}' => 'v',
            '\u{C}' => 'f',
            '\r' => 'r',
            '\u{1B}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{A0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                match code {
                    0..=0xFF => self.put_str(&format!("x{code:02X}")),
                    0x100..=0xFFFF => self.put_str(&format!("u{code:04X}")),
                    _ => self.put_str(&format!("U{code:08X}")),
                }
                return;
            }
        };
        self.put(short);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.separate();
        self.put('|');
        if text.starts_with(' ') || text.starts_with(is_break) {
            self.put_str(&self.layout.step.to_string());
        }
        let mut backwards = text.chars().rev();
        if !backwards.next().is_some_and(is_break) {
            self.put('-');
        } else if backwards.next().is_none_or(is_break) {
            self.put('+');
        }
        self.break_line();
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.put_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.start_line(indent);
            }
            self.put(c);
            self.fresh = false;
            after_break = false;
        }
        self.fresh = after_break;
        self.spaced = after_break;
    }

    /// Ends the line if it holds more than its start, and indents.
    pub(super) fn start_line(&mut self, indent: usize) {
        if !self.fresh || self.column > indent || (self.column == indent && !self.spaced) {
            self.break_line();
        }
        if self.column < indent {
            while let Some(more) = indent.checked_sub(self.column).filter(|more| *more > 0) {
                let step = more.min(SPACES.len());
                self.out.push_str(&SPACES[..step]);
                self.column += step;
            }
        }
        self.fresh = true;
        self.spaced = true;
    }

    /// `-`, `?` or `:` at the start of a line; what follows may stand on the same line.
    pub(super) fn indicator(&mut self, text: &str) {
        self.separate();
        self.put_str(text);
        self.spaced = false;
    }

    fn separate(&mut self) {
        if !self.spaced {
            self.put(' ');
        }
    }

    fn end_scalar(&mut self) {
        self.fresh = false;
        self.spaced = false;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn break_line(&mut self) {
        self.put_break('\n');
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.fresh = true;
        self.spaced = true;
    }
}

/// A number after its trip through Go's JSON.
fn number(number: &serde_json::Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let json = crate::number::go_json_float(float);
    if let Ok(int) = json.parse::<i64>() {
        return int.to_string();
    }
    if json.parse::<u64>().is_ok() { json } else { crate::number::go_g_float(float) }
}

/// The Go printer reads JSON as YAML, where U+0085 ends a line even inside quotes: it is folded like a line break.
fn fold_next_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{85}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split('\u{85}').peekable();
    let mut empty = 0usize;
    let mut first = true;
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        let start = if first { line } else { line.trim_start_matches(' ') };
        let kept = if last { start } else { start.trim_end_matches(' ') };
        if first {
            out.push_str(kept);
        } else if kept.is_empty() && !last {
            empty += 1;
            continue;
        } else {
            if empty == 0 {
                out.push(' ')
            } else {
                out.extend(std::iter::repeat_n('\n', empty))
            }
            empty = 0;
            out.push_str(kept);
        }
        first = false;
    }
    Cow::Owned(out)
}
