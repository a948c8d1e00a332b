//! Garbage collection, where the API server leaves it to a controller.
//!
//! It looks at the kinds that have a store: their objects go when all of their owners have gone (each absence is confirmed
//! by the server), foreground deletion and orphaning are brought to their end. Owners may be of any kind.

use crate::api::{ApiError, ignore_missing};
use crate::context::Context;
use crate::discovery;
use crate::object::{Key, Object, deleting, finalizers, later, list, namespace, text, uid};
use crate::store::Store;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Changes are gathered for this long before the next sweep.
const GATHER: Duration = Duration::from_millis(100);
/// Owners of kinds without a store are asked for again after this time.
const TRUST: Duration = Duration::from_secs(10);

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// Collects for ever.
pub(crate) async fn run(context: Arc<Context>) {
    context.synced().await;
    let mut collector = Collector { context: &context, seen: BTreeMap::new() };
    loop {
        let stamp = context.stores.changes.stamp();
        if let Err(error) = collector.sweep().await {
            tracing::debug!(%error, "garbage collection will try again");
            context.clock.sleep(GATHER).await;
            continue;
        }
        let changed = context.stores.changes.changed(&stamp);
        if collector.seen.is_empty() {
            changed.await;
        } else {
            // Nobody tells when an owner of a kind without a store goes.
            let _ = context.clock.timeout(TRUST, changed).await;
        }
        context.clock.sleep(GATHER).await;
    }
}

struct Collector<'a> {
    context: &'a Context,
    /// Owners of kinds without a store: until when they are taken to be there.
    seen: BTreeMap<String, Timestamp>,
}

impl Collector<'_> {
    async fn sweep(&mut self) -> Result<(), ApiError> {
        let stores = self.context.stores.each();
        let alive: BTreeSet<String> =
            stores.iter().flat_map(|store| store.all()).map(|object| uid(&object).to_owned()).collect();
        let now = self.context.clock.now();
        self.seen.retain(|_, until| *until > now);
        for store in stores {
            for object in store.all() {
                let end = finalizers(&object).find(|f| [FOREGROUND, ORPHAN].contains(f)).map(str::to_owned);
                match end {
                    Some(end) if deleting(&object) => self.end(store, &object, &end).await?,
                    _ if deleting(&object) || owners(&object).is_empty() => {}
                    _ => {
                        if !self.has_owner(&object, &alive).await? {
                            let gone = store.delete(&self.context.api, &object, None, Some("Background"));
                            settled(gone.await)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn has_owner(&mut self, object: &Object, alive: &BTreeSet<String>) -> Result<bool, ApiError> {
        for owner in owners(object) {
            let id = text(owner, &["uid"]);
            if alive.contains(id)
                || self.seen.contains_key(id)
                || self.is_there(owner, namespace(object)).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the server. What it does not serve cannot be there.
    async fn is_there(&mut self, owner: &Value, beside: &str) -> Result<bool, ApiError> {
        let (api_version, kind) = (text(owner, &["apiVersion"]), text(owner, &["kind"]));
        let api = &self.context.api;
        let Some(kind) = discovery::kind(api, api_version, kind).await? else { return Ok(false) };
        let key = Key::new(if kind.namespaced { beside } else { "" }, text(owner, &["name"]));
        let found = ignore_missing(api.get(&kind, &key).await)?;
        let there = found.is_some_and(|found| uid(&found) == text(owner, &["uid"]));
        let has_store = self.context.stores.each().iter().any(|store| *store.kind() == kind);
        if there && !has_store {
            self.seen.insert(text(owner, &["uid"]).to_owned(), later(self.context.clock.now(), TRUST));
        }
        Ok(there)
    }

    /// Ends a foreground deletion when no dependent is left, an orphaning when none refers to the object any more.
    async fn end(&self, store: &Arc<Store>, object: &Object, end: &str) -> Result<(), ApiError> {
        let api = &self.context.api;
        let mut waits = false;
        for other in self.context.stores.each() {
            for dependent in other.all() {
                let kept: Vec<&Value> =
                    owners(&dependent).iter().filter(|owner| text(owner, &["uid"]) != uid(object)).collect();
                if kept.len() == owners(&dependent).len() {
                    continue;
                }
                if end == ORPHAN {
                    let patch = json!({"metadata": {"ownerReferences": kept}});
                    settled(other.patch(api, &dependent, patch).await.map(drop))?;
                    continue;
                }
                waits = true;
                if !deleting(&dependent) {
                    settled(other.delete(api, &dependent, None, Some("Foreground")).await)?;
                }
            }
        }
        if waits {
            return Ok(());
        }
        let kept: Vec<&str> = finalizers(object).filter(|finalizer| *finalizer != end).collect();
        settled(store.patch(api, object, json!({"metadata": {"finalizers": kept}})).await.map(drop))
    }
}

fn owners(object: &Value) -> &[Value] {
    list(object, &["metadata", "ownerReferences"])
}

/// A conflict, or an object that is gone, means that the store was behind: its next change starts another sweep.
fn settled(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if !error.is_conflict() && !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
