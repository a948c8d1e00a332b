//! Every file under `scenarios/` is a test case, named by its path.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Paths as people see them: relative to the root of the repository.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    if let Err(error) = std::env::set_current_dir(root) {
        eprintln!("failed to go to {root}: {error}");
        return ExitCode::FAILURE;
    }
    seatrial_harness::testing::main(["scenarios"])
}
