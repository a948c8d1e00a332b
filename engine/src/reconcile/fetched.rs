//! What the sources that are fetched have in common: finalizer, suspension, failures, conditions, events.

use super::context::{Context, after_error, has_finalizer};
use super::unsupported::NOT_SUPPORTED;
use crate::cluster::ClusterError;
use crate::driver::Next;
use crate::object::{self, ObjectRef};
use crate::status::Severity;
use crate::status::conditions::{Conditions, Status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_api::meta::condition::{ARTIFACT_IN_STORAGE, FETCH_FAILED, RECONCILING, SOURCE_VERIFIED};
use seatrial_time::Stamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Who writes the statuses of sources.
pub(super) const MANAGER: &str = "source-controller";
/// When to look again at an object that cannot be read.
pub(super) const UNREADABLE: Duration = Duration::from_secs(30);

/// Why there is no artifact.
#[derive(Debug)]
pub(in crate::reconcile) struct Failure {
    /// Reason of the conditions.
    pub(super) reason: &'static str,
    /// Message of the conditions.
    pub(super) message: String,
    /// Whether only a change of the object helps.
    pub(super) stalled: bool,
    /// Whether what was fetched is not signed as it should be.
    pub(super) unverified: bool,
}

impl Failure {
    /// A failure that is tried again.
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into(), stalled: false, unverified: false }
    }

    /// A failure that only a change of the object can end.
    pub(super) fn stalled(reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { stalled: true, ..Failure::new(reason, message) }
    }

    /// A signature that is missing or wrong.
    pub(super) fn unverified(reason: &'static str, message: impl Into<String>) -> Failure {
        Failure { unverified: true, ..Failure::new(reason, message) }
    }

    /// The object asks for what Seatrial does not do.
    pub(super) fn not_supported(field: &str, kind: &str) -> Failure {
        let message = format!("Seatrial does not support {field} of {kind} yet");
        Failure::stalled(NOT_SUPPORTED, message)
    }
}

/// What is to be told after a fetch: severity, reason, message.
pub(super) type Told = Option<(Severity, &'static str, String)>;

/// Writes the end of a fetch into `conditions`: `event` tells of a new artifact. True where this generation is dealt with.
pub(super) fn conclude(
    conditions: &mut Conditions,
    revision: &str,
    result: Result<Option<String>, Failure>,
) -> (Told, bool) {
    let Failure { reason, message, stalled, unverified } = match result {
        Ok(event) => {
            let message = format!("stored artifact for revision '{revision}'");
            conditions.remove(FETCH_FAILED);
            conditions.set(ARTIFACT_IN_STORAGE, Status::True, "Succeeded", message.as_str());
            conditions.ready("Succeeded", &message);
            return (event.map(|message| (Severity::Info, "NewArtifact", message)), true);
        }
        Err(failure) => failure,
    };
    match unverified {
        true => {
            conditions.remove(FETCH_FAILED);
            conditions.set(SOURCE_VERIFIED, Status::False, reason, message.as_str());
        }
        false => conditions.set(FETCH_FAILED, Status::True, reason, message.as_str()),
    }
    if stalled {
        conditions.stalled(reason, &message);
    } else {
        conditions.set(RECONCILING, Status::True, "ProgressingWithRetry", "reconciliation in progress");
        conditions.failed(reason, &message);
    }
    (Some((Severity::Error, reason, message)), stalled)
}

/// What comes before a fetch: objects that are deleted lose the finalizer, others get it. `None` where it may begin.
pub(super) async fn before(context: &Context, object: &Value) -> Option<Next> {
    let who = ObjectRef::of(object);
    if object::is_deleted(object) {
        context.observer.forget(&who);
        return Some(match context.remove_finalizer(object, MANAGER).await {
            Ok(()) => Next::Woken,
            Err(error) => after_error(&who, &error),
        });
    }
    if !has_finalizer(object) {
        return Some(match context.add_finalizer(object, MANAGER).await {
            Ok(()) => Next::Now,
            Err(error) => after_error(&who, &error),
        });
    }
    (object["spec"]["suspend"] == true).then_some(Next::Woken)
}

/// Refuses the first of these fields that is used.
pub(super) fn refuse<const N: usize>(fields: [(&str, bool); N], kind: &str) -> Result<(), Failure> {
    let used = fields.into_iter().find(|(_, used)| *used);
    used.map_or(Ok(()), |(field, _)| Err(Failure::not_supported(field, kind)))
}

/// Whether a provider is another than the one that is supported.
pub(super) fn is_other_provider(provider: Option<&str>) -> bool {
    provider.is_some_and(|provider| !matches!(provider, "" | "generic"))
}

/// When to look again, after a fetch that gave this time, or none where it failed.
pub(super) fn next(
    object: &Value,
    result: Result<Option<Duration>, ClusterError>,
    stamps: Vec<Stamp>,
) -> Next {
    match result {
        Ok(Some(time)) => Next::Idle(time, stamps),
        Ok(None) => Next::Backoff(stamps),
        Err(error) => after_error(&ObjectRef::of(object), &error),
    }
}

/// The Secret of this name, or why it cannot be had.
pub(super) async fn secret(context: &Context, namespace: &str, name: &str) -> Result<Arc<Value>, Failure> {
    let found = context.cluster.get(&ObjectRef::new("v1", "Secret", namespace, name)).await;
    found.map_err(|error: ClusterError| {
        Failure::new("AuthenticationFailed", format!("failed to get secret '{namespace}/{name}': {error}"))
    })
}

/// The values of a Secret.
pub(super) fn data(secret: &Value) -> BTreeMap<String, Vec<u8>> {
    let data = secret["data"].as_object().into_iter().flatten();
    data.filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?))).collect()
}
