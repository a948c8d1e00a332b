//! YAML as GitOps programs see it: a node tree, two dialects, kustomize's printing, and edits in place.
//!
//! - [`parse`] reads the documents of a file into [`Node`] trees. Anchors, aliases and merge keys are resolved; comments
//!   and styles stay on the nodes.
//! - [`Node`] has the operations that transformers need (`get`, `set`, `at`, ...).
//! - [`emit`] prints one document as `kustomize build` does, byte for byte; [`emit_json`] prints a JSON value the same way.
//! - [`emit_kept`] prints a tree in its own order and with its comments, as go-yaml's encoder does.
//! - [`splice_scalar`] rewrites one scalar in the bytes of a file and leaves every other byte alone.
//!
//! ```
//! use seatrial_yaml::{Node, ParseOptions, emit, parse_one, splice_scalar};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = b"kind: Pod # a comment\nspec: {replicas: 0x2, on: 'x'}\n";
//! let mut node = parse_one(file, &ParseOptions::default())?;
//! let edited = splice_scalar(file, node.get("kind").ok_or("no kind")?, "Job")?;
//! assert_eq!(edited, b"kind: Job # a comment\nspec: {replicas: 0x2, on: 'x'}\n");
//!
//! node.set("apiVersion", Node::str("v1"));
//! assert_eq!(emit(&node)?, "apiVersion: v1\nkind: Pod\nspec:\n  \"on\": x\n  replicas: 2\n");
//! # Ok(())
//! # }
//! ```
//!
//! # What `kustomize build` keeps of its input
//! Nothing but values. Every resource, patched or not, goes through JSON before it is printed:
//! - comments are dropped, quotes, block and flow styles are forgotten;
//! - map keys are sorted (numbers inside keys count as numbers: `k9` comes before `k10`);
//! - scalars are printed from their value: `0x1F` gives `31`, `1.10` gives `1.1`, `!!str 12` gives `"12"`,
//!   `2020-01-01` gives `"2020-01-01T00:00:00Z"`;
//! - strings are quoted where a YAML 1.1 reader would take them for something else (`"yes"`, `"1e3"`), become `|` blocks
//!   where they have several lines, and are folded near column 80 where they have spaces.
//!
//! So a transformer need not care for the order, style or comments of what it makes; it must care for the type of its
//! scalars: [`Node::str`] is always a string, [`Node::plain`] is what its text says. Annotations and labels that were
//! written plain (`a: 1e3`) become strings with the same text (`"1e3"`) when kustomize loads a resource: that is the
//! loader's work, not the emitter's.
//!
//! kustomize prints a resource once with its styles and reads it again before it turns it into JSON. [`emit`] follows it
//! where that changes values ([`emitted_value`] gives the result):
//! - inside `[]` and `{}` (`flow` set), an empty plain value (`{a: }`) becomes `""`, and a plain time with a colon becomes
//!   a string;
//! - in a folded scalar (`>`), lines next to indented lines, and a `>+` at its end, gain an empty line.
//!
//! So leave the style of what a transformer does not touch as it is. A JSON patch goes through JSON: patch
//! `emitted_value(node)`, then [`Node::from_json`]. (Its values, and all of `kustomization.yaml`, are read in
//! [`Dialect::KubernetesJson`] with [`DuplicateKeys::LastWins`]; resources and strategic merge patches in
//! [`Dialect::Kustomize`].)
//!
//! # What is refused though Go's readers take it
//! - a quoted `"<<"` as a key (kustomize drops the entry without a word), when printing;
//! - a document behind `...` without a `---` of its own, by [`parse`] (Go's readers stop there without a word, and so do
//!   [`parse_first`] and [`parse_pieces`]);
//! - U+0085, U+2028 and U+2029 written raw: YAML 1.1 takes them for line ends, YAML 1.2 does not;
//! - `!!binary` with bytes that are no UTF-8 (Go's JSON garbles them);
//! - `{a:}` and `[a:]` (Go's readers see the text `a:`); a comment sign right behind a quote; `|` at the column of its
//!   key; a byte order mark inside a file;
//! - nesting deeper than [`ParseOptions::max_depth`].

mod access;
mod base64;
mod emit;
mod json;
mod node;
mod number;
mod parse;
mod resolve;
mod splice;
mod timestamp;
mod typing;

pub use emit::{EmitError, emit, emit_json, emit_kept, emit_to, emitted_value};
pub use json::JsonError;
pub use node::{Comments, Node, Pos, Style, Typing, Value};
pub use number::{go_g_float, go_json_float};
pub use parse::{
    Document, DuplicateKeys, ParseError, ParseOptions, parse, parse_first, parse_one, parse_pieces,
};
pub use resolve::{Dialect, ResolveError, Scalar, resolve_plain};
pub use splice::{SpliceError, splice_scalar, splice_scalars};
