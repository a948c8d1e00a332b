//! GitRepository: a reference of a repository, as an artifact. [`auth`] reads its Secrets, [`verify`] checks signatures.

mod auth;
mod verify;

use super::context::{Context, requested_at};
use super::fetched::{self, Failure, MANAGER, UNREADABLE};
use crate::artifact::{StoredArtifact, hex};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::source::git::{self, Content, Revision, Submodules};
use crate::source::include;
use crate::source::{FetchError, GitError};
use crate::status::conditions::{Conditions, Status};
use crate::status::{Events, StatusPatch};
use seatrial_api::meta::Artifact;
use seatrial_api::meta::condition::SOURCE_VERIFIED;
use seatrial_api::source::{GitRepositorySpec, GitRepositoryStatus};
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Reconciles GitRepositories.
pub(crate) struct GitRepositoryReconciler {
    context: Arc<Context>,
    events: Events,
}

fn unreadable(error: &FetchError) -> Failure {
    let message = match error {
        FetchError::Empty => error.to_string(),
        _ => format!("failed to checkout and determine revision: {error}"),
    };
    Failure::new("GitOperationFailed", message)
}

/// As in reality, a server that refuses credentials is an operation that failed; `AuthenticationFailed` is for Secrets that hold
/// none.
fn unreachable(error: &GitError) -> Failure {
    Failure::new("GitOperationFailed", format!("failed to checkout and determine revision: {error}"))
}

impl GitRepositoryReconciler {
    pub(crate) fn new(context: Arc<Context>) -> GitRepositoryReconciler {
        let events = context.events(MANAGER);
        GitRepositoryReconciler { context, events }
    }

    /// Gives when to look again: after this time, or none after a failure.
    async fn run(&self, object: &Value, stamps: &mut Vec<Stamp>) -> Result<Option<Duration>, ClusterError> {
        let cluster = &self.context.cluster;
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut status: GitRepositoryStatus =
            serde_json::from_value(object["status"].clone()).unwrap_or_default();
        let generation = object::generation(object);
        let mut conditions =
            Conditions::new(std::mem::take(&mut status.conditions), generation, self.context.now());
        let (result, interval) = match serde_json::from_value::<GitRepositorySpec>(object["spec"].clone()) {
            Ok(spec) => {
                let fetched = self.fetch(object, &spec, &mut status, &mut conditions, stamps).await;
                (fetched, spec.interval.to_std())
            }
            Err(error) => (Err(Failure::stalled("InvalidSpec", error.to_string())), UNREADABLE),
        };
        if let Some(at) = requested_at(object) {
            status.last_handled_reconcile_at = Some(at);
        }
        let retries = result.as_ref().is_err_and(|failure| !failure.stalled);
        let revision = status.artifact.as_ref().map_or("", |artifact| &artifact.revision);
        let result = result
            .map(|new| new.map(|revision| format!("stored artifact for commit '{}'", revision.subject)));
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

    /// Makes the artifact of `status` that of the reference's commit; gives the commit if the artifact is new.
    async fn fetch(
        &self,
        object: &Value,
        spec: &GitRepositorySpec,
        status: &mut GitRepositoryStatus,
        conditions: &mut Conditions,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Option<Revision>, Failure> {
        refuse_unsupported(spec)?;
        let who = ObjectRef::of(object);
        let reads_secrets = [
            spec.secret_ref.is_some(),
            spec.proxy_secret_ref.is_some(),
            spec.verify.is_some(),
            !spec.include.is_empty(),
        ];
        if reads_secrets.contains(&true) {
            stamps.extend(self.context.cluster_stamps());
        }
        stamps.extend(self.context.git.changes().iter().map(Signal::stamp));
        let access = self.access(&who.namespace, spec).await?;
        let limit = spec.timeout.map_or(Duration::from_secs(60), |timeout| timeout.to_std());
        let hosts = &*self.context.git;
        let reach = hosts.reach(&spec.url, &access);
        let remote = self.context.clock.timeout(limit, reach).await.unwrap_or_else(|_| {
            let message = "context deadline exceeded".to_owned();
            Err(GitError::Unavailable { url: spec.url.clone(), message })
        });
        let remote = remote.map_err(|error| unreachable(&error))?;
        stamps.push(remote.changes.stamp());
        let reference = spec.reference.clone().unwrap_or_default();
        let revision = git::resolve(&remote, &spec.url, &reference).map_err(|error| unreadable(&error))?;
        let verified = self.verify(&who.namespace, spec, &remote, &revision).await?;
        status.source_verification_mode = verified.as_ref().map(|verified| verified.mode.clone());
        match verified {
            Some(verified) => {
                conditions.set(SOURCE_VERIFIED, Status::True, "Succeeded", verified.message);
            }
            None => conditions.remove(SOURCE_VERIFIED),
        }
        let submodules =
            spec.recurse_submodules.then(|| Submodules { hosts, url: &spec.url, access: &access });
        let content = Content { ignore: spec.ignore.as_deref(), sparse: &spec.sparse_checkout, submodules };
        let artifact = self.artifact(&remote, &revision, &content)?;
        let (artifact, included) = self.include(&who, spec, artifact).await?;
        status.included_artifacts = included;
        status.observed_include.clone_from(&spec.include);
        let old = status.artifact.as_ref();
        let is_same = old.is_some_and(|old| {
            old.revision == revision.text && old.digest.as_deref() == Some(artifact.digest.as_str())
        });
        status.observed_ignore.clone_from(&spec.ignore);
        status.observed_sparse_checkout.clone_from(&spec.sparse_checkout);
        status.observed_recurse_submodules = spec.recurse_submodules;
        if is_same {
            return Ok(None);
        }
        let path = format!("gitrepository/{}/{}/{}.tar.gz", who.namespace, who.name, revision.commit);
        status.artifact = Some(Artifact {
            digest: Some(artifact.digest),
            last_update_time: self.context.now(),
            metadata: None,
            url: format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
            path,
            revision: revision.text.clone(),
            size: Some(artifact.size),
        });
        Ok(Some(revision))
    }

    fn artifact(
        &self,
        remote: &crate::source::GitRemote,
        revision: &Revision,
        content: &Content<'_>,
    ) -> Result<StoredArtifact, Failure> {
        let store = &self.context.artifacts;
        let submodules = content.submodules.is_some();
        let rules = format!("{:?} {:?} {submodules}", content.ignore, content.sparse);
        let key = format!("{} {}", revision.commit, hex(&Sha256::digest(rules)));
        if let Some((known, _)) = store.fetched(&key) {
            return Ok(known);
        }
        let tree = git::tree(remote, &revision.commit, content, &store.blobs);
        let tree = tree.map_err(|error| unreadable(&error))?;
        let artifact = store.store(tree);
        store.remember(key, &artifact, Default::default());
        Ok(artifact)
    }

    /// The artifact with what it includes of others, and those others.
    async fn include(
        &self,
        who: &ObjectRef,
        spec: &GitRepositorySpec,
        artifact: StoredArtifact,
    ) -> Result<(StoredArtifact, Vec<Artifact>), Failure> {
        let mut tree = artifact.tree.clone();
        let mut included = Vec::new();
        for rule in &spec.include {
            let other = ObjectRef { name: rule.repository.name.clone(), ..who.clone() };
            let found = self.context.cluster.known(&other).await;
            let found = found.ok().and_then(|found| {
                let artifact: Artifact = serde_json::from_value(found["status"]["artifact"].clone()).ok()?;
                let stored = self.context.artifacts.get(artifact.digest.as_deref()?)?;
                Some((artifact, stored))
            });
            let (artifact, stored) = found.ok_or_else(|| {
                let message = format!("no artifact available for include '{}'", rule.repository.name);
                Failure::new("NotFound", message)
            })?;
            tree = include::include(&tree, &stored.tree, rule);
            included.push(artifact);
        }
        let artifact = if included.is_empty() { artifact } else { self.context.artifacts.store(tree) };
        Ok((artifact, included))
    }
}

fn refuse_unsupported(spec: &GitRepositorySpec) -> Result<(), Failure> {
    let provider = fetched::is_other_provider(spec.provider.as_deref());
    let account = spec.service_account_name.as_ref().is_some_and(|name| !name.is_empty());
    fetched::refuse([("spec.provider", provider), ("spec.serviceAccountName", account)], "a GitRepository")
}

impl Reconcile for GitRepositoryReconciler {
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
        let spec = &object["spec"];
        let secrets = [&spec["secretRef"], &spec["proxySecretRef"], &spec["verify"]["secretRef"]];
        let secrets = secrets.into_iter().filter_map(|secret| secret["name"].as_str());
        let secrets = secrets.map(|name| reference("Secret", namespace, name));
        let includes = spec["include"].as_array().into_iter().flatten();
        includes
            .filter_map(|include| include["repository"]["name"].as_str())
            .map(|name| reference("GitRepository", namespace, name))
            .chain(secrets)
            .collect()
    }

    fn observe(&self, object: &Value) {
        self.context.observer.observe(object);
    }
}
