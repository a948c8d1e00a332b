//! Sends what webhooks want to know.

use crate::forge::{Delivery, Forge};
use crate::rest::Rest;
use bytes::Bytes;
use http::Request;
use seatrial_time::{Clock, Signal, Task};
use std::time::Duration;

/// How long a receiver may take, as on GitHub.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether something has moved, where something has.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends the requests of a forge's webhooks as they come up, one after the other. `ca` is trusted beside the system's authorities.
pub(super) fn deliver(forge: &Forge, clock: &Clock, ca: String) -> Task {
    let (forge, own) = (forge.clone(), clock.clone());
    clock.spawn("webhooks", async move {
        loop {
            let mut signals = vec![forge.signal().clone()];
            signals.extend(forge.repos().iter().map(|repo| repo.signal().clone()));
            let stamps: Vec<_> = signals.iter().map(Signal::stamp).collect();
            for delivery in forge.take_deliveries() {
                let (hook, url) = (delivery.hook, delivery.url.clone());
                match own.timeout(PATIENCE, send(&delivery, &ca)).await {
                    Ok(Ok(status)) => tracing::debug!(hook, %url, status, "a webhook was told"),
                    Ok(Err(error)) => tracing::warn!(hook, %url, error, "a webhook could not be told"),
                    Err(_) => tracing::warn!(hook, %url, "a webhook took too long"),
                }
            }
            own.idle(own.now(), PAUSE, &stamps).await;
        }
    })
}

async fn send(delivery: &Delivery, ca: &str) -> Result<u16, String> {
    let mut request = Request::post(&delivery.url);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let request = request.body(delivery.body.clone()).map_err(|error| error.to_string())?;
    let rest = Rest::trusting(Some(ca)).map_err(|error| error.to_string())?;
    rest.send(request).await.map(|answer: http::Response<Bytes>| answer.status().as_u16())
}
