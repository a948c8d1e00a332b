//! ArtifactGenerator: artifacts composed of the artifacts of sources, as ExternalArtifacts.

use super::context::{Context, after_error, requested_at};
use super::unsupported::NOT_SUPPORTED;
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::source::copy;
use crate::status::conditions::Conditions;
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::catalog::FluxKind;
use seatrial_render::Tree;
use seatrial_time::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const MANAGER: &str = "source-watcher";
const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";
const RETRY: Duration = Duration::from_secs(30);

/// Reconciles ArtifactGenerators.
pub(crate) struct GeneratorReconciler {
    context: Arc<Context>,
    events: Events,
}

struct Failure {
    reason: &'static str,
    message: String,
    stalled: bool,
}

/// A source's files, and the revision that they are of.
struct Source {
    tree: Tree,
    revision: String,
}

struct Generated {
    name: String,
    artifact: Value,
}

impl GeneratorReconciler {
    pub(crate) fn new(context: Arc<Context>) -> GeneratorReconciler {
        let events = context.events(MANAGER);
        GeneratorReconciler { context, events }
    }

    async fn run(&self, object: &Value) -> Result<Next, ClusterError> {
        let cluster = &self.context.cluster;
        let stamps = self.context.cluster_stamps();
        let generation = object::generation(object);
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut status = object["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        let existing = serde_json::from_value(status["conditions"].clone()).unwrap_or_default();
        let mut conditions = Conditions::new(existing, generation, self.context.now());
        let (event, next) = match self.generate(object).await {
            Ok(generated) => {
                let mut changed = Vec::new();
                for generated in &generated {
                    if self.publish(object, generated).await? {
                        changed.push(generated.name.as_str());
                    }
                }
                self.remove_stale(object, &generated).await?;
                status["inventory"] = generated
                    .iter()
                    .map(|generated| {
                        json!({
                            "digest": generated.artifact["digest"],
                            "filename": generated.artifact["path"].as_str().and_then(|p| p.rsplit('/').next()),
                            "name": generated.name,
                            "namespace": object["metadata"]["namespace"],
                        })
                    })
                    .collect();
                let message = format!("reconciliation succeeded, generated {} artifact(s)", generated.len());
                conditions.ready("Succeeded", &message);
                status["observedGeneration"] = generation.into();
                let event = (!changed.is_empty())
                    .then(|| (Severity::Info, "Succeeded", format!("new artifacts: {}", changed.join(", "))));
                (event, Next::Woken)
            }
            Err(failure) => {
                if failure.stalled {
                    conditions.stalled(failure.reason, &failure.message);
                    status["observedGeneration"] = generation.into();
                } else {
                    conditions.failed(failure.reason, &failure.message);
                }
                (Some((Severity::Error, failure.reason, failure.message)), Next::Idle(RETRY, stamps))
            }
        };
        status["conditions"] = serde_json::to_value(conditions.into_list()).unwrap_or_default();
        if let Some(at) = requested_at(object) {
            status["lastHandledReconcileAt"] = at.into();
        }
        patch.write(cluster, &status).await?;
        if let Some((severity, reason, message)) = event {
            self.events.write(cluster, object, severity, reason, &message, &[]).await;
        }
        Ok(next)
    }

    async fn generate(&self, object: &Value) -> Result<Vec<Generated>, Failure> {
        if object["spec"]["pathPattern"].as_str().is_some_and(|pattern| !pattern.is_empty()) {
            let message = "Seatrial does not support spec.pathPattern of an ArtifactGenerator yet".to_owned();
            return Err(Failure { reason: NOT_SUPPORTED, message, stalled: true });
        }
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let sources = self.sources(object, namespace).await?;
        let trees: BTreeMap<String, Tree> =
            sources.iter().map(|(alias, source)| (alias.clone(), source.tree.clone())).collect();
        let invalid = |message: String| Failure { reason: "ValidationFailed", message, stalled: true };
        let mut generated = Vec::new();
        for output in object["spec"]["artifacts"].as_array().into_iter().flatten() {
            let name = output["name"].as_str().unwrap_or_default();
            let rules = copy::rules(output).map_err(invalid)?;
            let tree = copy::compose(&rules, &trees).map_err(|error| Failure {
                reason: "BuildFailed",
                message: format!("failed to build artifact '{name}': {error}"),
                stalled: false,
            })?;
            let stored = self.context.artifacts.store(tree);
            let alias = |field: &str| output[field].as_str().map(|text| text.trim_start_matches('@'));
            let find = |alias: &str| {
                sources.get(alias).ok_or_else(|| invalid(format!("source alias '{alias}' not found")))
            };
            let revision = match alias("revision") {
                Some(alias) => find(alias)?.revision.clone(),
                None => format!("latest@{}", stored.digest),
            };
            let file = stored.digest.trim_start_matches("sha256:");
            let path = format!("externalartifact/{namespace}/{name}/{}.tar.gz", &file[..file.len().min(12)]);
            let mut artifact = json!({
                "digest": stored.digest,
                "lastUpdateTime": self.context.now(),
                "path": path,
                "revision": revision,
                "size": stored.size,
                "url": format!("http://source-watcher.flux-system.svc.cluster.local./{path}"),
            });
            if let Some(origin) = alias("originRevision") {
                artifact["metadata"] = json!({ "org.opencontainers.image.revision": find(origin)?.revision });
            }
            generated.push(Generated { name: name.to_owned(), artifact });
        }
        Ok(generated)
    }

    async fn sources(&self, object: &Value, namespace: &str) -> Result<BTreeMap<String, Source>, Failure> {
        let mut sources = BTreeMap::new();
        for source in object["spec"]["sources"].as_array().into_iter().flatten() {
            let text = |field: &str| source[field].as_str().unwrap_or_default();
            let failed = |message: String| Failure { reason: "SourceFetchFailed", message, stalled: false };
            let kind = text("kind");
            let api_version = FluxKind::find("source.toolkit.fluxcd.io", kind)
                .and_then(|kind| kind.api_version(self.context.flux))
                .unwrap_or_else(|| SOURCE_API.to_owned());
            let who = ObjectRef::new(
                &api_version,
                kind,
                source["namespace"].as_str().unwrap_or(namespace),
                text("name"),
            );
            let found = self.context.cluster.known(&who).await;
            let found = found.map_err(|error| failed(format!("unable to get source '{who}': {error}")))?;
            let artifact = &found["status"]["artifact"];
            let stored = artifact["digest"].as_str().and_then(|digest| self.context.artifacts.get(digest));
            let stored = stored.ok_or_else(|| failed(format!("source '{who}' is not ready: no artifact")))?;
            let revision = artifact["revision"].as_str().unwrap_or_default().to_owned();
            if sources.insert(text("alias").to_owned(), Source { tree: stored.tree, revision }).is_some() {
                let message = format!("duplicate source alias '{}' found", text("alias"));
                return Err(Failure { reason: "ValidationFailed", message, stalled: true });
            }
        }
        Ok(sources)
    }

    /// Brings the ExternalArtifact to the cluster; true if its artifact is new.
    async fn publish(&self, generator: &Value, generated: &Generated) -> Result<bool, ClusterError> {
        let cluster = &self.context.cluster;
        let owner = ObjectRef::of(generator);
        let who = ObjectRef::new(SOURCE_API, "ExternalArtifact", &owner.namespace, &generated.name);
        let mut wanted = json!({
            "apiVersion": SOURCE_API,
            "kind": "ExternalArtifact",
            "metadata": {
                "name": who.name,
                "namespace": who.namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": MANAGER,
                    "source.extensions.fluxcd.io/generator": generator["metadata"]["uid"],
                },
                "ownerReferences": [{
                    "apiVersion": owner.api_version(), "kind": owner.kind, "name": owner.name,
                    "uid": generator["metadata"]["uid"],
                }],
            },
            "spec": { "sourceRef": {
                "apiVersion": owner.api_version(), "kind": owner.kind, "name": owner.name,
                "namespace": owner.namespace,
            } },
        });
        let common = &generator["spec"]["commonMetadata"];
        for field in ["labels", "annotations"] {
            for (key, value) in common[field].as_object().into_iter().flatten() {
                wanted["metadata"][field][key.as_str()] = value.clone();
            }
        }
        let is_live = |live: &Value| {
            let has = |field: &str| {
                let wanted = wanted["metadata"][field].as_object().into_iter().flatten();
                wanted.into_iter().all(|(key, value)| live["metadata"][field].get(key) == Some(value))
            };
            live["spec"] == wanted["spec"] && has("labels") && has("annotations")
        };
        let live = match cluster.find(&who).await? {
            Some(live) if is_live(&live) => live,
            _ => cluster.apply(&who, wanted.to_string(), Arc::new(wanted), MANAGER).await?.value()?,
        };
        let old = &live["status"]["artifact"];
        if ["digest", "revision", "metadata"].iter().all(|field| old[*field] == generated.artifact[*field]) {
            return Ok(false);
        }
        let existing = serde_json::from_value(live["status"]["conditions"].clone()).unwrap_or_default();
        let mut conditions = Conditions::new(existing, object::generation(&live), self.context.now());
        conditions.ready("Succeeded", "Artifact is ready");
        let status = json!({
            "artifact": generated.artifact,
            "conditions": conditions.into_list(),
        });
        StatusPatch::of(&live, MANAGER).write(cluster, &status).await?;
        Ok(true)
    }

    /// Deletes the ExternalArtifacts of an earlier spec.
    async fn remove_stale(&self, generator: &Value, generated: &[Generated]) -> Result<(), ClusterError> {
        for entry in generator["status"]["inventory"].as_array().into_iter().flatten() {
            let name = entry["name"].as_str().unwrap_or_default();
            if generated.iter().all(|generated| generated.name != name) && !name.is_empty() {
                let namespace = ObjectRef::of(generator).namespace;
                let who = ObjectRef::new(SOURCE_API, "ExternalArtifact", &namespace, name);
                self.context.cluster.delete(&who).await?;
            }
        }
        Ok(())
    }
}

impl Reconcile for GeneratorReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        let off = object::annotation(&object, "source.extensions.fluxcd.io/reconcile");
        if object::is_deleted(&object)
            || off.is_some_and(|value| {
                value.eq_ignore_ascii_case("disabled") || value.eq_ignore_ascii_case("disable")
            })
        {
            return Next::Woken;
        }
        match self.run(&object).await {
            Ok(next) => next,
            Err(error) => after_error(&ObjectRef::of(&object), &error),
        }
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let sources = object["spec"]["sources"].as_array().into_iter().flatten();
        sources
            .map(|source| {
                let text = |field: &str| source[field].as_str().unwrap_or_default();
                reference(text("kind"), source["namespace"].as_str().unwrap_or(namespace), text("name"))
            })
            .collect()
    }
}
