//! What happens to the applied objects when their Kustomization is deleted.

use super::MANAGER;
use super::acting::{ActingError, acting};
use crate::apply::{self, Action, Change};
use crate::cluster::ClusterError;
use crate::object::ObjectRef;
use crate::reconcile::context::{Context, has_finalizer};
use crate::status::{Events, Severity};
use seatrial_api::kustomization::{KustomizationSpec, KustomizationStatus};
use serde_json::Value;
use std::time::Duration;

/// Why the object cannot go yet.
pub(super) enum FinalizeError {
    /// The finalizer could not be removed.
    Write(ClusterError),
    /// Objects could not be deleted, or are still there.
    Prune {
        /// When to try again.
        retry: Duration,
    },
}

/// Deletes what is to be deleted, then takes off the finalizer.
pub(super) async fn finalize(
    context: &Context,
    events: &Events,
    object: &Value,
) -> Result<(), FinalizeError> {
    if !has_finalizer(object) {
        return Ok(());
    }
    let status: KustomizationStatus = serde_json::from_value(object["status"].clone()).unwrap_or_default();
    let entries = status.inventory.unwrap_or_default().entries;
    let objects: Vec<ObjectRef> = entries.iter().filter_map(apply::inventory::object).collect();
    objects.iter().for_each(|who| context.settled.forget(who));
    // A spec that cannot be read is one that never applied anything.
    if let Ok(spec) = serde_json::from_value::<KustomizationSpec>(object["spec"].clone())
        && deletes(&spec)
    {
        let owner = ObjectRef::of(object);
        let retry = spec.retry_interval.unwrap_or(spec.interval).to_std();
        let acting = match acting(context, &owner, &spec).await {
            Ok(acting) => acting,
            // Who would delete the objects is gone: they stay.
            Err(ActingError::Gone(_)) => {
                return context.remove_finalizer(object, MANAGER).await.map_err(FinalizeError::Write);
            }
            Err(error) => {
                let message = error.to_string();
                events.write(&context.cluster, object, Severity::Error, "PruneFailed", &message, &[]).await;
                return Err(FinalizeError::Prune { retry });
            }
        };
        if !has_account(context, &owner, &spec).await {
            let left: String = objects.iter().map(|who| format!("\n{who}")).collect();
            let message = format!("unable to prune objects: {left}");
            let reason = "ReconciliationSucceeded";
            events.write(&context.cluster, object, Severity::Error, reason, &message, &[]).await;
            return context.remove_finalizer(object, MANAGER).await.map_err(FinalizeError::Write);
        }
        let cluster = acting.cluster;
        let pruned = apply::prune(&cluster, objects.clone(), &owner).await;
        if let Some(message) = summary(&pruned.changes, &[Action::Unchanged]) {
            events
                .write(&context.cluster, object, Severity::Info, "ReconciliationSucceeded", &message, &[])
                .await;
        }
        if !pruned.failed.is_empty() {
            // Why, the real controller tells its log alone.
            let message = "pruning for deleted resource failed";
            events.write(&context.cluster, object, Severity::Error, "PruneFailed", message, &[]).await;
            return Err(FinalizeError::Prune { retry });
        }
        if spec.deletion_policy.as_deref() == Some("WaitForTermination") {
            for who in &objects {
                let kept = pruned
                    .changes
                    .iter()
                    .any(|change| &change.who == who && change.action == Action::Skipped);
                if !kept && cluster.find(who).await.ok().flatten().is_some() {
                    return Err(FinalizeError::Prune { retry: Duration::from_secs(5) });
                }
            }
        }
    }
    context.remove_finalizer(object, MANAGER).await.map_err(FinalizeError::Write)
}

/// Whether the account that is impersonated exists; only on the own cluster can that be told.
async fn has_account(context: &Context, owner: &ObjectRef, spec: &KustomizationSpec) -> bool {
    let name = spec.service_account_name.as_ref().filter(|name| !name.is_empty());
    let Some(name) = name.filter(|_| spec.kube_config.is_none()) else { return true };
    let account = ObjectRef::new("v1", "ServiceAccount", &owner.namespace, name);
    !matches!(context.cluster.find(&account).await, Ok(None))
}

fn deletes(spec: &KustomizationSpec) -> bool {
    !spec.suspend
        && match spec.deletion_policy.as_deref() {
            Some("Delete" | "WaitForTermination") => true,
            Some("Orphan") => false,
            _ => spec.prune,
        }
}

/// What became of objects, a line for each but for those that are passed over; none if nothing is left to say.
pub(super) fn summary(changes: &[Change], passed_over: &[Action]) -> Option<String> {
    let changed = changes
        .iter()
        .filter(|change| !passed_over.contains(&change.action))
        .map(|change| format!("{} {}", change.who, change.action))
        .collect::<Vec<_>>();
    (!changed.is_empty()).then(|| changed.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::mirrors_prune(json!({"prune": true}), true)]
    #[case::mirrors_no_prune(json!({"prune": false, "deletionPolicy": "MirrorPrune"}), false)]
    #[case::delete(json!({"prune": false, "deletionPolicy": "Delete"}), true)]
    #[case::orphan(json!({"prune": true, "deletionPolicy": "Orphan"}), false)]
    #[case::suspended(json!({"prune": true, "suspend": true}), false)]
    fn the_policy_decides(#[case] rest: Value, #[case] expected: bool) {
        let mut spec = json!({ "interval": "1m", "sourceRef": { "kind": "GitRepository", "name": "x" } });
        for (key, value) in rest.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        assert_eq!(deletes(&serde_json::from_value(spec).expect("a spec")), expected);
    }
}
