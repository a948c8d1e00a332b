//! Words for people, on standard error.

use crate::exit_code::Exit;
use std::error::Error;
use std::path::Path;

/// Says that `error` happened, with its causes, and ends with `exit`.
pub(crate) fn fail(exit: Exit, error: &dyn Error) -> Exit {
    eprintln!("error: failed to {}", seatrial_harness::causes(error));
    exit
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
