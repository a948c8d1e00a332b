//! The lines of a file: blank ones and comments are skipped.

/// Stands at a byte of a line that holds something.
pub(super) struct Lines<'s> {
    pub(super) text: &'s str,
    /// The byte that is read next.
    pub(super) at: usize,
    /// Where its line starts.
    pub(super) start: usize,
    /// Its line, from 1.
    pub(super) line: u32,
    /// How many spaces the line starts with.
    pub(super) indent: usize,
    /// Nothing comes any more.
    pub(super) done: bool,
}

impl<'s> Lines<'s> {
    pub(super) fn new(text: &'s str) -> Lines<'s> {
        Lines { text, at: 0, start: 0, line: 1, indent: 0, done: false }
    }

    pub(super) fn bytes(&self) -> &'s [u8] {
        self.text.as_bytes()
    }

    /// The byte here; a line break at the end of the file.
    pub(super) fn byte(&self) -> u8 {
        self.bytes().get(self.at).copied().unwrap_or(b'\n')
    }

    /// The byte behind it.
    pub(super) fn second(&self) -> u8 {
        self.bytes().get(self.at + 1).copied().unwrap_or(b'\n')
    }

    pub(super) fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes on to the first line, from the start of this one, that is neither blank nor a comment. `None` for lines that end
    /// documents, and for tabs before anything else.
    pub(super) fn find_content(&mut self) -> Option<()> {
        let bytes = self.bytes();
        loop {
            self.start = self.at;
            while bytes.get(self.at) == Some(&b' ') {
                self.at += 1;
            }
            self.indent = self.at - self.start;
            match bytes.get(self.at) {
                None => {
                    self.done = true;
                    return Some(());
                }
                Some(b'\n') => self.enter_next_line(0),
                Some(b'#') => self.skip_line(),
                Some(b'\t') => return None,
                Some(b'-' | b'.') if self.indent == 0 && self.ends_document() => return None,
                Some(_) => return Some(()),
            }
        }
    }

    /// `---` is a document's start at its head alone.
    fn ends_document(&self) -> bool {
        let rest = self.rest();
        rest.starts_with("...") || rest.starts_with("---") && !(self.line == 1 && rest.starts_with("---\n"))
    }

    /// To the start of the next line, whose break is `bytes` further on.
    pub(super) fn enter_next_line(&mut self, bytes: usize) {
        self.at += bytes + 1;
        self.line += 1;
        self.start = self.at;
    }

    pub(super) fn skip_line(&mut self) {
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(more) => self.enter_next_line(more),
            None => self.at = self.text.len(),
        }
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.byte() == b' ' {
            self.at += 1;
        }
    }

    /// Behind a value: a comment may follow, then the next line, which may not stand right of `parent`.
    pub(super) fn end_value(&mut self, parent: usize) -> Option<()> {
        let value_end = self.at;
        self.skip_spaces();
        match self.byte() {
            b'\n' => {}
            b'#' if self.at > value_end => {}
            _ => return None,
        }
        self.end_line()?;
        (self.done || self.indent <= parent).then_some(())
    }

    /// Goes on to the next line that holds something.
    pub(super) fn end_line(&mut self) -> Option<()> {
        self.skip_line();
        self.find_content()
    }
}
