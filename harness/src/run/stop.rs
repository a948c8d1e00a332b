//! Ending a run from outside.

use seatrial_time::{Signal, Stamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Ends a run from outside. Clones are the same; once stopped it stays so.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    signal: Signal,
    running: Stamp,
    /// The number of the signal that stopped the run; 0 where it was something else.
    cause: AtomicU8,
}

impl Default for Stop {
    fn default() -> Stop {
        let signal = Signal::new();
        let running = signal.stamp();
        Stop(Arc::new(Inner { signal, running, cause: AtomicU8::new(0) }))
    }
}

impl Stop {
    /// Ends the run: scenarios break off, what they started is removed, and no further one begins.
    pub fn stop(&self) {
        self.0.signal.bump();
    }

    /// Whether the run is to end.
    pub fn is_stopped(&self) -> bool {
        !self.0.running.is_current()
    }

    /// Returns when the run is to end.
    pub async fn stopped(&self) {
        self.0.signal.changed(&self.0.running).await;
    }

    /// The number of the signal of the operating system that stopped the run, if one did: 2 or 15.
    pub fn signal(&self) -> Option<u8> {
        Some(self.0.cause.load(Ordering::Acquire)).filter(|number| *number != 0)
    }

    /// Stops at the first SIGINT, SIGTERM or SIGHUP that this process gets from now on. At the second one the process ends at
    /// once, with the status that the signal has in shells.
    ///
    /// # Errors
    /// Where the operating system does not let signals be caught.
    #[cfg(unix)]
    #[allow(clippy::disallowed_methods, reason = "signals are no part of what is simulated")]
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate, mut hang_up) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            )
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let number = tokio::select! {
                        _ = interrupt.recv() => 2,
                        _ = terminate.recv() => 15,
                        _ = hang_up.recv() => 1,
                    };
                    if stop.is_stopped() {
                        std::process::exit(128 + i32::from(number));
                    }
                    stop.0.cause.store(number, Ordering::Release);
                    stop.stop();
                }
            });
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_stop_together_and_stay_stopped() {
        let stop = Stop::default();
        let other = stop.clone();
        assert!(!other.is_stopped());
        stop.stop();
        assert!(other.is_stopped() && stop.is_stopped());
        assert_eq!(other.signal(), None);
    }
}
