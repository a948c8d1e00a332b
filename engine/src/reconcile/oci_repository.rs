//! OCIRepository: a layer of an artifact in a container registry, as an artifact.

use super::context::{Context, requested_at};
use super::fetched::{self, Failure, MANAGER, UNREADABLE};
use crate::artifact::{StoredArtifact, hex};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::source::ignore;
use crate::source::oci::{self, OciAddress, OciAuth};
use crate::status::conditions::Conditions;
use crate::status::{Events, StatusPatch};
use seatrial_api::meta::Artifact;
use seatrial_api::source::{OCIRepositorySpec, OCIRepositoryStatus};
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const ORIGIN_SOURCE: &str = "org.opencontainers.image.source";
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

/// Reconciles OCIRepositories.
pub(crate) struct OciRepositoryReconciler {
    context: Arc<Context>,
    events: Events,
}

impl OciRepositoryReconciler {
    pub(crate) fn new(context: Arc<Context>) -> OciRepositoryReconciler {
        let events = context.events(MANAGER);
        OciRepositoryReconciler { context, events }
    }

    /// Gives when to look again: after this time, or none after a failure.
    async fn run(&self, object: &Value, stamps: &mut Vec<Stamp>) -> Result<Option<Duration>, ClusterError> {
        let cluster = &self.context.cluster;
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut status: OCIRepositoryStatus =
            serde_json::from_value(object["status"].clone()).unwrap_or_default();
        let generation = object::generation(object);
        let mut conditions =
            Conditions::new(std::mem::take(&mut status.conditions), generation, self.context.now());
        let (result, interval) = match serde_json::from_value::<OCIRepositorySpec>(object["spec"].clone()) {
            Ok(spec) => (self.fetch(object, &spec, &mut status, stamps).await, spec.interval.to_std()),
            Err(error) => (Err(Failure::stalled("InvalidSpec", error.to_string())), UNREADABLE),
        };
        if let Some(at) = requested_at(object) {
            status.last_handled_reconcile_at = Some(at);
        }
        let retries = result.as_ref().is_err_and(|failure| !failure.stalled);
        let revision = status.artifact.as_ref().map_or("", |artifact| &artifact.revision);
        let (event, observed) = fetched::conclude(&mut conditions, revision, result);
        if observed {
            status.observed_generation = Some(generation);
        }
        status.conditions = conditions.into_list();
        patch.write(cluster, &status).await?;
        self.context.published(&ObjectRef::of(object));
        if let Some((severity, reason, message)) = event {
            self.events.write(cluster, object, severity, reason, &message, &[]).await;
        }
        Ok((!retries).then_some(interval))
    }

    /// Makes the artifact of `status` what the reference stands for; gives the text of the event if it is new.
    async fn fetch(
        &self,
        object: &Value,
        spec: &OCIRepositorySpec,
        status: &mut OCIRepositoryStatus,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Option<String>, Failure> {
        refuse_unsupported(spec)?;
        let who = ObjectRef::of(object);
        let registries = &*self.context.registries;
        if spec.secret_ref.is_some() || spec.service_account_name.is_some() {
            stamps.extend(self.context.cluster_stamps());
        }
        stamps.extend(registries.changes().iter().map(Signal::stamp));
        let at = oci::address(&spec.url, spec.insecure).map_err(|problem| {
            Failure::stalled("URLInvalid", format!("URL validation failed for '{}': {problem}", spec.url))
        })?;
        let auth = self.auth(&who.namespace, spec, &at.host).await?;
        let at = OciAddress { auth, ..at };
        let limit = spec.timeout.map_or(Duration::from_secs(60), |timeout| timeout.to_std());
        let work = self.pull(&at, spec);
        let (found, artifact, metadata) = self.context.clock.timeout(limit, work).await.map_err(|_| {
            let message = format!("failed to pull artifact from '{}': context deadline exceeded", spec.url);
            Failure::new("OCIArtifactPullFailed", message)
        })??;
        let old = status.artifact.as_ref();
        let is_same = old.is_some_and(|old| {
            old.revision == found.revision && old.digest.as_deref() == Some(artifact.digest.as_str())
        });
        status.observed_ignore.clone_from(&spec.ignore);
        status.observed_layer_selector.clone_from(&spec.layer_selector);
        if is_same {
            return Ok(None);
        }
        let storage = "http://source-controller.flux-system.svc.cluster.local.";
        let folder = format!("ocirepository/{}/{}", who.namespace, who.name);
        let path = format!("{folder}/{}.tar.gz", found.digest.trim_start_matches("sha256:"));
        let mut event = format!("stored artifact with revision '{}' from '{}'", found.revision, spec.url);
        if let (Some(source), Some(revision)) = (metadata.get(ORIGIN_SOURCE), metadata.get(ORIGIN_REVISION)) {
            event.push_str(&format!(", origin source '{source}', origin revision '{revision}'"));
        }
        status.url = Some(format!("{storage}/{folder}/latest.tar.gz"));
        status.artifact = Some(Artifact {
            digest: Some(artifact.digest),
            last_update_time: self.context.now(),
            metadata: (!metadata.is_empty()).then_some(metadata),
            url: format!("{storage}/{path}"),
            path,
            revision: found.revision,
            size: Some(artifact.size),
        });
        Ok(Some(event))
    }

    /// Finds the artifact, and pulls it where no cluster of the run has done so before.
    async fn pull(
        &self,
        at: &OciAddress,
        spec: &OCIRepositorySpec,
    ) -> Result<(oci::Found, StoredArtifact, BTreeMap<String, String>), Failure> {
        let registries = &*self.context.registries;
        let failed = |error: oci::PullError| Failure::new(error.reason(), error.to_string());
        let reference = spec.reference.clone().unwrap_or_default();
        let found = oci::resolve(registries, at, &spec.url, &reference).await.map_err(failed)?;
        let selector = spec.layer_selector.clone().unwrap_or_default();
        let store = &self.context.artifacts;
        let rules = hex(&Sha256::digest(format!("{:?} {selector:?}", spec.ignore)));
        let key = format!("{} {rules}", found.digest);
        if let Some((artifact, metadata)) = store.fetched(&key) {
            return Ok((found, artifact, metadata));
        }
        let media_type = selector.media_type.as_deref();
        let pulled = oci::pull(registries, at, &spec.url, &found, media_type).await.map_err(failed)?;
        let tree = oci::unpack(&pulled.layer).map_err(|error| {
            let message = format!("failed to extract layer contents from artifact: {error}");
            Failure::new("OCIArtifactLayerOperationFailed", message)
        })?;
        let artifact = match selector.operation.as_deref() {
            // The layer is the artifact, as it is.
            Some("copy") => {
                let size = i64::try_from(pulled.layer.len()).unwrap_or(i64::MAX);
                store.store_archive(pulled.digest, size, tree)
            }
            _ => store.store(ignore::kept(&tree, spec.ignore.as_deref())),
        };
        store.remember(key, &artifact, pulled.annotations.clone());
        Ok((found, artifact, pulled.annotations))
    }

    /// The credentials of the Secret; without one, those of the service account's pull secrets.
    async fn auth(&self, namespace: &str, spec: &OCIRepositorySpec, host: &str) -> Result<OciAuth, Failure> {
        let mut secrets: Vec<String> = spec.secret_ref.iter().map(|secret| secret.name.clone()).collect();
        if let Some(name) = spec.service_account_name.as_deref().filter(|name| !name.is_empty()) {
            let account = ObjectRef::new("v1", "ServiceAccount", namespace, name);
            let found = self.context.cluster.get(&account).await.map_err(|error| {
                let message = format!("failed to get service account '{namespace}/{name}': {error}");
                Failure::new("AuthenticationFailed", message)
            })?;
            let listed = found["imagePullSecrets"].as_array().into_iter().flatten();
            secrets.extend(listed.filter_map(|secret| secret["name"].as_str()).map(str::to_owned));
        }
        for name in secrets {
            let secret = fetched::secret(&self.context, namespace, &name).await?;
            let auth = oci::credentials(&secret, host);
            if auth != OciAuth::None {
                return Ok(auth);
            }
        }
        Ok(OciAuth::None)
    }
}

fn refuse_unsupported(spec: &OCIRepositorySpec) -> Result<(), Failure> {
    let provider = fetched::is_other_provider(spec.provider.as_deref());
    let fields = [
        ("spec.verify", spec.verify.is_some()),
        ("spec.provider", provider),
        ("spec.certSecretRef", spec.cert_secret_ref.is_some()),
        ("spec.proxySecretRef", spec.proxy_secret_ref.is_some()),
    ];
    fetched::refuse(fields, "an OCIRepository")
}

impl Reconcile for OciRepositoryReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        if let Some(next) = fetched::before(&self.context, &object).await {
            return next;
        }
        let mut stamps = Vec::new();
        let result = self.run(&object, &mut stamps).await;
        fetched::next(&object, result, stamps)
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let secret = object["spec"]["secretRef"]["name"].as_str();
        secret.map(|name| reference("Secret", namespace, name)).into_iter().collect()
    }

    fn observe(&self, object: &Value) {
        self.context.observer.observe(object);
    }
}
