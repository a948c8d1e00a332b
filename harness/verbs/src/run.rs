//! From arguments to an exit status.

use std::io;

/// Runs a verb to its end on a runtime of its own. Call it on a thread that is in no runtime.
///
/// # Errors
/// Where the system refuses what a runtime needs.
pub fn block_on<T>(verb: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(verb))
}
