//! Steps that change clusters past Git.

use super::failure::StepError;
use super::world::World;
use crate::cluster::Objects;
use crate::plan::{Op, PatchKind};
use kube::api::Patch;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The field manager of what is done by hand, as of `kubectl patch`.
const MANAGER: &str = "kubectl-patch";

/// Applies an object. A real server can take a moment to serve a kind that it has called established: there it is tried again.
async fn applied(
    world: &World,
    objects: &Objects,
    object: &Value,
    manager: &str,
    force: bool,
) -> kube::Result<Arc<Value>> {
    const TRIES: usize = 20;
    const PAUSE: Duration = Duration::from_millis(250);
    let mut tries = if world.clock.is_virtual() { 1 } else { TRIES };
    loop {
        tries -= 1;
        match objects.apply(object, manager, force).await {
            Err(kube::Error::Api(status))
                if tries > 0 && status.message.starts_with("no matches for kind") =>
            {
                world.clock.sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(world: &World, op: &Op) -> Result<Vec<String>, StepError> {
    match op {
        Op::Apply { cluster, objects, manager, force } => {
            let cluster = world.cluster(cluster)?;
            for object in objects {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let kind = object["kind"].as_str().unwrap_or_default();
                applied(world, &cluster.objects, object, manager, *force).await.map_err(|error| {
                    refused(format!("apply {kind}/{name}"), object["apiVersion"] == "v1", kind, &error)
                })?;
                cluster.note_made(object);
            }
            Ok(Vec::new())
        }
        Op::Delete { cluster, target } => {
            let namespace = target.namespace.as_deref();
            world
                .cluster(cluster)?
                .objects
                .delete(&target.api_version, &target.kind, namespace, &target.name)
                .await
                .map_err(|error| StepError::api(format!("delete {target}"), &error))?;
            Ok(Vec::new())
        }
        Op::Patch { cluster, target, kind, patch } => {
            let action = || format!("patch {target}");
            let patch = match kind {
                PatchKind::Merge => Patch::Merge(patch.clone()),
                PatchKind::Strategic => Patch::Strategic(patch.clone()),
                PatchKind::Json => Patch::Json(
                    serde_json::from_value(patch.clone())
                        .map_err(|error| StepError::Api { action: action(), message: error.to_string() })?,
                ),
            };
            let namespace = target.namespace.as_deref();
            world
                .cluster(cluster)?
                .objects
                .patch(&target.api_version, &target.kind, namespace, &target.name, MANAGER, &patch)
                .await
                .map_err(|error| refused(action(), target.api_version == "v1", &target.kind, &error))?;
            Ok(Vec::new())
        }
        Op::SetProfile { cluster, profiles } => {
            let handle = world.cluster(cluster)?;
            match &handle.workloads {
                Some(workloads) => workloads.set_profiles(profiles.clone()),
                None => return Err(StepError::Backend(handle.real_pods("set profiles"))),
            }
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// What an API server answered. Of a Secret it shows the values that it does not take, so that no more is told than the reason.
fn refused(action: String, is_core: bool, kind: &str, error: &kube::Error) -> StepError {
    match error {
        // Who is in the way, or that nothing is there, has no values in it.
        kube::Error::Api(status) if is_core && kind == "Secret" && !matches!(status.code, 404 | 409) => {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let fields: Vec<&str> = causes.map(|cause| cause.field.as_str()).collect();
            let at = if fields.is_empty() { String::new() } else { format!(" at {}", fields.join(", ")) };
            let message = format!("{}{at}: <redacted, since it is about a Secret>", status.reason);
            StepError::Api { action, message }
        }
        error => StepError::api(action, error),
    }
}
