//! What stands behind Kustomizations that have applied nothing.

use super::objects::{FluxObject, ObjectName};
use crate::cluster::Objects;
use seatrial_api::kustomization::KustomizationSpec;
use seatrial_api::{FluxKind, FluxRelease};
use seatrial_engine::ArtifactStore;
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
    artifacts: &ArtifactStore,
    renderer: &Renderer,
    flux: FluxRelease,
    objects: &[FluxObject],
) -> kube::Result<Vec<Behind>> {
    let mut found = Vec::new();
    let waiting = |o: &&FluxObject| {
        o.name.kind == "Kustomization" && !o.suspended && !o.ready.is_true() && o.inventory.is_empty()
    };
    for name in objects.iter().filter(waiting).map(|o| &o.name) {
        let version = api_version("kustomize.toolkit.fluxcd.io", "Kustomization", flux);
        let Some(object) = get(cluster, &version, name).await? else { continue };
        let Ok(spec) = serde_json::from_value::<KustomizationSpec>(object["spec"].clone()) else { continue };
        let source = ObjectName {
            kind: spec.source_ref.kind.clone(),
            namespace: spec.source_ref.namespace.clone().unwrap_or_else(|| name.namespace.clone()),
            name: spec.source_ref.name.clone(),
        };
        let version = api_version("source.toolkit.fluxcd.io", &source.kind, flux);
        let source = get(cluster, &version, &source).await?.unwrap_or_default();
        let artifact = source["status"]["artifact"]["digest"].as_str().and_then(|d| artifacts.get(d));
        let Some(Ok(built)) =
            artifact.map(|artifact| seatrial_engine::build(renderer, artifacts, &artifact, &spec))
        else {
            continue;
        };
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

fn api_version(group: &str, kind: &str, flux: FluxRelease) -> String {
    let known = FluxKind::find(group, kind).and_then(|kind| kind.api_version(flux));
    known.unwrap_or_else(|| format!("{group}/v1"))
}

async fn get(cluster: &Objects, api_version: &str, name: &ObjectName) -> kube::Result<Option<Arc<Value>>> {
    cluster.get(api_version, &name.kind, Some(&name.namespace), &name.name).await
}
