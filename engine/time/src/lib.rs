//! Time and chance as inputs.
//!
//! Everything below the drivers takes a [`Clock`] and asks it for the time, for sleep, for new tasks and for random
//! streams. A clock is either *virtual* (inside [`simulate`]: time jumps from timer to timer, and a seed decides which
//! of the ready tasks goes on) or *wall* ([`Clock::wall`]: tokio underneath).
//!
//! # Guarantees of the virtual clock
//! - One task is polled at a time; between two polls everything is atomic.
//! - The same seed and the same program give the same order of polls, hence the same run.
//! - Time moves only when no task can go on, and then to the next timer, however far away.
//! - When nothing can go on and no timer is left, [`Stuck`] says which task waits for what.
//!
//! # Example
//! ```
//! use seatrial_time::{Simulation, simulate};
//! use std::time::Duration;
//!
//! let waited = simulate(Simulation::seeded(7), |clock| async move {
//!     let start = clock.now();
//!     clock.sleep(Duration::from_secs(3600)).await;
//!     clock.now().duration_since(start).as_secs()
//! })?;
//! assert_eq!(waited, 3600);
//! # Ok::<(), seatrial_time::Stuck>(())
//! ```

mod clock;
mod executor;
mod external;
mod rng;
mod signal;
mod stuck;
mod task;
mod timer;

pub use clock::{Clock, Elapsed};
pub use executor::{Simulation, simulate};
pub use rng::Rng;
pub use signal::{Signal, Stamp};
pub use stuck::{Stuck, Waiting};
pub use task::Task;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`; a panic elsewhere while it was held does not make its data unusable here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
