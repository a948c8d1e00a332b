//! Informers: one list and one watch per kind, which keep a store up to date.
//!
//! # Flow
//! List, then watch from the list's resource version; list again when that version has gone (410), watch again when
//! the watch ends. Pauses after failures are taken on the clock.

use crate::api::Api;
use crate::object;
use crate::queue::backoff;
use crate::store::Store;
use seatrial_time::Clock;
use seatrial_wire::{Event, EventKind};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Keeps a store up to date for ever.
pub(crate) async fn run(store: Arc<Store>, api: Api, clock: Clock) {
    let mut failures = 0_u32;
    loop {
        let mut version = match api.list(store.kind()).await {
            Ok(list) => {
                let mut list = Arc::unwrap_or_clone(list);
                let version = object::text(&list, &["metadata", "resourceVersion"]).to_owned();
                let items = match list.get_mut("items").map(Value::take) {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                };
                store.listed(items, version.parse().unwrap_or(0));
                version
            }
            Err(error) => {
                if error.is_not_found() {
                    // The server does not have the kind: nothing to wait for, but it may come.
                    store.mark_synced();
                }
                tracing::debug!(%error, kind = %store.kind().kind, "cannot list");
                pause(&clock, &mut failures).await;
                continue;
            }
        };
        while watch(&store, &api, &mut version, &mut failures).await {
            if failures > 0 {
                pause(&clock, &mut failures).await;
            }
        }
    }
}

async fn pause(clock: &Clock, failures: &mut u32) {
    clock.sleep(backoff(Duration::from_millis(100), Duration::from_secs(30), *failures)).await;
    *failures += 1;
}

/// Follows one watch to its end; says whether the next one can go on from `version`.
async fn watch(store: &Store, api: &Api, version: &mut String, failures: &mut u32) -> bool {
    let mut stream = match api.watch(store.kind(), version).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, kind = %store.kind().kind, "cannot watch");
            *failures = (*failures).max(1);
            return !matches!(error.code(), 404 | 410);
        }
    };
    let started = version.clone();
    loop {
        let Some(Event { kind, object }) = stream.next().await else {
            // A watch that ends before it brought anything must not become a hot loop.
            *failures = if *version == started { (*failures).max(1) } else { 0 };
            return true;
        };
        if kind == EventKind::Error {
            let message = object::text(&object, &["message"]);
            tracing::debug!(%message, kind = %store.kind().kind, "watch was refused");
            *failures = (*failures).max(1);
            return object["code"] != 410;
        }
        *failures = 0;
        let seen = object::text(&object, &["metadata", "resourceVersion"]);
        if !seen.is_empty() {
            seen.clone_into(version);
        }
        match kind {
            EventKind::Added | EventKind::Modified => store.changed(&object),
            EventKind::Deleted => store.removed(&object),
            EventKind::Bookmark | EventKind::Error => {}
        }
    }
}
