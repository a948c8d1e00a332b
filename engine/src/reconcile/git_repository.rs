//! GitRepository: a reference of a repository, as an artifact.

use super::context::{Context, after_error, has_finalizer, requested_at};
use super::unsupported::NOT_SUPPORTED;
use crate::artifact::{StoredArtifact, hex};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::source::git::{self, Content, Revision};
use crate::source::include;
use crate::source::{FetchError, GitAuth, GitError, Secret};
use crate::status::conditions::{Conditions, Status};
use crate::status::{Events, Severity, StatusPatch};
use base64::Engine as _;
use seatrial_api::meta::Artifact;
use seatrial_api::meta::condition::{ARTIFACT_IN_STORAGE, FETCH_FAILED};
use seatrial_api::source::{GitRepositorySpec, GitRepositoryStatus};
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const MANAGER: &str = "source-controller";
/// When to look again at an object that cannot be read.
const UNREADABLE: Duration = Duration::from_secs(30);

/// Reconciles GitRepositories.
pub(crate) struct GitRepositoryReconciler {
    context: Arc<Context>,
    events: Events,
}

/// Why there is no artifact.
struct Failure {
    reason: &'static str,
    message: String,
    /// Whether only a change of the object helps.
    stalled: bool,
}

impl Failure {
    fn git(error: &FetchError) -> Failure {
        let message = match error {
            FetchError::Empty => error.to_string(),
            _ => format!("failed to checkout and determine revision: {error}"),
        };
        Failure { reason: "GitOperationFailed", message, stalled: false }
    }

    fn host(error: &GitError) -> Failure {
        let reason = match error {
            GitError::AuthenticationFailed { .. } => "AuthenticationFailed",
            GitError::NotServed { .. } | GitError::Unavailable { .. } => "GitOperationFailed",
        };
        let message = format!("failed to checkout and determine revision: {error}");
        Failure { reason, message, stalled: false }
    }
}

impl GitRepositoryReconciler {
    pub(crate) fn new(context: Arc<Context>) -> GitRepositoryReconciler {
        let events = Events::new(&context.clock, MANAGER);
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
            Ok(spec) => (self.fetch(object, &spec, &mut status, stamps).await, spec.interval.to_std()),
            Err(error) => {
                let failure = Failure { reason: "InvalidSpec", message: error.to_string(), stalled: true };
                (Err(failure), UNREADABLE)
            }
        };
        if let Some(at) = requested_at(object) {
            status.last_handled_reconcile_at = Some(at);
        }
        let (event, next) = match result {
            Ok(new) => {
                let revision =
                    status.artifact.as_ref().map(|artifact| artifact.revision.clone()).unwrap_or_default();
                let message = format!("stored artifact for revision '{revision}'");
                conditions.remove(FETCH_FAILED);
                conditions.set(ARTIFACT_IN_STORAGE, Status::True, "Succeeded", message.as_str());
                conditions.ready("Succeeded", &message);
                status.observed_generation = Some(generation);
                let event = new.map(|revision| {
                    let message = format!("stored artifact for commit '{}'", revision.subject);
                    (Severity::Info, "NewArtifact", message)
                });
                (event, Some(interval))
            }
            Err(Failure { reason, message, stalled }) => {
                conditions.set(FETCH_FAILED, Status::True, reason, message.as_str());
                if stalled {
                    conditions.stalled(reason, &message);
                    status.observed_generation = Some(generation);
                } else {
                    conditions.set(
                        "Reconciling",
                        Status::True,
                        "ProgressingWithRetry",
                        "reconciliation in progress",
                    );
                    conditions.failed(reason, &message);
                }
                (Some((Severity::Error, reason, message)), stalled.then_some(interval))
            }
        };
        status.conditions = conditions.into_list();
        patch.write(cluster, &status).await?;
        if let Some((severity, reason, message)) = event {
            self.events.write(cluster, object, severity, reason, &message, &[]).await;
        }
        Ok(next)
    }

    /// Makes the artifact of `status` that of the reference's commit; gives the commit if the artifact is new.
    async fn fetch(
        &self,
        object: &Value,
        spec: &GitRepositorySpec,
        status: &mut GitRepositoryStatus,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Option<Revision>, Failure> {
        refuse_unsupported(spec)?;
        let who = ObjectRef::of(object);
        if spec.secret_ref.is_some() || !spec.include.is_empty() {
            stamps.extend(self.context.cluster_stamps());
        }
        stamps.extend(self.context.git.changes().iter().map(Signal::stamp));
        let auth = self.auth(&who.namespace, spec).await?;
        let remote = self.context.git.open(&spec.url, &auth).map_err(|error| Failure::host(&error))?;
        stamps.push(remote.changes.stamp());
        let reference = spec.reference.clone().unwrap_or_default();
        let revision = git::resolve(&remote, &spec.url, &reference).map_err(|error| Failure::git(&error))?;
        let content = Content { ignore: spec.ignore.as_deref(), sparse: &spec.sparse_checkout };
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
        let rules = format!("{:?} {:?}", content.ignore, content.sparse);
        let key = format!("{} {}", revision.commit, hex(&Sha256::digest(rules)));
        if let Some(known) = store.fetched(&key) {
            return Ok(known);
        }
        let tree = git::tree(remote, &revision.commit, content, &store.blobs);
        let tree = tree.map_err(|error| Failure::git(&error))?;
        let artifact = store.store(tree);
        store.remember(key, &artifact);
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
            let found = self.context.cluster.get(&other).await;
            let found = found.ok().and_then(|found| {
                let artifact: Artifact = serde_json::from_value(found["status"]["artifact"].clone()).ok()?;
                let stored = self.context.artifacts.get(artifact.digest.as_deref()?)?;
                Some((artifact, stored))
            });
            let (artifact, stored) = found.ok_or_else(|| Failure {
                reason: "NotFound",
                message: format!("no artifact available for include '{}'", rule.repository.name),
                stalled: false,
            })?;
            tree = include::include(&tree, &stored.tree, rule);
            included.push(artifact);
        }
        let artifact = if included.is_empty() { artifact } else { self.context.artifacts.store(tree) };
        Ok((artifact, included))
    }

    async fn auth(&self, namespace: &str, spec: &GitRepositorySpec) -> Result<GitAuth, Failure> {
        let Some(secret) = &spec.secret_ref else { return Ok(GitAuth::None) };
        let failed = |message: String| Failure { reason: "AuthenticationFailed", message, stalled: false };
        let found = self.context.cluster.get(&ObjectRef::new("v1", "Secret", namespace, &secret.name)).await;
        let found = found.map_err(|error| {
            failed(format!("failed to get secret '{namespace}/{}': {error}", secret.name))
        })?;
        let value = |key: &str| {
            let encoded = found["data"][key].as_str()?;
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        if spec.url.starts_with("ssh://") {
            return match (value("identity"), value("known_hosts")) {
                (Some(identity), Some(known_hosts)) => {
                    Ok(GitAuth::Ssh { identity: Secret(identity), known_hosts })
                }
                (None, _) => Err(failed(format!(
                    "invalid '{namespace}/{}' secret data: key 'identity' not found",
                    secret.name
                ))),
                (_, None) => Err(failed(format!(
                    "invalid '{namespace}/{}' secret data: key 'known_hosts' not found",
                    secret.name
                ))),
            };
        }
        Ok(match (value("bearerToken"), value("username"), value("password")) {
            (Some(token), _, _) => GitAuth::Bearer { token: Secret(token) },
            (None, Some(username), Some(password)) => GitAuth::Basic { username, password: Secret(password) },
            (None, None, None) => GitAuth::None,
            _ => {
                return Err(failed(format!(
                    "invalid '{namespace}/{}' secret data: required fields 'username' and 'password'",
                    secret.name
                )));
            }
        })
    }
}

fn refuse_unsupported(spec: &GitRepositorySpec) -> Result<(), Failure> {
    let provider = spec.provider.as_deref().is_some_and(|provider| provider != "generic");
    let fields = [
        ("spec.verify", spec.verify.is_some()),
        ("spec.recurseSubmodules", spec.recurse_submodules),
        ("spec.proxySecretRef", spec.proxy_secret_ref.is_some()),
        ("spec.provider", provider),
        ("spec.serviceAccountName", spec.service_account_name.is_some()),
    ];
    match fields.into_iter().find(|(_, used)| *used) {
        Some((field, _)) => {
            let message = format!("Seatrial does not support {field} of a GitRepository yet");
            Err(Failure { reason: NOT_SUPPORTED, message, stalled: true })
        }
        None => Ok(()),
    }
}

impl Reconcile for GitRepositoryReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        let who = ObjectRef::of(&object);
        if object::is_deleted(&object) {
            self.context.observer.forget(&who);
            return match self.context.remove_finalizer(&object, MANAGER).await {
                Ok(()) => Next::Woken,
                Err(error) => after_error(&who, &error),
            };
        }
        if !has_finalizer(&object) {
            return match self.context.add_finalizer(&object, MANAGER).await {
                Ok(()) => Next::Now,
                Err(error) => after_error(&who, &error),
            };
        }
        if object["spec"]["suspend"] == true {
            return Next::Woken;
        }
        let mut stamps = Vec::new();
        match self.run(&object, &mut stamps).await {
            Ok(Some(next)) => Next::Idle(next, stamps),
            Ok(None) => Next::Backoff(stamps),
            Err(error) => after_error(&who, &error),
        }
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let includes = object["spec"]["include"].as_array().into_iter().flatten();
        includes
            .filter_map(|include| include["repository"]["name"].as_str())
            .map(|name| reference("GitRepository", namespace, name))
            .chain(
                object["spec"]["secretRef"]["name"].as_str().map(|name| reference("Secret", namespace, name)),
            )
            .collect()
    }

    fn observe(&self, object: &Value) {
        self.context.observer.observe(object);
    }
}
