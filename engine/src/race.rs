//! Waiting for whichever of two things comes first.

use std::pin::pin;

/// Returns when one of the two ends; the other is dropped.
pub(crate) async fn first(a: impl Future<Output = ()>, b: impl Future<Output = ()>) {
    futures::future::select(pin!(a), pin!(b)).await;
}
