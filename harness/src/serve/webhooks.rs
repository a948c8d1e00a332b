//! Sends what webhooks want to know.

use crate::forge::{Delivery, Forge, Outcome};
use crate::rest::Rest;
use http::{Request, Uri};
use seatrial_time::{Clock, Signal, Task};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a receiver may take, as on GitHub.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether something has moved, where something has.
const PAUSE: Duration = Duration::from_millis(20);

/// How many requests wait for one slow receiver; those beyond are not sent.
const WAITING: usize = 1024;

/// Sends the requests of a forge's webhooks as they come up: those of one webhook one after the other, those of several side by side.
/// `ca` is trusted beside the system's authorities.
///
/// # Errors
/// Where `ca` is no certificate.
pub(super) fn deliver(forge: &Forge, clock: &Clock, ca: &str) -> Result<Task, String> {
    let rest = Rest::trusting(Some(ca)).map_err(|error| error.to_string())?;
    let (forge, own) = (forge.clone(), clock.clone());
    Ok(clock.spawn("webhooks", async move {
        // The tasks end with this one.
        let mut receivers: BTreeMap<u64, (mpsc::Sender<Delivery>, Task)> = BTreeMap::new();
        loop {
            let mut signals = vec![forge.signal().clone()];
            signals.extend(forge.repos().iter().map(|repo| repo.signal().clone()));
            let stamps: Vec<_> = signals.iter().map(Signal::stamp).collect();
            for delivery in forge.take_deliveries() {
                let hook = delivery.hook;
                let (sender, _) = receivers.entry(hook).or_insert_with(|| receiver(&forge, &own, &rest));
                let id = delivery.id;
                if sender.try_send(delivery).is_err() {
                    tracing::warn!(hook, "a webhook is too slow: it is not told of everything");
                    forge.delivered(id, Outcome::silent("too many requests wait", Duration::ZERO));
                }
            }
            own.idle(own.now(), PAUSE, &stamps).await;
        }
    }))
}

/// Sends the requests of one webhook.
fn receiver(forge: &Forge, clock: &Clock, rest: &Rest) -> (mpsc::Sender<Delivery>, Task) {
    let (sender, mut waiting) = mpsc::channel::<Delivery>(WAITING);
    let (forge, own, rest) = (forge.clone(), clock.clone(), rest.clone());
    let task = clock.spawn("webhook", async move {
        while let Some(delivery) = waiting.recv().await {
            let hook = delivery.hook;
            // The URL may have a token in it.
            let uri: Option<Uri> = delivery.url.parse().ok();
            let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
            let began = own.now();
            let answer = own.timeout(PATIENCE, send(&delivery, &rest)).await;
            let took = own.now().duration_since(began).try_into().unwrap_or_default();
            let outcome = match answer {
                Ok(Ok(status)) => {
                    tracing::debug!(hook, %host, status, "a webhook was told");
                    Outcome::answered(status, took)
                }
                Ok(Err(error)) => {
                    tracing::warn!(hook, %host, error, "a webhook could not be told");
                    Outcome::silent("failed to connect to host", took)
                }
                Err(_) => {
                    tracing::warn!(hook, %host, "a webhook took too long");
                    Outcome::silent("timed out", took)
                }
            };
            forge.delivered(delivery.id, outcome);
        }
    });
    (sender, task)
}

async fn send(delivery: &Delivery, rest: &Rest) -> Result<u16, String> {
    let mut request = Request::post(&delivery.url);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let request = request.body(delivery.body.clone()).map_err(|error| error.to_string())?;
    rest.send(request).await.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}
