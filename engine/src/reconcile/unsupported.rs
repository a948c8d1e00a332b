//! Kinds that have no reconciler yet: their objects say so themselves.

use super::context::{Context, after_error, requested_at};
use crate::driver::{Next, Reconcile};
use crate::object::{self, ObjectRef};
use crate::status::conditions::{Conditions, Status};
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::meta::condition::{READY, STALLED};
use seatrial_time::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The reason of the conditions of what is not supported.
pub(crate) const NOT_SUPPORTED: &str = "NotSupported";
const MANAGER: &str = "seatrial";

/// Answers for every object of a kind that it is not supported. It writes once per generation.
pub(crate) struct Unsupported {
    context: Arc<Context>,
    events: Events,
}

impl Unsupported {
    pub(crate) fn new(context: Arc<Context>) -> Unsupported {
        let events = context.events(MANAGER);
        Unsupported { context, events }
    }
}

impl Reconcile for Unsupported {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        let who = ObjectRef::of(&object);
        if object::is_deleted(&object) || object["spec"]["suspend"] == true {
            return Next::Woken;
        }
        let message = format!("Seatrial does not support {} yet", who.kind);
        let generation = object::generation(&object);
        let existing = serde_json::from_value(object["status"]["conditions"].clone()).unwrap_or_default();
        let mut conditions = Conditions::new(existing, generation, self.context.now());
        let is_new = !conditions.is(READY, Status::False);
        conditions.stalled(NOT_SUPPORTED, &message);
        debug_assert!(conditions.is(STALLED, Status::True));
        let mut status = object["status"].clone();
        if !status.is_object() {
            status = serde_json::json!({});
        }
        status["conditions"] = serde_json::to_value(conditions.into_list()).unwrap_or_default();
        status["observedGeneration"] = generation.into();
        if let Some(at) = requested_at(&object) {
            status["lastHandledReconcileAt"] = at.into();
        }
        if let Err(error) = StatusPatch::of(&object, MANAGER).write(&self.context.cluster, &status).await {
            return after_error(&who, &error);
        }
        if is_new {
            let events = &self.events;
            events.write(&self.context.cluster, &object, Severity::Error, NOT_SUPPORTED, &message, &[]).await;
        }
        Next::Woken
    }

    fn refers_to(&self, _object: &Value) -> BTreeSet<String> {
        BTreeSet::new()
    }
}
