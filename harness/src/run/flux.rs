//! Steps that are about Flux: bootstrap and reconcile.

use super::bootstrap::{Setting, bootstrap, images};
use super::failure::StepError;
use super::world::World;
use crate::bootstrap::Following;
use crate::check::default_api_version;
use crate::cluster::Handle;
use crate::plan::Op;
use crate::report::elapsed;
use kube::api::Patch;
use seatrial_api::meta::REQUESTED_AT;
use serde_json::json;
use std::time::Duration;

/// How long a source may take to answer, as for `flux reconcile`.
const PATIENCE: Duration = Duration::from_secs(300);
/// The field manager of `flux reconcile`.
const MANAGER: &str = "flux";

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(world: &mut World, line: u32, op: &Op) -> Result<Vec<String>, StepError> {
    match op {
        Op::Bootstrap { cluster, repo, following } => {
            let repo = world.repo(repo)?;
            // The handle is taken out while it changes; nothing else looks at the clusters meanwhile.
            let Some(mut handle) = world.clusters.remove(cluster) else {
                return Err(StepError::NoCluster { name: cluster.clone() });
            };
            let made = install(world, &mut handle, &repo, following).await;
            world.clusters.insert(cluster.clone(), handle);
            let mut facts = Vec::new();
            for id in made? {
                facts.push(world.made(line, &repo, &following.sync.branch, id, None)?);
            }
            Ok(facts)
        }
        Op::Reconcile { cluster, kind, namespace, name, with_source } => {
            if *with_source {
                with_source_first(world, cluster, namespace, name).await?;
            }
            request(world, cluster, kind, namespace, name).await?;
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

async fn install(
    world: &World,
    cluster: &mut Handle,
    repo: &crate::forge::Repo,
    following: &Following,
) -> Result<Vec<crate::forge::CommitId>, StepError> {
    for (name, tags) in images(&following.components) {
        world.registry.create(&name, tags)?;
    }
    let setting = setting(world);
    Ok(bootstrap(&setting, cluster, repo, following).await?)
}

/// What a bootstrap of this run works with.
pub(super) fn setting(world: &World) -> Setting<'_> {
    Setting {
        clock: &world.clock,
        forge: &world.forge,
        git: world.git.clone(),
        registry: &world.registry,
        artifacts: &world.artifacts,
        renderer: &world.renderer,
        clusters: &world.known,
    }
}

/// Asks for a reconcile by an annotation; the result is the annotation's value.
async fn request(
    world: &mut World,
    cluster: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<String, StepError> {
    world.requests += 1;
    // Two requests at one virtual instant must differ.
    let token = format!("{}-{}", world.clock.now(), world.requests);
    let handle = world.cluster(cluster)?;
    let version = default_api_version(kind, Some(handle.flux())).unwrap_or_default();
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: token}}});
    handle
        .objects
        .patch(&version, kind, Some(namespace), name, MANAGER, &Patch::Merge(patch))
        .await
        .map_err(|error| StepError::api(format!("annotate {kind}/{namespace}/{name}"), &error))?;
    Ok(token)
}

/// Asks the source of a Kustomization, and waits until it has answered.
async fn with_source_first(
    world: &mut World,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> Result<(), StepError> {
    let handle = world.cluster(cluster)?;
    let version = default_api_version("Kustomization", Some(handle.flux())).unwrap_or_default();
    let found = handle.objects.get(&version, "Kustomization", Some(namespace), name).await;
    let found = found.map_err(|error| StepError::api("read the Kustomization", &error))?;
    let missing = || StepError::NoObject {
        object: format!("Kustomization/{namespace}/{name}"),
        cluster: cluster.to_owned(),
    };
    let kustomization = found.ok_or_else(missing)?;
    let source = &kustomization["spec"]["sourceRef"];
    let text = |field: &str| source[field].as_str().map(str::to_owned);
    let kind = text("kind").unwrap_or_default();
    let source_namespace = text("namespace").unwrap_or_else(|| namespace.to_owned());
    let source_name = text("name").unwrap_or_default();
    let token = request(world, cluster, &kind, &source_namespace, &source_name).await?;

    let handle = world.cluster(cluster)?;
    let version = default_api_version(&kind, Some(handle.flux())).unwrap_or_default();
    let began = world.clock.now();
    loop {
        let stamp = handle.changes.stamp();
        let found = handle.objects.get(&version, &kind, Some(&source_namespace), &source_name).await;
        let found = found.map_err(|error| StepError::api("read the source", &error))?;
        if found.is_some_and(|o| o["status"]["lastHandledReconcileAt"] == *token) {
            return Ok(());
        }
        let left = PATIENCE.saturating_sub(elapsed(began, world.clock.now()));
        if left.is_zero() || world.clock.timeout(left, handle.changes.changed(&stamp)).await.is_err() {
            return Err(StepError::NotHandled {
                object: format!("{kind}/{source_namespace}/{source_name}"),
                cluster: cluster.to_owned(),
            });
        }
    }
}
