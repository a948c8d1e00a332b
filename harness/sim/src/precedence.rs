//! On the wall clock, the simulated controllers let everybody else go first.
//!
//! One thread answers everything, as it is fast enough; a thousand rollouts would still take most of it from a client that
//! goes on applying. (The real kube-apiserver shares its time by priority, and its controllers ask at most 20 times a second.)

use jiff::Timestamp;
use seatrial_time::Clock;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long nobody must have asked for anything.
const QUIET: Duration = Duration::from_millis(2);
/// How long a request waits at most, however busy the others are.
const PATIENCE: Duration = Duration::from_millis(40);

/// When somebody last asked who does not wait for others.
#[derive(Debug, Default)]
pub(crate) struct Precedence(Mutex<Timestamp>);

impl Precedence {
    /// Somebody asks now.
    pub(crate) fn asked(&self, clock: &Clock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock.now();
    }

    /// Returns when nobody has asked for [`QUIET`], and after [`PATIENCE`] in any case.
    pub(crate) async fn is_quiet(&self, clock: &Clock) {
        let patience = clock.now() + PATIENCE;
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = patience.min(last + QUIET);
            if clock.now() >= until {
                return;
            }
            clock.sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use seatrial_time::{Simulation, simulate};
    use std::sync::Arc;

    #[rstest]
    #[case::not_when_nobody_asks(0, 0)]
    #[case::until_it_is_quiet(1, 2)]
    #[case::while_others_ask(4, 5)]
    #[case::not_for_ever(1_000, 40)]
    fn a_request_waits(#[case] times: u32, #[case] milliseconds: u64) {
        let waited = simulate(Simulation::default(), |clock| async move {
            let precedence = Arc::new(Precedence::default());
            let (own, busy) = (clock.clone(), precedence.clone());
            let _others = clock.spawn("others", async move {
                for _ in 0..times {
                    busy.asked(&own);
                    own.sleep(Duration::from_millis(1)).await;
                }
            });
            clock.turn().await;
            let start = clock.now();
            precedence.is_quiet(&clock).await;
            clock.now().duration_since(start).unsigned_abs()
        });
        assert_eq!(waited.unwrap(), Duration::from_millis(milliseconds));
    }
}
