//! Removes objects that are no longer wanted.
//!
//! # Guarantees
//! Only objects that still carry the owner's labels are deleted, and none that asks to be kept.

use super::{Action, Change, GROUP, labels};
use crate::cluster::{Cluster, ClusterError};
use crate::object::{self, ObjectRef};
use serde_json::Value;

/// Objects that could not be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("delete failed, errors: {}", .0.iter().map(|(who, error)| format!("{who} delete failed: {error};")).collect::<String>())]
pub(crate) struct PruneError(pub(crate) Vec<(ObjectRef, ClusterError)>);

/// What became of the objects.
#[derive(Debug, Default)]
pub(crate) struct Pruned {
    /// Those that are gone, or were left alone.
    pub(crate) changes: Vec<Change>,
    /// Those that could not be deleted.
    pub(crate) failed: Vec<(ObjectRef, ClusterError)>,
}

/// Deletes `objects`, in the reverse order of application.
pub(crate) async fn prune(cluster: &Cluster, mut objects: Vec<ObjectRef>, owner: &ObjectRef) -> Pruned {
    super::sort(&mut objects);
    let mut pruned = Pruned::default();
    for who in objects.into_iter().rev() {
        match remove(cluster, &who, owner).await {
            Ok(action) => pruned.changes.push(Change { who, action }),
            Err(error) => pruned.failed.push((who, error)),
        }
    }
    pruned
}

async fn remove(cluster: &Cluster, who: &ObjectRef, owner: &ObjectRef) -> Result<Action, ClusterError> {
    let live = match cluster.find(who).await {
        Ok(Some(live)) => live,
        Ok(None) | Err(ClusterError::NoMatch { .. }) => return Ok(Action::Deleted),
        Err(error) => return Err(error),
    };
    if is_kept(&live, owner) {
        return Ok(Action::Skipped);
    }
    if !object::is_deleted(&live) {
        cluster.delete(who).await?;
    }
    Ok(Action::Deleted)
}

fn is_kept(live: &Value, owner: &ObjectRef) -> bool {
    let says = |name: &str, value| object::marked(live, &format!("{GROUP}/{name}"), value);
    !labels::is_owned(live, owner)
        || says("prune", "disabled")
        || says("reconcile", "disabled")
        || says("ssa", "Ignore")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::owned(json!({}), "apps", false)]
    #[case::owned_by_another(json!({}), "other", true)]
    #[case::prune_disabled(json!({"prune": "Disabled"}), "apps", true)]
    #[case::reconcile_disabled(json!({"reconcile": "disabled"}), "apps", true)]
    #[case::ignored(json!({"ssa": "Ignore"}), "apps", true)]
    #[case::merged(json!({"ssa": "Merge"}), "apps", false)]
    fn only_own_objects_that_do_not_object_are_deleted(
        #[case] marks: Value,
        #[case] owner: &str,
        #[case] kept: bool,
    ) {
        let mut live = json!({ "metadata": { "labels": {
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        } } });
        for (name, value) in marks.as_object().into_iter().flatten() {
            live["metadata"]["annotations"][format!("{GROUP}/{name}")] = value.clone();
        }
        let owner = ObjectRef::new("v1", "Kustomization", "flux-system", owner);
        assert_eq!(is_kept(&live, &owner), kept);
    }
}
