//! The node tree.

/// Where a node stands in its file: lines and columns count from 1, columns in characters.
///
/// Nodes that came through an alias or a merge key keep the position of what was named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pos {
    /// Line, from 1; 0 where the node was made by a program.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The first byte of a scalar (its quote, or the first line of a block) or of a flow collection, from 0.
    pub start: u32,
    /// The byte after its last; equal to `start` for block collections, for nodes made by a program, and
    /// for empty values (which stand behind their colon; where there is none, both are 0).
    pub end: u32,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No quotes.
    #[default]
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// Where the type of a scalar comes from, as kustomize keeps it beside the text: what is written over a scalar later may
/// keep the type that was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// As in a file: the tag that was written, or else what style and text say.
    #[default]
    Read,
    /// The tag was left by another text or in another style. Where the text reads as this type by itself, the style decides.
    Kept,
    /// There is no type: style and text say it anew, whatever text follows. Nothing of this kind is null to kustomize.
    Open,
}

/// The comments around a node, each with its `#`, lines joined by `\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comments {
    /// The lines before the node.
    pub head: String,
    /// The comment at the end of the node's line.
    pub line: String,
    /// The lines after the node.
    pub foot: String,
}

/// One node. Anchors and merge keys are resolved when a file is loaded (see `parse`).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// An explicit tag (`!!str`, `!custom`), as written; empty where there is none.
    pub tag: String,
    /// Where the type of a scalar comes from.
    pub typing: Typing,
    /// The comments; `None` is the common case.
    pub comments: Option<Box<Comments>>,
    /// Where it stood.
    pub pos: Pos,
    /// Nodes of one tree with the same number (0 is none) are one node in kustomize: its label and annotation
    /// transformers put one value into several places, and what is written over one of them later shows in all. See
    /// [`Node::write_shared`].
    pub shared: u32,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A scalar: its text after unquoting, and how it was written.
    Scalar {
        /// The text, without quotes and escapes.
        text: String,
        /// The style.
        style: Style,
    },
    /// A list; `flow` when written as `[a, b]`.
    Seq {
        /// The items.
        items: Vec<Node>,
        /// Written as `[a, b]`.
        flow: bool,
    },
    /// A map in the order of the file; `flow` when written as `{a: b}`.
    Map {
        /// Key and value pairs; keys are scalars in all Kubernetes input, but need not be.
        entries: Vec<(Node, Node)>,
        /// Written as `{a: b}`.
        flow: bool,
    },
}
