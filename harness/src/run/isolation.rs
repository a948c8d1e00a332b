//! The step `expectIsolated`.

use super::failure::StepError;
use super::world::World;
use crate::check::default_api_version;
use crate::cluster::Handle;
use crate::isolation::{ClusterObjects, look};
use crate::report::Failure;
use serde_json::Value;

/// Fails where an automation of `cluster`, or of any, would change a file that another cluster builds from, where there is none, and
/// where something cannot be read: the step must not pass because it has seen nothing.
pub(super) async fn expect(world: &World, cluster: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut clusters = Vec::new();
    for (name, handle) in &world.clusters {
        clusters.push(ClusterObjects {
            name: name.clone(),
            kustomizations: objects(handle, "Kustomization").await?,
            automations: objects(handle, "ImageUpdateAutomation").await?,
            sources: objects(handle, "GitRepository").await?,
            policies: objects(handle, "ImagePolicy").await?,
            is_complete: true,
        });
    }
    let seen = look(&world.forge, &clusters, cluster);
    if let Some(why) = seen.unknown.into_iter().next() {
        return Err(told(why));
    }
    if seen.automations == 0 {
        let of = cluster.map_or("any cluster".to_owned(), |cluster| format!("the cluster {cluster}"));
        return Err(told(format!("there is no ImageUpdateAutomation on {of} to look at")));
    }
    if seen.shared.is_empty() {
        let automations = if seen.automations == 1 { "automation" } else { "automations" };
        return Ok(vec![format!("{} {automations}", seen.automations)]);
    }
    let problems: Vec<String> = seen.shared.iter().map(ToString::to_string).collect();
    Err(told(problems.join("; ")))
}

fn told(message: String) -> Failure {
    Failure { message, ..Failure::default() }
}

async fn objects(handle: &Handle, kind: &str) -> Result<Vec<Value>, Failure> {
    let version = default_api_version(kind, Some(handle.flux())).unwrap_or_default();
    let failed = |error| Failure::from(StepError::api(format!("list {kind}s of {}", handle.name), &error));
    handle.objects.list(&version, kind, None).await.map_err(failed)
}
