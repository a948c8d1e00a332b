//! What stands behind Kustomizations that have applied nothing.

use super::objects::{FluxObject, ObjectName};
use crate::cluster::Objects;
use seatrial_api::kustomization::KustomizationSpec;
use seatrial_api::{FluxKind, FluxRelease};
use seatrial_engine::{ArtifactStore, BuildError, GitHosts, StoredArtifact};
use seatrial_render::Renderer;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a Kustomization that has applied nothing would apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// The Kustomization.
    pub object: ObjectName,
    /// How many objects of each kind it builds.
    pub kinds: BTreeMap<String, usize>,
    /// Those of them that are not supported yet.
    pub unsupported: BTreeSet<String>,
}

/// What the Kustomizations among `objects` that have applied nothing would apply, without substitution. Those that do not
/// build, or have no source yet, say so themselves and are left out.
///
/// # Errors
/// What the API server answered, where an object could not be read.
pub(super) async fn behind(
    cluster: &Objects,
    store: &Store<'_>,
    objects: &[FluxObject],
) -> kube::Result<Vec<Behind>> {
    let mut found = Vec::new();
    let waiting = |o: &&FluxObject| {
        o.name.kind == "Kustomization" && !o.suspended && !o.ready.is_true() && o.inventory.is_empty()
    };
    for name in objects.iter().filter(waiting).map(|o| &o.name) {
        let Some(Ok(built)) = build(cluster, store, name).await? else { continue };
        let mut entry = Behind { object: name.clone(), kinds: BTreeMap::new(), unsupported: BTreeSet::new() };
        for object in built.iter() {
            let kind = object["kind"].as_str().unwrap_or_default();
            let group = object["apiVersion"].as_str().and_then(|v| v.split_once('/')).map_or("", |(g, _)| g);
            *entry.kinds.entry(kind.to_owned()).or_default() += 1;
            if FluxKind::find(group, kind).is_some_and(|kind| !seatrial_engine::is_supported(kind)) {
                entry.unsupported.insert(kind.to_owned());
            }
        }
        found.push(entry);
    }
    Ok(found)
}

/// Where what a Kustomization does not build is broken: a line for each place, with file, line and column where they are
/// known, and the kustomizations that lead there. Its own message has the words of kustomize alone.
///
/// # Errors
/// What the API server answered, where an object could not be read.
pub(crate) async fn broken_places(
    cluster: &Objects,
    store: &Store<'_>,
    name: &ObjectName,
) -> kube::Result<Vec<String>> {
    let errors = match build(cluster, store, name).await? {
        Some(Err(BuildError::Build(errors) | BuildError::Manifest { errors, .. })) => errors,
        // Flux does not say which file it is.
        Some(Err(BuildError::Kustomization { file, .. })) => return Ok(vec![format!("at {file}")]),
        _ => return Ok(Vec::new()),
    };
    let line = |error: &seatrial_render::RenderError| {
        let place = error.place().map(|place| format!("at {place}"));
        let chain = (error.chain.len() > 1).then(|| format!("by {}", error.chain.join(" -> ")));
        let parts: Vec<String> = place.into_iter().chain(chain).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    };
    Ok(errors.errors.iter().filter_map(line).collect())
}

/// What a trial builds from.
pub(crate) struct Store<'a> {
    pub(crate) artifacts: &'a ArtifactStore,
    pub(crate) renderer: &'a Renderer,
    pub(crate) hosts: &'a Arc<dyn GitHosts>,
    pub(crate) flux: FluxRelease,
}

/// Builds a Kustomization from the artifact that its source has; `None` where it has none.
pub(crate) async fn build(
    cluster: &Objects,
    store: &Store<'_>,
    name: &ObjectName,
) -> kube::Result<Option<Result<Arc<Vec<Value>>, BuildError>>> {
    let version = api_version("kustomize.toolkit.fluxcd.io", "Kustomization", store.flux);
    let Some(object) = get(cluster, &version, name).await? else { return Ok(None) };
    let Ok(spec) = serde_json::from_value::<KustomizationSpec>(object["spec"].clone()) else {
        return Ok(None);
    };
    let source = ObjectName {
        kind: spec.source_ref.kind.clone(),
        namespace: spec.source_ref.namespace.clone().unwrap_or_else(|| name.namespace.clone()),
        name: spec.source_ref.name.clone(),
    };
    let version = api_version("source.toolkit.fluxcd.io", &source.kind, store.flux);
    let source = get(cluster, &version, &source).await?.unwrap_or_default();
    let artifact = source["status"]["artifact"]["digest"].as_str().and_then(|d| store.artifacts.get(d));
    let remotes = store.artifacts.remotes(store.hosts.clone());
    let build = |artifact: StoredArtifact| {
        seatrial_engine::build(store.renderer, store.artifacts, &remotes, &artifact, &spec)
    };
    Ok(artifact.map(build))
}

pub(crate) fn api_version(group: &str, kind: &str, flux: FluxRelease) -> String {
    let known = FluxKind::find(group, kind).and_then(|kind| kind.api_version(flux));
    known.unwrap_or_else(|| format!("{group}/v1"))
}

async fn get(cluster: &Objects, api_version: &str, name: &ObjectName) -> kube::Result<Option<Arc<Value>>> {
    cluster.get(api_version, &name.kind, Some(&name.namespace), &name.name).await
}
