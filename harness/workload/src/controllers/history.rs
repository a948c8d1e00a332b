//! ControllerRevisions: the versions of a StatefulSet's or DaemonSet's template.

use super::template::{hash, same};
use crate::api::ApiError;
use crate::context::Context;
use crate::object::{Object, at, controller_reference, name, namespace, number, number_or, set_at, uid};
use serde_json::{Value, json};

/// The label of pods with the version that they were made from.
pub(crate) const REVISION_HASH: &str = "controller-revision-hash";

/// The versions of one owner.
pub(crate) struct History {
    /// The name of the version of the present template.
    pub(crate) update: String,
    /// All versions, oldest first.
    revisions: Vec<Object>,
}

/// The short form of a version's name, as DaemonSet pods carry it.
pub(crate) fn short<'a>(owner: &Value, revision: &'a str) -> &'a str {
    revision.strip_prefix(name(owner)).and_then(|rest| rest.strip_prefix('-')).unwrap_or(revision)
}

impl History {
    /// The template of a version.
    pub(crate) fn template(&self, revision: &str) -> Option<&Value> {
        let found = self.revisions.iter().find(|known| name(known) == revision)?;
        at(found, &["data", "spec", "template"])
    }
}

/// Finds the version of the present template, or makes it; a version that comes back gets the newest number. Versions
/// beyond `revisionHistoryLimit` that are not `in_use` are deleted.
pub(crate) async fn record(context: &Context, owner: &Value, in_use: &[&str]) -> Result<History, ApiError> {
    let store = &context.stores.controller_revisions;
    let template = at(owner, &["spec", "template"]).cloned().unwrap_or_else(|| json!({}));
    let mut revisions = store.owned_by(uid(owner));
    revisions.sort_by_key(|revision| number_or(revision, &["revision"], 0));
    let newest = revisions.last().map_or(0, |last| number_or(last, &["revision"], 0));
    let position = revisions.iter().position(|known| {
        at(known, &["data", "spec", "template"]).is_some_and(|known| same(known, &template))
    });
    let update = match position {
        Some(index) if number_or(&revisions[index], &["revision"], 0) == newest => revisions[index].clone(),
        Some(index) => {
            let patched =
                store.patch(&context.api, &revisions[index], json!({"revision": newest + 1})).await?;
            revisions.remove(index);
            revisions.push(patched.clone());
            patched
        }
        None => {
            let hash = hash(&template, number(owner, &["status", "collisionCount"]));
            let mut revision = json!({
                "apiVersion": "apps/v1", "kind": "ControllerRevision",
                "metadata": {
                    "name": format!("{}-{hash}", name(owner)), "namespace": namespace(owner),
                    "labels": at(&template, &["metadata", "labels"]).cloned().unwrap_or_else(|| json!({})),
                    "ownerReferences": [controller_reference(owner)],
                },
                "data": {"spec": {"template": template}},
                "revision": newest + 1,
            });
            set_at(&mut revision, &["metadata", "labels", REVISION_HASH], json!(hash));
            let created = store.create(&context.api, &revision).await?;
            revisions.push(created.clone());
            created
        }
    };
    let update = name(&update).to_owned();
    let limit = usize::try_from(number_or(owner, &["spec", "revisionHistoryLimit"], 10)).unwrap_or(10);
    let spare: Vec<Object> = revisions
        .iter()
        .filter(|known| name(known) != update && !in_use.contains(&name(known)))
        .cloned()
        .collect();
    for old in spare.iter().take(spare.len().saturating_sub(limit)) {
        store.delete(&context.api, old, None, None).await?;
    }
    Ok(History { update, revisions })
}
