//! `seatrial schema`.

use crate::exit_code::Exit;
use crate::output;

/// Print the JSON Schema of scenario files, for editors: save it, and name it in the file's first line as
/// `# yaml-language-server: $schema=FILE`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the schema.
pub(crate) fn run(_: &Args) -> Exit {
    output::print(&format!("{:#}\n", seatrial_harness::scenario::schema()));
    Exit::Passed
}
