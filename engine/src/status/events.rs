//! Events: what happened, for people, on the object that it happened to.

use super::conditions::rfc3339;
use super::outbox::{Letter, Outbox};
use crate::cluster::Cluster;
use crate::object::ObjectRef;
use seatrial_time::Clock;
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
    /// Who writes them; none where whoever tells of something waits until it is written.
    outbox: Option<Outbox>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What the name of the last event ends in.
    stamp: i128,
    said_last: BTreeMap<String, (String, String)>,
}

/// How many names are tried: another controller may say something in the same nanosecond.
const NAMES: usize = 16;

impl Events {
    pub(crate) fn new(clock: &Clock, controller: &'static str) -> Events {
        Events { clock: clock.clone(), controller, outbox: None, state: Arc::default() }
    }

    /// Events that are written beside the work, where there is somebody who does it.
    pub(crate) fn beside(self, outbox: Option<&Outbox>) -> Events {
        Events { outbox: outbox.cloned(), ..self }
    }

    /// The name of the next event. Names in their order are events in theirs, as with the real controllers: what says
    /// nothing of the order within a second (a list of events) then shows them as they came.
    fn name(&self, who: &ObjectRef) -> String {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stamp = (state.stamp + 1).max(self.clock.now().as_nanosecond());
        format!("{}.{:016x}", who.name, state.stamp)
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
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let said = (reason.to_owned(), message.to_owned());
            if state.said_last.get(&who.to_string()) == Some(&said) {
                return;
            }
            state.said_last.insert(who.to_string(), said);
        }
        let event = self.event(object, &who, &self.name(&who), severity, reason, message, annotations);
        match &self.outbox {
            Some(outbox) => {
                let (events, cluster, reason) = (self.clone(), cluster.clone(), reason.to_owned());
                let told = self.clock.now();
                outbox.put(Letter { events, cluster, who, reason, event, told }).await;
            }
            None => self.send(cluster, &who, reason, event).await,
        }
    }

    /// Writes an event; where its name is taken, under another one.
    pub(super) async fn send(&self, cluster: &Cluster, who: &ObjectRef, reason: &str, event: Value) {
        let mut event = Arc::new(event);
        for left in (0..NAMES).rev() {
            match cluster.create(event.clone(), self.controller).await {
                Err(error) if error.has_code(409) && left > 0 => {
                    Arc::make_mut(&mut event)["metadata"]["name"] = self.name(who).into();
                }
                Err(error) => return tracing::warn!(%who, reason, %error, "writing an event failed"),
                Ok(_) => return,
            }
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
