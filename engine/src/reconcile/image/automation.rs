//! ImageUpdateAutomation: what policies took is written into files, committed and pushed.
//!
//! # Flow
//! source -> policies -> checkout -> setter -> message -> commit -> push. A commit is made only where a file changes. Where
//! the branch has moved meanwhile, everything is worked out again from its new tip.

use super::spec::{AutomationSpec, GitSpec};
use super::{Failure, before, keep_time, policies_of, policy, put, status_of};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::reconcile::context::{Context, after_error, requested_at};
use crate::reconcile::fetched;
use crate::reconcile::git_repository::GitRepositoryReconciler;
use crate::reconcile::image::repository::fail;
use crate::source::git::{self, Revision};
use crate::source::push::{self, Draft};
use crate::source::verify::SigningKey;
use crate::source::{FetchError, GitAccess, GitError, GitPush, GitPushError, GitRemote, RefUpdate};
use crate::status::conditions::Status;
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::FluxRelease;
use seatrial_api::meta::condition::READY;
use seatrial_api::source::{GitRepositoryRef, GitRepositorySpec};
use seatrial_image::message::{Generation, MessageError, message};
use seatrial_image::setter::{self, Policies};
use seatrial_image::{Image, Update};
use seatrial_time::{Signal, Stamp};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Who writes the statuses.
const MANAGER: &str = "image-automation-controller";
/// How often an update is worked out again because the branch has moved.
const ATTEMPTS: usize = 5;

/// Reconciles ImageUpdateAutomations.
pub(crate) struct AutomationReconciler {
    context: Arc<Context>,
    events: Events,
    sources: GitRepositoryReconciler,
}

/// Where an automation works.
struct Place {
    url: String,
    access: GitAccess,
    reference: GitRepositoryRef,
    timeout: Duration,
    branch: String,
}

/// What an update came to.
struct Done {
    /// The revision that was checked out, or, where the same branch got it, the one that was pushed.
    revision: String,
    policies: BTreeMap<String, Image>,
    pushed: Option<Pushed>,
}

struct Pushed {
    commit: String,
    branch: Option<String>,
    refspec: String,
    message: String,
}

impl AutomationReconciler {
    pub(crate) fn new(context: Arc<Context>) -> AutomationReconciler {
        let events = Events::new(&context.clock, MANAGER);
        let sources = GitRepositoryReconciler::new(context.clone());
        AutomationReconciler { context, events, sources }
    }

    fn is_old(&self) -> bool {
        self.context.flux < FluxRelease::V2_9
    }

    async fn run(&self, object: &Value) -> Result<Next, ClusterError> {
        let context = &self.context;
        let (mut status, mut conditions) = status_of(context, object);
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut stamps = context.cluster_stamps();
        let (result, interval) = match serde_json::from_value::<AutomationSpec>(object["spec"].clone()) {
            Ok(spec) => (self.update(object, &spec, &mut stamps).await, spec.interval.to_std()),
            Err(error) => (Err(Failure::stalled("InvalidSpec", error.to_string())), Duration::ZERO),
        };
        put(&mut status, "lastHandledReconcileAt", requested_at(object).map(Value::from));
        put(&mut status, "lastAutomationRunTime", Some(context.now().into()));
        let generation = Some(object::generation(object).into());
        let (event, next) = match result {
            Ok(done) => {
                put(&mut status, "observedGeneration", generation);
                let (reason, text, event) = self.tell(&mut status, &done);
                let was_ready = conditions.is(READY, Status::True);
                conditions.ready(reason, &text);
                let event = match event {
                    Some(event) => Some(event),
                    None if self.is_old() || was_ready => None,
                    None => Some((Severity::Info, reason, text)),
                };
                (event, Next::Idle(interval, stamps))
            }
            Err(mut failure) => {
                if self.is_old() && failure.reason != crate::reconcile::unsupported::NOT_SUPPORTED {
                    failure.reason = "ReconciliationFailed";
                }
                if failure.stalled {
                    put(&mut status, "observedGeneration", generation);
                }
                let next = fail(&mut conditions, &failure, stamps);
                let reason = if self.is_old() { "error" } else { failure.reason };
                (Some((Severity::Error, reason, failure.message)), next)
            }
        };
        status["conditions"] = serde_json::to_value(conditions.into_list()).unwrap_or_default();
        keep_time(object, &mut status, "/lastAutomationRunTime");
        patch.write(&context.cluster, &status).await?;
        if let Some((severity, reason, message)) = event {
            self.events.write(&context.cluster, object, severity, reason, &message, &[]).await;
        }
        Ok(next)
    }

    /// Writes what was done into the status; gives reason and message of the condition, and the event of a push.
    fn tell(
        &self,
        status: &mut Value,
        done: &Done,
    ) -> (&'static str, String, Option<(Severity, &'static str, String)>) {
        if let Some(pushed) = &done.pushed {
            status["lastPushCommit"] = pushed.commit.clone().into();
            status["lastPushTime"] = self.context.now().into();
        }
        let last = status["lastPushCommit"].as_str().map(|commit| commit.chars().take(7).collect::<String>());
        if !self.is_old() {
            let policies: Map<String, Value> =
                done.policies.iter().map(|(name, image)| (name.clone(), shown(image))).collect();
            put(status, "observedPolicies", (!policies.is_empty()).then_some(policies.into()));
            status["observedSourceRevision"] = done.revision.clone().into();
            let event = done.pushed.as_ref().map(|pushed| {
                let short: String = pushed.commit.chars().take(7).collect();
                let to = match (&pushed.branch, pushed.refspec.as_str()) {
                    (Some(branch), "") => format!("to branch '{branch}'"),
                    (Some(branch), refspec) => format!("to branch '{branch}' and using refspec '{refspec}'"),
                    (None, refspec) => format!("using refspec '{refspec}'"),
                };
                (Severity::Info, "Succeeded", format!("pushed commit '{short}' {to}\n{}", pushed.message))
            });
            return ("Succeeded", "repository up-to-date".to_owned(), event);
        }
        const REASON: &str = "ReconciliationSucceeded";
        let Some(pushed) = &done.pushed else {
            let text = match (last, status["lastPushTime"].as_str()) {
                (Some(commit), Some(time)) => format!("no updates made; last commit {commit} at {time}"),
                _ => "no updates made".to_owned(),
            };
            return (REASON, text, None);
        };
        let mut text = format!("committed and pushed commit '{}'", pushed.commit);
        if let Some(branch) = &pushed.branch {
            text.push_str(&format!(" to branch '{branch}'"));
        }
        if !pushed.refspec.is_empty() {
            text.push_str(&format!(" using refspec '{}'", pushed.refspec));
        }
        let target = pushed.branch.as_deref().unwrap_or(&pushed.refspec);
        let event = format!("Committed and pushed change {} to {target}\n{}", pushed.commit, pushed.message);
        (REASON, text, Some((Severity::Info, "info", event)))
    }

    async fn update(
        &self,
        object: &Value,
        spec: &AutomationSpec,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Done, Failure> {
        let who = ObjectRef::of(object);
        let git = check(spec)?;
        let place = self.place(&who, spec, git).await?;
        let signer = self.signer(&who, git).await?;
        let (policies, images) = self.policies(&who, spec).await?;
        let hosts = &*self.context.git;
        stamps.extend(hosts.changes().iter().map(Signal::stamp));
        let mut left = ATTEMPTS;
        loop {
            let reach = hosts.reach(&place.url, &place.access);
            let remote = self.context.clock.timeout(place.timeout, reach).await.unwrap_or_else(|_| {
                let message = "context deadline exceeded".to_owned();
                Err(GitError::Unavailable { url: place.url.clone(), message })
            });
            let remote = remote.map_err(|error| unreadable(&error.to_string()))?;
            let stamp = remote.changes.stamp();
            let made = self.attempt(&who, spec, git, &place, &remote, &policies, signer.as_ref());
            match made? {
                Made::Nothing(revision) => {
                    stamps.push(stamp);
                    return Ok(Done { revision, policies: images, pushed: None });
                }
                Made::Commit { revision, push, pushed } => {
                    let sending = hosts.push(&place.url, &place.access, &push);
                    let sent =
                        self.context.clock.timeout(place.timeout, sending).await.unwrap_or_else(|_| {
                            Err(GitPushError::Unavailable { message: "context deadline exceeded".to_owned() })
                        });
                    match sent {
                        Ok(()) => {
                            stamps.push(remote.changes.stamp());
                            return Ok(Done { revision, policies: images, pushed: Some(pushed) });
                        }
                        Err(GitPushError::Moved { .. }) if left > 1 => left -= 1,
                        Err(error) => {
                            stamps.push(stamp);
                            let message = format!("failed to push to remote: {error}");
                            return Err(Failure::new("GitOperationFailed", message));
                        }
                    }
                }
            }
            self.context.clock.turn().await;
        }
    }

    /// The repository, and the branches.
    async fn place(&self, who: &ObjectRef, spec: &AutomationSpec, git: &GitSpec) -> Result<Place, Failure> {
        let source = &spec.source_ref;
        let namespace = if source.namespace.is_empty() { &who.namespace } else { &source.namespace };
        let wanted = ObjectRef::new(SOURCE_API, "GitRepository", namespace, &source.name);
        let failed = |message: String| Failure::new("SourceManagerFailed", message);
        let found = self.context.cluster.find(&wanted).await.map_err(|error| failed(error.to_string()))?;
        let found = found.ok_or_else(|| {
            failed(match self.is_old() {
                true => "referenced git repository is missing".to_owned(),
                false => format!(
                    "failed to get source: GitRepository.source.toolkit.fluxcd.io \"{}\" not found",
                    source.name
                ),
            })
        })?;
        let repository: GitRepositorySpec = serde_json::from_value(found["spec"].clone())
            .map_err(|error| Failure::stalled("InvalidSourceConfiguration", error.to_string()))?;
        let access = self.sources.access(namespace, &repository).await;
        let access = access.map_err(|failure| {
            let message = format!(
                "failed to get authentication for GitRepository '{namespace}/{}': {}",
                source.name, failure.message
            );
            failed(message)
        })?;
        let reference = match &git.checkout {
            Some(checkout) => checkout.reference.clone(),
            None => repository.reference.clone().unwrap_or_default(),
        };
        let branch = match git.push.branch.as_str() {
            "" => checkout_branch(&reference).ok_or_else(|| {
                let message = "Push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref";
                Failure::stalled("InvalidSourceConfiguration", message)
            })?,
            branch => branch.to_owned(),
        };
        let timeout = repository.timeout.map_or(Duration::from_secs(60), |timeout| timeout.to_std());
        Ok(Place { url: repository.url, access, reference, timeout, branch })
    }

    /// What commits are signed with.
    async fn signer(&self, who: &ObjectRef, git: &GitSpec) -> Result<Option<SigningKey>, Failure> {
        let Some(key) = &git.commit.signing_key else { return Ok(None) };
        if self.is_old() || key.type_ != "ssh" {
            let what = "spec.git.commit.signingKey of type gpg of an ImageUpdateAutomation";
            return Err(Failure::not_supported(what));
        }
        let name = &key.secret_ref.name;
        let failed = |problem: String| {
            let place = format!("'{}/{name}'", who.namespace);
            Failure::new(
                "GitOperationFailed",
                format!("failed to get signing key from Secret {place}: {problem}"),
            )
        };
        let secret = self.context.cluster.get(&ObjectRef::new("v1", "Secret", &who.namespace, name)).await;
        let data = fetched::data(&*secret.map_err(|error| failed(error.to_string()))?);
        let identity = data.get("identity").ok_or_else(|| failed("key 'identity' not found".to_owned()))?;
        SigningKey::parse(&String::from_utf8_lossy(identity)).map(Some).map_err(failed)
    }

    /// What the policies of the namespace took: by the names that markers have, and by their own.
    async fn policies(
        &self,
        who: &ObjectRef,
        spec: &AutomationSpec,
    ) -> Result<(Policies, BTreeMap<String, Image>), Failure> {
        let version = if self.is_old() { "v1beta2" } else { "v1" };
        let path =
            format!("/apis/image.toolkit.fluxcd.io/{version}/namespaces/{}/imagepolicies", who.namespace);
        let listed = self.context.cluster.read(&path).await;
        let listed = listed.map_err(|error| {
            Failure::new("SourceManagerFailed", format!("failed to list policies: {error}"))
        })?;
        let (mut policies, mut images) = (Policies::new(), BTreeMap::new());
        for item in listed["items"].as_array().into_iter().flatten() {
            if let Some(selector) = &spec.policy_selector {
                let selected = selector.selects(item).map_err(|problem| {
                    Failure::stalled(
                        "InvalidPolicySelector",
                        format!("failed to parse policy selector: {problem}"),
                    )
                })?;
                if !selected {
                    continue;
                }
            }
            let Some(image) = policy::latest(self.context.flux, &item["status"]) else { continue };
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            policies.insert(format!("{}:{name}", who.namespace), image.clone());
            images.insert(name.to_owned(), image);
        }
        Ok((policies, images))
    }

    /// One update, up to the push.
    #[allow(clippy::too_many_arguments, reason = "an update has that many parts")]
    fn attempt(
        &self,
        who: &ObjectRef,
        spec: &AutomationSpec,
        git: &GitSpec,
        place: &Place,
        remote: &GitRemote,
        policies: &Policies,
        signer: Option<&SigningKey>,
    ) -> Result<Made, Failure> {
        let broken = |error: FetchError| unreadable(&error.to_string());
        let revision = git::resolve(remote, &place.url, &place.reference).map_err(broken)?;
        let folder = spec.update.as_ref().map_or("", |update| update.path.as_str());
        let files = push::yaml_files(remote, &revision.commit, folder).map_err(broken)?;
        let files = files.ok_or_else(|| {
            Failure::new(
                "UpdateFailed",
                format!("failed to update source: path '{folder}' not found in repository"),
            )
        })?;
        let all = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
        let update = setter::update(all, "", policies).map_err(|error| {
            Failure::new("UpdateFailed", format!("failed to update source: failed to {error}"))
        })?;
        // The template is looked at even where nothing changes: what is wrong with it shows at once.
        let text = self.message(who, git, &update)?;
        if update.files.is_empty() {
            return Ok(Made::Nothing(revision.text));
        }
        self.commit(git, place, remote, &revision, &update, text, signer)
    }

    fn message(&self, who: &ObjectRef, git: &GitSpec, update: &Update) -> Result<String, Failure> {
        let generation = if self.is_old() { Generation::Updated } else { Generation::Changed };
        let names = (who.namespace.as_str(), who.name.as_str());
        let values = &git.commit.message_template_values;
        if self.is_old() && !values.is_empty() {
            let what = "spec.git.commit.messageTemplateValues of an ImageUpdateAutomation in Flux 2.2.3";
            return Err(Failure::not_supported(what));
        }
        message(&git.commit.message_template, names, update, values, generation).map_err(
            |error| match error {
                MessageError::RemovedField => Failure::stalled("RemovedTemplateField", error.to_string()),
                MessageError::Template(_) => {
                    let context = "unable to create commit message from template";
                    Failure::new("GitOperationFailed", format!("{context}: {error}"))
                }
            },
        )
    }

    #[allow(clippy::too_many_arguments, reason = "a commit has that many parts")]
    fn commit(
        &self,
        git: &GitSpec,
        place: &Place,
        remote: &GitRemote,
        revision: &Revision,
        update: &Update,
        text: String,
        signer: Option<&SigningKey>,
    ) -> Result<Made, Failure> {
        let broken = |error: FetchError| unreadable(&error.to_string());
        let author = &git.commit.author;
        let draft = Draft {
            parent: &revision.commit,
            files: &update.files,
            message: &text,
            author: (&author.name, &author.email),
            time: self.context.clock.now().as_second(),
            sign: signer,
        };
        let same = checkout_branch(&place.reference).as_deref() == Some(place.branch.as_str());
        let expected = push::tip(remote, &place.branch).map_err(broken)?;
        if let (Some(tip), false) = (&expected, same)
            && push::is_made(remote, tip, &draft).map_err(broken)?
        {
            // The push branch has this update on this commit already.
            return Ok(Made::Nothing(revision.text.clone()));
        }
        let commit = push::write(remote, &draft)
            .map_err(|error| Failure::new("GitOperationFailed", format!("failed to commit: {error}")))?;
        let reference = format!("refs/heads/{}", place.branch);
        // Another branch than the one that was checked out is made anew each time.
        let mut updates = vec![RefUpdate { reference, expected, force: !same }];
        if !git.push.refspec.is_empty() {
            let target = refspec_target(&git.push.refspec)?;
            let now = push::reference(remote, &target).map_err(broken)?;
            updates.push(RefUpdate { reference: target, expected: now, force: false });
        }
        let observed = if same { format!("{}@sha1:{commit}", place.branch) } else { revision.text.clone() };
        let push = GitPush { commit: commit.clone(), updates, options: git.push.options.clone() };
        let pushed = Pushed {
            commit,
            branch: Some(place.branch.clone()),
            refspec: git.push.refspec.clone(),
            message: text,
        };
        Ok(Made::Commit { revision: observed, push, pushed })
    }
}

/// What an attempt came to.
enum Made {
    /// Nothing is to be done; at this revision.
    Nothing(String),
    /// A commit that is to be pushed.
    Commit { revision: String, push: GitPush, pushed: Pushed },
}

/// The API version of sources.
const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";

fn shown(image: &Image) -> Value {
    let mut shown = json!({ "name": image.name, "tag": image.tag });
    if let Some(digest) = &image.digest {
        shown["digest"] = digest.as_str().into();
    }
    shown
}

fn unreadable(problem: &str) -> Failure {
    Failure::new("GitOperationFailed", format!("failed to checkout source: {problem}"))
}

/// The branch that a reference checks out, if it is one.
fn checkout_branch(reference: &GitRepositoryRef) -> Option<String> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    if let Some(branch) = given(&reference.branch) {
        return Some(branch);
    }
    if let Some(name) = given(&reference.name) {
        return name.strip_prefix("refs/heads/").map(str::to_owned);
    }
    let other = [&reference.commit, &reference.semver, &reference.tag]
        .into_iter()
        .any(|value| given(value).is_some());
    (!other).then(|| "master".to_owned())
}

/// The reference that a refspec writes.
fn refspec_target(refspec: &str) -> Result<String, Failure> {
    let invalid = || Failure::stalled("InvalidSourceConfiguration", format!("invalid refspec '{refspec}'"));
    let (source, target) = refspec.split_once(':').ok_or_else(invalid)?;
    let valid = !source.is_empty() && !source.starts_with('+') && git2::Reference::is_valid_name(target);
    if valid { Ok(target.to_owned()) } else { Err(invalid()) }
}

/// Refuses what is not supported; gives the Git specification.
fn check(spec: &AutomationSpec) -> Result<&GitSpec, Failure> {
    if !matches!(spec.source_ref.kind.as_str(), "" | "GitRepository") {
        let message = format!("source kind '{}' not supported", spec.source_ref.kind);
        return Err(Failure::stalled("InvalidSourceConfiguration", message));
    }
    let strategy = spec.update.as_ref().map_or("", |update| update.strategy.as_str());
    if !matches!(strategy, "" | "Setters") {
        let message = format!("unknown update strategy: {strategy}");
        return Err(Failure::stalled("InvalidUpdateStrategy", message));
    }
    let git = spec
        .git
        .as_ref()
        .ok_or_else(|| Failure::stalled("InvalidSourceConfiguration", "no git spec provided".to_owned()))?;
    Ok(git)
}

impl Reconcile for AutomationReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        if let Some(next) = before(&self.context, &object, MANAGER).await {
            return next;
        }
        self.run(&object).await.unwrap_or_else(|error| after_error(&ObjectRef::of(&object), &error))
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let source = &object["spec"]["sourceRef"];
        let namespace = source["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or(own);
        let source = source["name"].as_str().map(|name| reference("GitRepository", namespace, name));
        source.into_iter().chain([policies_of(own)]).collect()
    }
}
