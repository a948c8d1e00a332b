//! Reading: bytes in, node trees out.

mod build;
mod comments;
mod merge;
mod plain;
mod source;
mod strict;
mod tabs;
mod words;

use granit_parser::{Event, Parser};
use thiserror::Error;

use crate::node::Node;

/// Limits of [`parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// How deep collections may nest, aliases expanded; 200 by default, at most 250 count.
    pub max_depth: usize,
    /// How many nodes may come from aliases in one file; 100,000 by default.
    pub max_alias_nodes: usize,
    /// How many bytes a file may have; 64 MiB by default, at most 4 GiB count.
    pub max_bytes: usize,
    /// Keep comments; `true` by default. Without them a file is read faster.
    pub comments: bool,
    /// What a key that comes twice in a map means; refused by default.
    pub duplicate_keys: DuplicateKeys,
}

/// What a key that comes twice in a map means: kustomize refuses it in resources, and takes the last value in
/// `kustomization.yaml`, as sigs.k8s.io/yaml does where it is not told to be strict (kubectl, Flux).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// The file is refused.
    #[default]
    Refuse,
    /// The last value counts, in the place of the first.
    LastWins,
    /// Both entries are there; [`Node::get`](crate::Node::get) gives the first.
    Keep,
}

impl Default for ParseOptions {
    fn default() -> ParseOptions {
        ParseOptions {
            max_depth: 200,
            max_alias_nodes: 100_000,
            max_bytes: 64 << 20,
            comments: true,
            duplicate_keys: DuplicateKeys::Refuse,
        }
    }
}

/// One document of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The root; an empty plain scalar (null) where the document is empty or has comments only.
    pub root: Node,
    /// The line that the document starts at, from 1.
    pub line: u32,
}

impl Document {
    /// Whether the document holds nothing but comments, or null.
    pub fn is_empty(&self) -> bool {
        self.root.is_null()
    }
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("read YAML: line {line}: {message}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// How many lines of the file stand above the piece that [`parse_pieces`] reads on its own; 0 elsewhere.
    pub above: u32,
    /// What is wrong, in the words of go-yaml where it has the same complaint.
    pub message: String,
}

impl ParseError {
    fn at(pos: crate::Pos, message: impl Into<String>) -> ParseError {
        ParseError { line: pos.line, column: pos.column, above: 0, message: message.into() }
    }
}

/// Reads all documents of a file.
///
/// - Aliases are replaced by what they name, merge keys (`<<`) by the entries that they bring (the map's own entries
///   win, then the maps merged first). A quoted `"<<"` is an ordinary key.
/// - Comments: lines above a key or an item are its `head`; a comment behind a value is the value's `line`, behind `key:`
///   the key's; lines below an entry, with an empty line (or the end of the list or map) after them, are the `foot` of
///   its key or item.
/// - Positions: [`crate::Pos`] of every node, with the bytes of scalars, for [`crate::splice_scalar`].
/// - Directives (`%YAML`, `%TAG`) are refused, as kustomize does.
/// - A byte order mark at the start and CRLF line ends are accepted.
///
/// # Errors
/// No UTF-8, control characters, a syntax error, a duplicate key, an unknown alias or one inside of what it names, a
/// merge of something that is no map, or a limit exceeded.
pub fn parse(bytes: &[u8], options: &ParseOptions) -> Result<Vec<Document>, ParseError> {
    read(checked_text(bytes, options)?, options, usize::MAX)
}

/// Reads the first document and does not look at the rest, as Go's `yaml.Unmarshal` does; `None` for an empty file.
///
/// # Errors
/// Those of [`parse`], up to the end of the first document.
pub fn parse_first(bytes: &[u8], options: &ParseOptions) -> Result<Option<Document>, ParseError> {
    Ok(read(checked_text(bytes, options)?, options, 1)?.pop())
}

/// Reads a file of resources as kustomize does: it is cut at its lines that start with `---`, and what stands behind the
/// first document of a piece (after `...`) is not looked at.
///
/// # Errors
/// Those of [`parse`]; a line that starts with `---` and goes on with anything but a comment, unless it is the first.
pub fn parse_pieces(bytes: &[u8], options: &ParseOptions) -> Result<Vec<Document>, ParseError> {
    let text = checked_text(bytes, options)?;
    if !options.comments
        && let Some(document) = plain::document(text, options)
    {
        return Ok(vec![document]);
    }
    if !text.contains("\n---") {
        return read_whole(text, options, 1);
    }
    let mut documents = Vec::new();
    let (mut start, mut from, mut line) = (0, 0, 0);
    // A separator takes the line break before it and its own: `---` right after a separator starts the next piece.
    while let Some(at) = text[from..].find("\n---").map(|at| from + at) {
        let Some(end) = text[at + 1..].find('\n').map(|end| at + 1 + end) else { break };
        let separator = text[at + 1..end].trim_end();
        let after = separator[3..].trim_start();
        if !after.is_empty() && !after.starts_with('#') {
            let line = count(text[..=at].matches('\n').count() + 1);
            let message = format!("invalid document separator: {separator}");
            return Err(ParseError { line, column: 1, above: 0, message });
        }
        piece(&text[start..=at], options, line, &mut documents)?;
        line += count(text[start..=end].matches('\n').count());
        (start, from) = (end + 1, end + 1);
    }
    piece(&text[start..], options, line, &mut documents)?;
    Ok(documents)
}

/// Reads the first document of a piece that starts behind `line` lines.
fn piece(
    text: &str,
    options: &ParseOptions,
    line: u32,
    documents: &mut Vec<Document>,
) -> Result<(), ParseError> {
    let read = read(text, options, 1).map_err(|error| ParseError {
        line: error.line + line,
        above: line,
        ..error
    })?;
    documents.extend(read.into_iter().map(|mut document| {
        document.line += line;
        move_down(&mut document.root, line);
        document
    }));
    Ok(())
}

/// Adds to the lines of a tree.
fn move_down(node: &mut Node, lines: u32) {
    if lines == 0 {
        return;
    }
    node.pos.line += lines;
    for (key, value) in node.entries_mut().into_iter().flatten() {
        move_down(key, lines);
        move_down(value, lines);
    }
    node.items_mut().into_iter().flatten().for_each(|item| move_down(item, lines));
}

/// Reads up to `most` documents.
fn read(text: &str, options: &ParseOptions, most: usize) -> Result<Vec<Document>, ParseError> {
    if !options.comments
        && let Some(document) = plain::document(text, options)
    {
        return Ok(vec![document]);
    }
    read_whole(text, options, most)
}

/// The same for all of YAML.
fn read_whole(text: &str, options: &ParseOptions, most: usize) -> Result<Vec<Document>, ParseError> {
    check_end_marker(text)?;
    let depth = options.max_depth.min(250);
    let granit = granit_parser::options! {
        emit_anchor_events: true,
        disallow_directives: true,
        emit_comments: options.comments,
        max_buffered_comment_events: usize::MAX,
        flow_nesting_limit: depth,
        block_nesting_limit: depth,
        block_scalar_eof_without_line_feed: true,
    };
    let mut builder = build::Builder::new(*options, text);
    for next in Parser::new_from_str_with_options(text, granit) {
        let (event, span) = match next.map_err(|error| syntax_error(&error, text)) {
            Ok(event) => event,
            // Where one document is read, a directive behind it ends it.
            Err(error) if most == 1 && error.message == DIRECTIVE => match before_directive(text, error.line)
            {
                Some(before) => return read_whole(before, options, most),
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        if matches!(event, Event::StreamEnd) {
            break;
        }
        let ends = matches!(event, Event::DocumentEnd);
        builder.event(event, &span)?;
        if ends && builder.len() >= most {
            break;
        }
    }
    Ok(builder.finish())
}

/// How the parser refuses directives.
const DIRECTIVE: &str = "YAML directives are disallowed";

/// The text above a directive, where something stands there.
fn before_directive(text: &str, line: u32) -> Option<&str> {
    let lines = usize::try_from(line.checked_sub(1)?).ok()?;
    let end = text.match_indices('\n').nth(lines.checked_sub(1)?).map(|(at, _)| at + 1)?;
    let before = text.get(..end)?;
    let content =
        |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%']) && !line.starts_with("---");
    let mut rest = text.get(end..)?.lines();
    let last = rest.next()?.starts_with('%') && rest.all(|line| line.trim().is_empty());
    (last && before.lines().any(content)).then_some(before)
}

/// Go's readers refuse `...` before anything else.
fn check_end_marker(text: &str) -> Result<(), ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blank = |line: &str| line.trim().is_empty() || line.starts_with('#');
    let first = text.lines().enumerate().find(|(_, line)| !blank(line));
    match first {
        Some((at, line)) if line.strip_prefix("...").is_some_and(|rest| rest.trim().is_empty()) => {
            let message = "did not find expected node content".to_owned();
            Err(ParseError { line: count(at + 1), column: 1, above: 0, message })
        }
        _ => Ok(()),
    }
}

/// Reads a file that must hold exactly one document (others may be empty).
///
/// # Errors
/// Those of [`parse`]; no document, or a second one.
pub fn parse_one(bytes: &[u8], options: &ParseOptions) -> Result<Node, ParseError> {
    let mut documents = parse(bytes, options)?.into_iter().filter(|d| !d.is_empty());
    let Some(first) = documents.next() else {
        return Err(ParseError {
            line: 1,
            column: 1,
            above: 0,
            message: "expected one document, got none".to_owned(),
        });
    };
    match documents.next() {
        None => Ok(first.root),
        Some(second) => Err(ParseError {
            line: second.line,
            column: 1,
            above: 0,
            message: "expected a single document in the stream but found another document".to_owned(),
        }),
    }
}

fn checked_text<'a>(bytes: &'a [u8], options: &ParseOptions) -> Result<&'a str, ParseError> {
    let limit = options.max_bytes.min(u32::MAX as usize);
    let refuse = |message: String| ParseError { line: 1, column: 1, above: 0, message };
    if bytes.len() > limit {
        return Err(refuse(format!("the file has {} bytes, the limit is {limit}", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = place_of(bytes, error.valid_up_to());
        ParseError { line, column, above: 0, message: "invalid leading UTF-8 octet".to_owned() }
    })?;
    if is_common(bytes) {
        return Ok(text);
    }
    match text.char_indices().find(|(_, c)| is_control(*c)) {
        None => Ok(text),
        Some((at, c)) => {
            let (line, column) = place_of(bytes, at);
            let message = match c {
                '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    format!("U+{:04X} as a line end is not supported", u32::from(c))
                }
                _ => "control characters are not allowed".to_owned(),
            };
            Err(ParseError { line, column, above: 0, message })
        }
    }
}

/// Whether all bytes are ASCII, and none is a control character: most files need no look at each character.
fn is_common(bytes: &[u8]) -> bool {
    let common = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    bytes.chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & common(byte)))
}

/// Characters that Go's readers refuse, and those that end a line for YAML 1.1 only.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Line and column (both from 1) of a byte.
fn place_of(bytes: &[u8], at: usize) -> (u32, u32) {
    let before = &bytes[..at];
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    (count(line), count(column))
}

/// Counts beyond 32 bits do not occur: files are shorter.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn syntax_error(error: &granit_parser::ScanError, source: &str) -> ParseError {
    let marker = error.marker();
    let rest = marker.byte_offset().and_then(|at| source.get(at..)).unwrap_or_default();
    let said = error.kind().to_string();
    let message = words::of_go(&said, rest);
    if said.contains("unclosed bracket") {
        // Something was expected where the text ends.
        let (line, column) = place_of(source.as_bytes(), source.len());
        return ParseError { line, column, above: 0, message };
    }
    ParseError { line: count(marker.line()), column: count(marker.col() + 1), above: 0, message }
}
