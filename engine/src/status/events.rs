//! Events: what happened, for people, on the object that it happened to.

use super::conditions::rfc3339;
use crate::cluster::Cluster;
use crate::object::ObjectRef;
use seatrial_time::{Clock, Rng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// `Normal`.
    Info,
    /// `Warning`.
    Error,
}

/// Writes events. Cheap to clone; clones share what was said last.
///
/// An event that says of an object just what the last one said is not written again: retries that change nothing write
/// nothing.
#[derive(Clone)]
pub(crate) struct Events {
    clock: Clock,
    controller: &'static str,
    state: Arc<Mutex<State>>,
}

struct State {
    rng: Rng,
    said_last: BTreeMap<String, (String, String)>,
}

impl Events {
    pub(crate) fn new(clock: &Clock, controller: &'static str) -> Events {
        let state = State { rng: clock.rng(&format!("events of {controller}")), said_last: BTreeMap::new() };
        Events { clock: clock.clone(), controller, state: Arc::new(Mutex::new(state)) }
    }

    /// Writes an event on `object`. A failure to write is logged, and nothing else: events are not state.
    pub(crate) async fn write(
        &self,
        cluster: &Cluster,
        object: &Value,
        severity: Severity,
        reason: &str,
        message: &str,
        annotations: &[(&str, &str)],
    ) {
        let who = ObjectRef::of(object);
        let name = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let said = (reason.to_owned(), message.to_owned());
            if state.said_last.get(&who.to_string()) == Some(&said) {
                return;
            }
            state.said_last.insert(who.to_string(), said);
            format!("{}.{:016x}", who.name, state.rng.next_u64())
        };
        let event = self.event(object, &who, &name, severity, reason, message, annotations);
        if let Err(error) = cluster.create(event, self.controller).await {
            tracing::warn!(%who, reason, %error, "writing an event failed");
        }
    }

    #[allow(clippy::too_many_arguments, reason = "an event has that many parts")]
    fn event(
        &self,
        object: &Value,
        who: &ObjectRef,
        name: &str,
        severity: Severity,
        reason: &str,
        message: &str,
        annotations: &[(&str, &str)],
    ) -> Value {
        let namespace = if who.namespace.is_empty() { "default" } else { &who.namespace };
        let now = rfc3339(self.clock.now());
        let mut metadata = json!({ "name": name, "namespace": namespace });
        if !annotations.is_empty() {
            let group = &who.group;
            metadata["annotations"] = annotations
                .iter()
                .map(|(key, value)| (format!("{group}/{key}"), Value::from(*value)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": {
                "apiVersion": who.api_version(),
                "kind": who.kind,
                "namespace": who.namespace,
                "name": who.name,
                "uid": object["metadata"]["uid"],
                "resourceVersion": object["metadata"]["resourceVersion"],
            },
            "reason": reason,
            "message": message,
            "type": if severity == Severity::Info { "Normal" } else { "Warning" },
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": { "component": self.controller },
            "reportingComponent": self.controller,
            "reportingInstance": "",
        })
    }
}
