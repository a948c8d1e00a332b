//! ImageUpdateAutomation: what policies took is written into files, committed and pushed.
//!
//! # Flow
//! source -> policies -> checkout -> setter -> message -> commit -> push. A commit is made only where a file changes. Where
//! the branch has moved meanwhile, everything is worked out again from its new tip.

mod attempt;
mod place;
mod signer;
mod tell;

use self::attempt::{Attempt, Made, not_pushed, unreadable};
use self::place::{NO_SOURCE, check};
use self::signer::OpenKeys;
use super::spec::AutomationSpec;
use super::{Failure, before, keep_time, policies_of, put, status_of};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::reconcile::context::{Context, after_error, requested_at};
use crate::reconcile::git_repository::GitRepositoryReconciler;
use crate::reconcile::image::repository::fail;
use crate::reconcile::unsupported::NOT_SUPPORTED;
use crate::source::{GitError, GitPushError};
use crate::status::conditions::Status;
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::FluxRelease;
use seatrial_api::meta::condition::READY;
use seatrial_image::Image;
use seatrial_time::{Signal, Stamp};
use serde_json::Value;
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
    keys: OpenKeys,
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
    branch: String,
    refspec: String,
    message: String,
}

impl AutomationReconciler {
    pub(crate) fn new(context: Arc<Context>) -> AutomationReconciler {
        let events = context.events(MANAGER);
        let sources = GitRepositoryReconciler::new(context.clone());
        AutomationReconciler { context, events, sources, keys: OpenKeys::default() }
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
        let generation = Some(object::generation(object).into());
        let (event, next) = match result {
            Ok(done) => {
                put(&mut status, "observedGeneration", generation);
                let told = self.tell(&mut status, &done);
                let was_ready = conditions.is(READY, Status::True);
                conditions.ready(told.reason, &told.text);
                let event = match told.event {
                    Some(event) => Some(event),
                    None if self.is_old() || was_ready => None,
                    None => Some((Severity::Info, told.reason, told.text)),
                };
                (event, Next::Idle(interval, stamps))
            }
            Err(failure) if failure.reason == NO_SOURCE => {
                conditions.failed(NO_SOURCE, &failure.message);
                (None, Next::Woken)
            }
            Err(mut failure) => {
                if self.is_old() && failure.reason != NOT_SUPPORTED {
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

    async fn update(
        &self,
        object: &Value,
        spec: &AutomationSpec,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Done, Failure> {
        let who = &ObjectRef::of(object);
        let git = check(spec)?;
        if self.is_old() && !git.commit.message_template_values.is_empty() {
            let what = "spec.git.commit.messageTemplateValues of an ImageUpdateAutomation in Flux 2.2.3";
            return Err(Failure::not_supported(what));
        }
        let hosts = &*self.context.git;
        stamps.extend(hosts.changes().iter().map(Signal::stamp));
        let place = &self.place(who, spec, git).await?;
        let signer = self.signer(who, git).await?;
        let (policies, images) = self.policies(who, spec).await?;
        let attempt = Attempt { who, spec, git, place, policies: &policies, signer: signer.as_deref() };
        let mut left = ATTEMPTS;
        loop {
            let reach = hosts.reach(&place.url, &place.access);
            let remote = self.context.clock.timeout(place.timeout, reach).await.unwrap_or_else(|_| {
                let message = "context deadline exceeded".to_owned();
                Err(GitError::Unavailable { url: place.url.clone(), message })
            });
            let remote = remote.map_err(|error| unreadable(&error.to_string()))?;
            let stamp = remote.changes.stamp();
            let (revision, push, pushed) = match self.attempt(&attempt, &remote) {
                Ok(Made::Nothing(revision)) => {
                    stamps.push(stamp);
                    return Ok(Done { revision, policies: images, pushed: None });
                }
                Ok(Made::Commit { revision, push, pushed }) => (revision, push, pushed),
                Err(failure) => {
                    stamps.push(stamp);
                    return Err(failure);
                }
            };
            let sending = hosts.push(&place.url, &place.access, &push);
            let sent = self.context.clock.timeout(place.timeout, sending).await.unwrap_or_else(|_| {
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
                    return Err(not_pushed(&error));
                }
            }
            self.context.clock.turn().await;
        }
    }
}

impl Reconcile for AutomationReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        if let Some(next) = before(&self.context, &object, MANAGER).await {
            return next;
        }
        self.run(&object).await.unwrap_or_else(|error| after_error(&ObjectRef::of(&object), &error))
    }

    fn forget(&self, who: &ObjectRef) {
        self.keys.forget(who);
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let source = &object["spec"]["sourceRef"];
        let namespace = source["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or(own);
        let source = source["name"].as_str().map(|name| reference("GitRepository", namespace, name));
        source.into_iter().chain([policies_of(own)]).collect()
    }
}
