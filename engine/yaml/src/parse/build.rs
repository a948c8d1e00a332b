//! From parser events to trees.

use std::collections::BTreeMap;

use granit_parser::{Event, Placement, Span, StructureStyle, Tag};

use super::comments::Pending;
use super::source::{check_escapes, last_line, measure, move_to_dash, pos_of, scalar_value, tag_text};
use super::tabs::Tabs;
use super::{Document, DuplicateKeys, ParseError, ParseOptions, count, merge};
use crate::node::{Node, Pos, Style, Typing, Value};

/// Above this many entries, keys are looked up in a set.
const FEW_KEYS: usize = 16;

/// A collection that is being read.
pub(super) struct Frame {
    pub(super) node: Node,
    /// The id of its anchor; 0 for none.
    anchor: usize,
    /// The key that waits for its value.
    pub(super) key: Option<Node>,
    /// Where the keys so far stand in the map; filled once there are more than a few.
    seen: BTreeMap<String, usize>,
    /// The key that waits is the one at this index again.
    again: Option<usize>,
    has_merge: bool,
    pub(super) block: bool,
}

/// What an anchor names.
struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

pub(super) struct Builder<'a> {
    options: ParseOptions,
    pub(super) source: &'a str,
    documents: Vec<Document>,
    pub(super) frames: Vec<Frame>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Anchored>,
    anchor_names: BTreeMap<usize, String>,
    alias_nodes: usize,
    pending: Pending,
    pub(super) tabs: Tabs,
    document_line: u32,
}

impl<'a> Builder<'a> {
    pub(super) fn new(options: ParseOptions, source: &'a str) -> Builder<'a> {
        Builder {
            options,
            source,
            documents: Vec::new(),
            frames: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            anchor_names: BTreeMap::new(),
            alias_nodes: 0,
            pending: Pending::default(),
            tabs: Tabs::default(),
            document_line: 1,
        }
    }

    /// How many documents are complete.
    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(super) fn finish(self) -> Vec<Document> {
        self.documents
    }

    pub(super) fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), ParseError> {
        match event {
            // After `...`, Go's readers stop without a word where a document follows that has no `---`.
            Event::DocumentStart(false, _) if !self.documents.is_empty() => {
                return Err(ParseError::at(pos_of(span), "did not find expected <document start>"));
            }
            Event::DocumentStart(..) => {
                self.document_line = count(span.start.line());
                self.pending.content_ends(self.document_line);
            }
            Event::DocumentEnd => {
                self.check_tabs(span)?;
                self.document_end();
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = Node {
                    value: scalar_value(text.into_owned(), style, span),
                    tag: tag_text(tag.as_deref()),
                    typing: Typing::Read,
                    comments: None,
                    pos: pos_of(span),
                    shared: 0,
                };
                self.scalar(node, anchor, span)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                self.open(Value::Seq { items: Vec::new(), flow }, anchor, tag.as_deref(), span)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                self.open(Value::Map { entries: Vec::new(), flow }, anchor, tag.as_deref(), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
            Event::Anchor(_, name)
                if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) =>
            {
                let message = "did not find expected alphabetic or numeric character";
                return Err(ParseError::at(pos_of(span), message));
            }
            Event::Anchor(id, name) => {
                self.anchor_names.insert(id, name.into_owned());
            }
            Event::Alias(id) => {
                let node = self.expand(id, pos_of(span))?;
                self.check_tabs(span)?;
                self.tabs.content_ends(span, false);
                self.leaf(node, 0, span)?;
            }
            Event::Comment(text, placement) => self.comment(&text, placement, span),
            // Nothing, and what the options that we set never give.
            _ => {}
        }
        Ok(())
    }

    fn document_end(&mut self) {
        let mut root = self.root.take().unwrap_or_else(|| Node::plain(""));
        self.pending.give_rest_as_foot(&mut root);
        self.documents.push(Document { root, line: self.document_line });
        self.anchors.clear();
        self.anchor_names.clear();
    }

    fn scalar(&mut self, mut node: Node, anchor: usize, span: &Span) -> Result<(), ParseError> {
        match node.style() {
            Some(Style::DoubleQuoted) => check_escapes(span.slice(self.source).unwrap_or_default(), span)?,
            Some(Style::Plain) if self.frames.last().is_some_and(|frame| !frame.block) => {
                self.check_colon(&node)?
            }
            Some(Style::Plain) if span.end.line() > span.start.line() => self.check_tabs_inside(span)?,
            _ => {}
        }
        let block_scalar = matches!(node.style(), Some(Style::Literal | Style::Folded));
        if !block_scalar {
            self.check_tabs(span)?;
        }
        self.tabs.content_ends(span, node.style() == Some(Style::Plain));
        if !block_scalar && node.pos.start == node.pos.end {
            self.check_missing_key(node.pos)?;
            self.move_behind_colon(&mut node.pos);
        }
        self.leaf(node, anchor, span)
    }

    /// A scalar, or the copy behind an alias.
    fn leaf(&mut self, mut node: Node, anchor: usize, span: &Span) -> Result<(), ParseError> {
        self.settle_foot(count(span.start.line()));
        self.pending.give_as_head(&mut node);
        self.pending.content_ends(count(last_line(span, &node)));
        self.remember(anchor, &node);
        self.place(node)
    }

    fn open(
        &mut self,
        value: Value,
        anchor: usize,
        tag: Option<&Tag>,
        span: &Span,
    ) -> Result<(), ParseError> {
        let block = matches!(value, Value::Seq { flow: false, .. } | Value::Map { flow: false, .. });
        let mut node = Node {
            value,
            tag: tag_text(tag),
            typing: Typing::Read,
            comments: None,
            pos: pos_of(span),
            shared: 0,
        };
        if block && node.is_seq() && self.frames.last().is_some_and(|frame| frame.key.is_some()) {
            move_to_dash(self.source, &mut node.pos);
        }
        // The comment above a block collection belongs to its first entry, unless it is an item itself.
        let is_item = self.frames.last().is_some_and(|frame| frame.node.is_seq());
        if !block || is_item {
            self.settle_foot(count(span.start.line()));
            self.pending.give_as_head(&mut node);
        }
        if !block {
            self.pending.content_ends(count(span.start.line()));
        }
        self.check_tabs(span)?;
        self.tabs.content_ends(span, false);
        self.frames.push(Frame {
            node,
            anchor,
            key: None,
            seen: BTreeMap::new(),
            again: None,
            has_merge: false,
            block,
        });
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), ParseError> {
        self.check_tabs(span)?;
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        if frame.block {
            let column = frame.node.pos.column;
            if let Some(last) = last_entry(&mut frame.node) {
                self.pending.give_adjacent_as_foot(last, column);
            }
        } else {
            frame.node.pos.end = span.byte_range().map_or(0, |range| count(range.end));
            self.pending.content_ends(count(span.end.line()));
            self.tabs.content_ends(span, false);
        }
        if frame.has_merge {
            merge::resolve(&mut frame.node)?;
        }
        self.remember(frame.anchor, &frame.node);
        self.place(frame.node)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) -> Result<(), ParseError> {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.node.value {
            Value::Seq { items, .. } => items.push(node),
            Value::Map { entries, .. } => match (frame.key.take(), frame.again.take()) {
                (Some(key), Some(index)) => entries[index] = (key, node),
                (Some(key), None) => entries.push((key, node)),
                (None, _) => {
                    if self.options.duplicate_keys != DuplicateKeys::Keep {
                        frame.again = find_duplicate(entries, &mut frame.seen, &node);
                    }
                    if let Some(index) = frame.again
                        && self.options.duplicate_keys == DuplicateKeys::Refuse
                    {
                        return Err(duplicate(&entries[index].0, &node));
                    }
                    frame.has_merge |= merge::is_merge_key(&node);
                    frame.key = Some(node);
                }
            },
            Value::Scalar { .. } => {}
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor != 0 {
            let (size, depth) = measure(node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, depth });
        }
    }

    fn expand(&mut self, id: usize, pos: Pos) -> Result<Node, ParseError> {
        let Some(anchored) = self.anchors.get(&id) else {
            let name = self.anchor_names.get(&id).map_or("", String::as_str);
            return Err(ParseError::at(pos, format!("anchor '{name}' value contains itself")));
        };
        self.alias_nodes += anchored.size;
        if self.alias_nodes > self.options.max_alias_nodes {
            return Err(ParseError::at(pos, "document contains excessive aliasing"));
        }
        if self.frames.len() + anchored.depth > self.options.max_depth {
            let limit = self.options.max_depth;
            return Err(ParseError::at(pos, format!("exceeded max depth of {limit} through an alias")));
        }
        let mut node = anchored.node.clone();
        node.comments = None;
        Ok(node)
    }

    fn comment(&mut self, text: &str, placement: Placement, span: &Span) {
        let text = format!("#{text}");
        let line = count(span.start.line());
        if placement == Placement::Right
            && let Some(owner) = self.owner_of_line_comment(line)
        {
            let comments = owner.comments.get_or_insert_default();
            if comments.line.is_empty() {
                comments.line = text;
                return;
            }
        }
        self.pending.push(line, count(span.start.col() + 1), text);
    }

    /// The node that a comment at the end of `line` speaks of.
    fn owner_of_line_comment(&mut self, line: u32) -> Option<&mut Node> {
        let ended_here = self.pending.last_content_line() == line;
        match self.frames.last_mut() {
            None => self.root.as_mut().filter(|_| ended_here),
            Some(frame) => match &mut frame.node.value {
                _ if frame.key.as_ref().is_some_and(|key| key.pos.line == line) => frame.key.as_mut(),
                _ if !ended_here => None,
                Value::Map { entries, .. } => entries.last_mut().map(|(_, value)| value),
                Value::Seq { items, .. } => items.last_mut(),
                Value::Scalar { .. } => None,
            },
        }
    }

    /// Before the node at `line`: comments that hang under the previous entry of the collection go there.
    fn settle_foot(&mut self, line: u32) {
        if self.pending.is_empty() {
            return;
        }
        if let Some(frame) = self.frames.last_mut()
            && frame.key.is_none()
            && let Some(last) = last_entry(&mut frame.node)
        {
            self.pending.give_detached_as_foot(last, line);
        }
    }
}

/// The key of the last entry, or the last item.
fn last_entry(node: &mut Node) -> Option<&mut Node> {
    match &mut node.value {
        Value::Map { entries, .. } => entries.last_mut().map(|(key, _)| key),
        Value::Seq { items, .. } => items.last_mut(),
        Value::Scalar { .. } => None,
    }
}

/// The index of the entry that has this key already.
fn find_duplicate(entries: &[(Node, Node)], seen: &mut BTreeMap<String, usize>, key: &Node) -> Option<usize> {
    let text = key.as_str()?;
    if entries.len() < FEW_KEYS {
        return entries.iter().position(|(k, _)| k.as_str() == Some(text));
    }
    if seen.is_empty() {
        let keys =
            entries.iter().enumerate().filter_map(|(index, (k, _))| Some((k.as_str()?.to_owned(), index)));
        seen.extend(keys);
    }
    let found = seen.get(text).copied();
    if found.is_none() {
        seen.insert(text.to_owned(), entries.len());
    }
    found
}

fn duplicate(first: &Node, again: &Node) -> ParseError {
    let text = again.as_str().unwrap_or_default();
    ParseError::at(again.pos, format!("mapping key {text:?} already defined at line {}", first.pos.line))
}
