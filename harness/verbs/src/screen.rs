//! What a verb prints.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a verb prints: results (tables, YAML) on standard output, and what it does, line by line, on standard error, as
/// flux does.
///
/// Nobody has to listen: errors of writing are passed over.
pub struct Screen {
    out: Box<dyn Write + Send>,
    lines: Box<dyn Write + Send>,
    closed: bool,
}

impl Screen {
    /// The streams of the process.
    pub fn system() -> Screen {
        Screen { out: Box::new(io::stdout()), lines: Box::new(io::stderr()), closed: false }
    }

    /// A screen that keeps what is printed.
    pub fn recorded() -> (Screen, Recorded) {
        let recorded = Recorded::default();
        let (out, lines) = (Box::new(recorded.out.clone()), Box::new(recorded.lines.clone()));
        let screen = Screen { out, lines, closed: false };
        (screen, recorded)
    }

    /// A screen that keeps what is printed, results and lines in their order: [`Recorded::out`] is both.
    pub fn joined() -> (Screen, Recorded) {
        let recorded = Recorded::default();
        let (out, lines) = (Box::new(recorded.out.clone()), Box::new(recorded.out.clone()));
        let screen = Screen { out, lines, closed: false };
        (screen, recorded)
    }

    /// Prints a result as it is.
    pub fn print(&mut self, text: &str) {
        let done = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        self.closed |= done.is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    }

    /// Whether nobody reads the results any more: what goes on for ever ends then.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn line(&mut self, sign: &str, text: &str) {
        let _ = writeln!(self.lines, "{sign} {text}").and_then(|()| self.lines.flush());
    }

    /// `► ` what is being done.
    pub fn action(&mut self, text: impl AsRef<str>) {
        self.line("►", text.as_ref());
    }

    /// `✚ ` what is being made.
    pub fn generate(&mut self, text: impl AsRef<str>) {
        self.line("✚", text.as_ref());
    }

    /// `◎ ` what is waited for.
    pub fn waiting(&mut self, text: impl AsRef<str>) {
        self.line("◎", text.as_ref());
    }

    /// `✔ ` what was done.
    pub fn success(&mut self, text: impl AsRef<str>) {
        self.line("✔", text.as_ref());
    }

    /// `⚠️ ` what is not as it should be.
    pub fn warning(&mut self, text: impl AsRef<str>) {
        self.line("⚠️", text.as_ref());
    }

    /// `✗ ` what failed.
    pub fn failure(&mut self, text: impl AsRef<str>) {
        self.line("✗", text.as_ref());
    }

    /// A plain line beside the results, such as a question.
    pub fn say(&mut self, text: &str) {
        let _ = self.lines.write_all(text.as_bytes()).and_then(|()| self.lines.flush());
    }
}

/// What was printed on a [`Screen`]. Cheap to clone; clones read the same.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    out: Sink,
    lines: Sink,
}

impl Recorded {
    /// Standard output so far.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Standard error so far.
    pub fn lines(&self) -> String {
        self.lines.text()
    }
}

#[derive(Clone, Debug, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
