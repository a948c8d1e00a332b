//! Brings objects to the cluster by server-side apply.
//!
//! # Flow
//! For each object of a stage: read it, plan it by a dry run, take over fields of other tools; only when all of the
//! stage is planned, apply what has drifted. Plans are made side by side; objects of one kind are applied side by side, kinds
//! one after the other.
//!
//! # Guarantees
//! An object whose plan equals what is there is not written. A stage of which one object is refused is not applied; taking fields
//! over, and the deletion of what is to be replaced, belong to the plan of an object, and have happened then.

use super::ignore::{Ignore, IgnoreError};
use super::settled::{Settled, State};
use super::{FIELD_MANAGER, GROUP, Wanted, drift, fields};
use crate::cluster::{Cluster, ClusterError};
use crate::object::{self, ObjectRef};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use seatrial_time::Clock;
use seatrial_wire::Answer;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is new.
    Created,
    /// It was changed.
    Configured,
    /// It is as it should be.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It was left alone, because it says so.
    Skipped,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Created => "created",
            Action::Configured => "configured",
            Action::Unchanged => "unchanged",
            Action::Deleted => "deleted",
            Action::Skipped => "skipped",
        })
    }
}

/// What became of which object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The object.
    pub(crate) who: ObjectRef,
    /// What became of it.
    pub(crate) action: Action,
}

/// How objects are applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApplyOptions {
    /// Deletes and creates again what cannot be changed in place.
    pub(crate) force: bool,
    /// How long an object that is replaced may take to go.
    pub(crate) timeout: Duration,
}

/// An object that could not be applied. The text is Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApplyError {
    /// The kind is namespaced and the object says no namespace.
    #[error("{who} namespace not specified: {source}")]
    NoNamespace { who: ObjectRef, source: ClusterError },
    /// What the object needs does not exist, such as its namespace.
    #[error("{who} not found: {source}")]
    NotFound { who: ObjectRef, source: ClusterError },
    /// The server refuses the object.
    #[error("{who} dry-run failed{}: {source}", .source.reason_suffix())]
    DryRun { who: ObjectRef, source: ClusterError },
    /// The object could not be read.
    #[error("{who} query failed: {source}")]
    Query { who: ObjectRef, source: ClusterError },
    /// The object passed its dry run, and was refused after all.
    #[error("{who} apply failed: {source}")]
    Apply { who: ObjectRef, source: ClusterError },
    /// The rules for ignored fields cannot be used.
    #[error("{0}")]
    Ignore(IgnoreError),
    /// An object that must be replaced does not go.
    #[error("{who} delete failed: {message}")]
    Delete { who: ObjectRef, message: String },
}

/// Applies objects to one cluster, as one identity.
pub(crate) struct Manager<'a> {
    /// The cluster.
    pub(crate) cluster: &'a Cluster,
    /// The clock.
    pub(crate) clock: &'a Clock,
    /// What was found to be as it should be.
    pub(crate) settled: &'a Settled,
    /// Fields that are left as they are.
    pub(crate) ignore: &'a Ignore,
    /// What was applied before, by all that is known: of any other object the dry run comes first, and mostly finds that it is new.
    pub(crate) known: BTreeSet<ObjectRef>,
    /// At most so many requests are under way at once, 1 at least.
    pub(crate) concurrent: usize,
}

struct Planned<'a> {
    object: Cow<'a, Wanted>,
    change: Change,
}

impl Planned<'_> {
    fn writes(&self) -> bool {
        matches!(self.change.action, Action::Created | Action::Configured)
    }
}

impl Manager<'_> {
    /// Applies one stage.
    pub(crate) async fn apply(
        &self,
        objects: &[Wanted],
        options: ApplyOptions,
    ) -> Result<Vec<Change>, ApplyError> {
        let plans: Vec<_> = objects.iter().map(|object| self.plan(object, options)).collect();
        let plans: Vec<Planned<'_>> = stream::iter(plans).buffered(self.concurrent).try_collect().await?;
        for kind in plans.chunk_by(|a, b| a.change.who.kind == b.change.who.kind) {
            let writes: Vec<_> =
                kind.iter().filter(|plan| plan.writes()).map(|plan| self.write(plan)).collect();
            stream::iter(writes).buffered(self.concurrent).try_collect::<Vec<()>>().await?;
        }
        let mut changes: Vec<Change> = plans.into_iter().map(|plan| plan.change).collect();
        for change in changes.iter_mut().filter(|change| !change.who.namespace.is_empty()) {
            // What the server answered has no namespace, whatever the manifest says.
            if !self.cluster.is_namespaced(&change.who) {
                change.who.namespace.clear();
            }
        }
        Ok(changes)
    }

    async fn write(&self, Planned { object, change }: &Planned<'_>) -> Result<(), ApplyError> {
        self.cluster
            .apply(&object.who, object.text.clone(), object.object.clone(), FIELD_MANAGER)
            .await
            .map(drop)
            .map_err(|source| ApplyError::Apply { who: change.who.clone(), source })
    }

    async fn plan<'a>(&self, wanted: &'a Wanted, options: ApplyOptions) -> Result<Planned<'a>, ApplyError> {
        let who = wanted.who.clone();
        let mut dry_run = None;
        if !self.known.contains(&who) && left_alone(&wanted.object, None).is_none() {
            let outcome = self.dry_run(wanted).await;
            if outcome.as_ref().is_ok_and(is_new) {
                let change = Change { who, action: Action::Created };
                return Ok(Planned { object: Cow::Borrowed(wanted), change });
            }
            dry_run = Some(outcome);
        }
        let found = match self.cluster.find_answer(&who).await {
            Ok(live) => live,
            Err(source @ ClusterError::NoNamespace) => return Err(ApplyError::NoNamespace { who, source }),
            Err(source @ ClusterError::NoMatch { .. }) => return Err(ApplyError::DryRun { who, source }),
            // Who may not read it is told of the dry run, where that is refused as well.
            Err(source) if source.has_code(403) => {
                let dry_run = match dry_run {
                    Some(outcome) => outcome,
                    None => self.dry_run(wanted).await,
                };
                return Err(match dry_run {
                    Err(dry_run) => refused(who, dry_run),
                    Ok(_) => ApplyError::Query { who, source },
                });
            }
            Err(source) => return Err(ApplyError::Query { who, source }),
        };
        let (action, instead) = self.decide(wanted, found, dry_run, options).await?;
        let object = instead.map_or(Cow::Borrowed(wanted), Cow::Owned);
        Ok(Planned { object, change: Change { who, action } })
    }

    /// What is to become of an object, and what is to be applied instead where fields of it are ignored.
    async fn decide(
        &self,
        wanted: &Wanted,
        found: Option<Answer>,
        mut dry_run: Option<Result<Answer, ClusterError>>,
        options: ApplyOptions,
    ) -> Result<(Action, Option<Wanted>), ApplyError> {
        let planned = |action| (action, None);
        let Wanted { who, object, text } = wanted;
        let who = who.clone();
        let state = found.as_ref().map(|found| State::of(text, found));
        if state.is_some_and(|state| self.settled.knows(&who, state)) {
            // It asked for nothing else when it was last looked at, so only the dry run can tell a difference.
            let outcome = match dry_run {
                Some(outcome) => outcome,
                None => self.dry_run(wanted).await,
            };
            if outcome.is_ok() && outcome.as_ref().ok() == found.as_ref() {
                return Ok(planned(Action::Unchanged));
            }
            dry_run = Some(outcome);
        }
        let live = found.as_ref().map(Answer::value).transpose();
        let live = live.map_err(|error| ApplyError::Query { who: who.clone(), source: error.into() })?;
        if let Some(action) = left_alone(object, live.as_deref()) {
            return Ok(planned(action));
        }
        let force = options.force || marked(object, "force", "enabled");
        let outcome = match dry_run {
            Some(outcome) => outcome,
            None => self.dry_run(wanted).await,
        };
        let outcome = match (outcome, &live) {
            (Err(error), Some(_)) if force && is_immutable(&error) => {
                self.replace(&who, options.timeout).await?;
                return match self.dry_run(wanted).await {
                    Ok(_) => Ok(planned(Action::Created)),
                    Err(source) => Err(refused(who, source)),
                };
            }
            (outcome, _) => outcome.map_err(|source| refused(who.clone(), source))?,
        };
        let Some(live) = live else { return Ok(planned(Action::Created)) };
        let takes_over = !marked(object, "ssa", "Merge") && !marked(&live, "ssa", "Merge");
        let taken = fields::takeover(&live).filter(|_| takes_over);
        let same = found.as_ref() == Some(&outcome);
        if same && taken.is_none() {
            if let Some(state) = state {
                self.settled.remember(&who, state);
            }
            return Ok(planned(Action::Unchanged));
        }
        let mut outcome = outcome.value().map_err(|error| refused(who.clone(), error.into()))?;
        let kept = self.ignore.differences(&who, object, &live, &outcome);
        if let Some(kept) = &kept {
            outcome = Arc::new(kept.planned(&outcome, &live));
        }
        if taken.is_none() && !drift::drifted(&live, &outcome) {
            return Ok(planned(Action::Unchanged));
        }
        let instead = kept.map(|kept| kept.wanted(object, &live)).transpose().map_err(ApplyError::Ignore)?;
        if let Some(patch) = taken {
            self.cluster
                .json_patch(&who, &patch, FIELD_MANAGER)
                .await
                .map_err(|source| ApplyError::Apply { who: who.clone(), source })?;
        }
        Ok((Action::Configured, instead.map(Wanted::new)))
    }

    async fn dry_run(&self, wanted: &Wanted) -> Result<Answer, ClusterError> {
        let Wanted { who, object, text } = wanted;
        self.cluster.dry_run(who, text.clone(), object.clone(), FIELD_MANAGER).await
    }

    async fn replace(&self, who: &ObjectRef, timeout: Duration) -> Result<(), ApplyError> {
        let failed = |message: String| ApplyError::Delete { who: who.clone(), message };
        self.cluster.delete(who).await.map_err(|error| failed(error.to_string()))?;
        let gone = async {
            while self.cluster.find(who).await.map_err(|error| failed(error.to_string()))?.is_some() {
                self.clock.sleep(Duration::from_secs(2)).await;
            }
            Ok(())
        };
        match self.clock.timeout(timeout, gone).await {
            Ok(gone) => gone,
            Err(_) => Err(failed("timeout waiting for its termination".to_owned())),
        }
    }
}

pub(super) fn refused(who: ObjectRef, source: ClusterError) -> ApplyError {
    match &source {
        ClusterError::NoNamespace => ApplyError::NoNamespace { who, source },
        error if error.is_not_found() => ApplyError::NotFound { who, source },
        _ => ApplyError::DryRun { who, source },
    }
}

/// Whether a dry run found nothing in place: what is not stored has no version.
fn is_new(outcome: &Answer) -> bool {
    let version =
        |object: &Value| object["metadata"]["resourceVersion"].as_str().is_some_and(|v| !v.is_empty());
    outcome.value().is_ok_and(|object| !version(&object))
}

fn is_immutable(error: &ClusterError) -> bool {
    error.has_code(422) || error.has_code(409)
}

fn marked(object: &Value, name: &str, value: &str) -> bool {
    object::marked(object, &format!("{GROUP}/{name}"), value)
}

/// What becomes of an object that, as wanted or as it is, says that it is not to be applied.
pub(super) fn left_alone(object: &Value, live: Option<&Value>) -> Option<Action> {
    let either =
        |name, value| marked(object, name, value) || live.is_some_and(|live| marked(live, name, value));
    if either("reconcile", "disabled") || either("ssa", "Ignore") {
        return Some(Action::Skipped);
    }
    // It stays managed: nothing is pruned because it was there already.
    (live.is_some() && either("ssa", "IfNotPresent")).then_some(Action::Unchanged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn with(annotation: &str, value: &str) -> Value {
        json!({ "metadata": { "annotations": { (format!("{GROUP}/{annotation}")): value } } })
    }

    #[rstest]
    #[case::reconcile_disabled(with("reconcile", "Disabled"), None, Some(Action::Skipped))]
    #[case::ignored(with("ssa", "ignore"), None, Some(Action::Skipped))]
    #[case::if_not_present_and_missing(with("ssa", "IfNotPresent"), None, None)]
    #[case::if_not_present_and_present(with("ssa", "IfNotPresent"), Some(json!({})), Some(Action::Unchanged))]
    #[case::live_says_so(json!({}), Some(with("reconcile", "disabled")), Some(Action::Skipped))]
    #[case::merge(with("ssa", "Merge"), Some(json!({})), None)]
    fn an_object_can_ask_to_be_left_alone(
        #[case] object: Value,
        #[case] live: Option<Value>,
        #[case] expected: Option<Action>,
    ) {
        assert_eq!(left_alone(&object, live.as_ref()), expected);
    }

    #[test]
    fn errors_have_fluxs_words() {
        let who = ObjectRef::new("v1", "Service", "ns", "x");
        let invalid =
            ClusterError::Refused { code: 422, reason: "Invalid".into(), message: "bad port".into() };
        assert_eq!(
            refused(who.clone(), invalid).to_string(),
            "Service/ns/x dry-run failed (Invalid): bad port"
        );
        let missing = ClusterError::Refused {
            code: 404,
            reason: "NotFound".into(),
            message: "namespaces \"ns\" not found".into(),
        };
        assert_eq!(
            refused(who.clone(), missing).to_string(),
            "Service/ns/x not found: namespaces \"ns\" not found"
        );
        let unknown = ClusterError::NoMatch { kind: "X".into(), api_version: "a/v1".into() };
        assert_eq!(
            refused(who, unknown).to_string(),
            "Service/ns/x dry-run failed: no matches for kind \"X\" in version \"a/v1\""
        );
    }
}
