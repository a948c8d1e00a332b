//! The deletion of namespaces, where the API server leaves it to a controller: the content goes, then the namespace.

use crate::api::{ApiError, ignore_missing};
use crate::context::{Context, Wake};
use crate::discovery;
use crate::object::{Object, deleting, later, list, name, set_at};
use serde_json::{Value, json};
use std::time::Duration;

/// When to look again at a namespace that still has content.
const AGAIN: Duration = Duration::from_millis(300);

/// Deletes what is in a namespace that is being deleted; lets the namespace go when nothing is left. Finalizers of objects,
/// and of the namespace itself, are waited for.
pub(crate) async fn empty(context: &Context, namespace: &Object) -> Result<Wake, ApiError> {
    let api = &context.api;
    let mut left = 0;
    for kind in discovery::deletable(api).await?.iter().filter(|kind| kind.namespaced) {
        let found = match api.list_in(kind, name(namespace)).await {
            Err(error) if matches!(error.code(), 404 | 405 | 503) => continue,
            found => found?,
        };
        for object in list(&found, &["items"]) {
            left += 1;
            if !deleting(object) {
                ignore_missing(api.delete(kind, object, None, Some("Background")).await)?;
            }
        }
    }
    if left > 0 {
        return Ok(Some(later(context.clock.now(), AGAIN)));
    }
    let kept: Vec<&Value> =
        list(namespace, &["spec", "finalizers"]).iter().filter(|own| **own != "kubernetes").collect();
    if kept.len() == list(namespace, &["spec", "finalizers"]).len() {
        return Ok(None);
    }
    let mut finalized = Value::clone(namespace);
    set_at(&mut finalized, &["spec", "finalizers"], json!(kept));
    ignore_missing(api.finalize(context.stores.namespaces.kind(), &finalized).await)?;
    Ok(None)
}
