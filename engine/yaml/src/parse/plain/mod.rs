//! The reader of plain files: most of what people write, in a fraction of the time that all of YAML takes.
//!
//! It knows block maps and lists, scalars on one line, `|` blocks, and lists and maps in brackets that end on their line.
//! [`document`] gives `None` for everything else, for whatever is wrong, and wherever readers of YAML differ: then the whole
//! reader looks at the file, and has the say. Where there is a document, it is the one that the whole reader gives, positions
//! included; comments are dropped.

mod block;
mod flow;
mod lines;
mod scalar;

use super::{Document, ParseOptions};
use lines::Lines;

/// Nothing nests deeper here.
const MAX_DEPTH: usize = 50;

/// The only document of a file; `None` where the file has more, or is not plain.
pub(super) fn document(text: &str, options: &ParseOptions) -> Option<Document> {
    // A lone carriage return ends a line, and nobody agrees on a byte order mark inside of a file.
    if options.max_depth < 2 * MAX_DEPTH
        || text.as_bytes().contains(&b'\r')
        || !text.is_ascii() && text.contains('\u{feff}')
    {
        return None;
    }
    let mut lines = Lines::new(text);
    lines.find_content()?;
    let mut line = None;
    if lines.rest().starts_with("---\n") && lines.indent == 0 {
        line = Some(lines.line);
        lines.enter_next_line(3);
        lines.find_content()?;
    }
    if lines.done {
        return None;
    }
    let line = line.unwrap_or(lines.line);
    let root = lines.block(lines.indent, 0)?;
    lines.done.then_some(Document { root, line })
}
