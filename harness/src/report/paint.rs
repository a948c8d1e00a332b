//! Colour, where it is wanted.

use std::io::IsTerminal;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// No colour.
    pub fn plain() -> Paint {
        Paint { on: false }
    }

    /// Colour.
    pub fn colourful() -> Paint {
        Paint { on: true }
    }

    /// Colour where `stream` is a terminal, `NO_COLOR` is unset or empty and `TERM` is not `dumb`.
    pub fn for_stream(stream: &impl IsTerminal) -> Paint {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Paint { on: stream.is_terminal() && !refused && !dumb }
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.code("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.code("31", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
