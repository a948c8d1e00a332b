//! Words for people, on standard error.

use crate::exit_code::Exit;
use std::error::Error;
use std::io::Write as _;
use std::path::Path;

/// Says that `error` happened, with its causes, and ends with `exit`.
pub(crate) fn fail(exit: Exit, error: &dyn Error) -> Exit {
    eprintln!("error: failed to {}", seatrial_harness::causes(error));
    exit
}

/// Prints text on standard output. Where nobody reads it any more (`| head`), what is left is dropped.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a file that the user asked for.
///
/// # Errors
/// [`Exit::Invalid`] where it cannot be written, after saying so.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Exit> {
    std::fs::write(path, text).map_err(|error| {
        eprintln!("error: failed to write {}: {error}", path.display());
        Exit::Invalid
    })
}
