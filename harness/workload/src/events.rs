//! Events (core/v1), worded and counted as the real components write them.

use crate::api::{Api, Kind};
use crate::object::{self, Key, rfc3339, text};
use seatrial_time::{Clock, Rng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const EVENTS: Kind = Kind::new("v1", "Event", "events", true);

/// More kinds of events than this are not remembered for counting.
const REMEMBERED: usize = 4096;

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// The part of the object that is meant: `spec.containers{app}`.
    pub(crate) field: Option<String>,
}

impl Note {
    pub(crate) fn normal(reason: &'static str, message: impl Into<String>) -> Note {
        Note { warning: false, reason, message: message.into(), field: None }
    }

    pub(crate) fn warning(reason: &'static str, message: impl Into<String>) -> Note {
        Note { warning: true, reason, message: message.into(), field: None }
    }

    pub(crate) fn about(mut self, field: String) -> Note {
        self.field = Some(field);
        self
    }
}

/// Writes the events of one component. An event that repeats is counted up instead of written anew.
pub(crate) struct Recorder {
    api: Api,
    clock: Clock,
    component: &'static str,
    host: Option<String>,
    enabled: bool,
    state: Mutex<State>,
}

struct State {
    rng: Rng,
    /// By uid, field, reason and message: the event as it was last written.
    seen: BTreeMap<[String; 4], Arc<Value>>,
}

impl Recorder {
    pub(crate) fn new(api: Api, clock: Clock, component: &'static str, enabled: bool) -> Recorder {
        let rng = clock.rng("workload/events");
        let state = Mutex::new(State { rng, seen: BTreeMap::new() });
        Recorder { api, clock, component, host: None, enabled, state }
    }

    /// The recorder of a component on a node.
    pub(crate) fn on(mut self, host: String) -> Recorder {
        self.host = Some(host);
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event about `object`. A failure is logged: events are for people, no controller depends on them.
    pub(crate) async fn write(&self, object: &Value, note: &Note) {
        if !self.enabled {
            return;
        }
        let id = [
            object::uid(object).to_owned(),
            note.field.clone().unwrap_or_default(),
            note.reason.to_owned(),
            note.message.clone(),
        ];
        let known = self.lock().seen.get(&id).cloned();
        let written = match known {
            Some(event) => match self.count_up(&event).await {
                Err(error) if error.is_not_found() => self.create(object, note).await,
                other => other,
            },
            None => self.create(object, note).await,
        };
        match written {
            Ok(event) => {
                let mut state = self.lock();
                if state.seen.len() >= REMEMBERED {
                    state.seen.clear();
                }
                state.seen.insert(id, event);
            }
            Err(error) => tracing::debug!(%error, reason = note.reason, "cannot write an event"),
        }
    }

    async fn count_up(&self, event: &Value) -> Result<Arc<Value>, crate::api::ApiError> {
        let count = object::number_or(event, &["count"], 1) + 1;
        let patch = json!({"count": count, "lastTimestamp": rfc3339(self.clock.now())});
        self.api.patch(&EVENTS, event, None, patch).await
    }

    async fn create(&self, object: &Value, note: &Note) -> Result<Arc<Value>, crate::api::ApiError> {
        let now = rfc3339(self.clock.now());
        let suffix = format!("{:016x}", self.lock().rng.next_u64());
        let key = Key::of(object);
        // Events about cluster-scoped objects stand in the namespace `default`.
        let namespace = if key.namespace.is_empty() { "default" } else { &key.namespace };
        let mut involved = json!({
            "apiVersion": text(object, &["apiVersion"]), "kind": text(object, &["kind"]),
            "name": key.name, "uid": object::uid(object),
            "resourceVersion": text(object, &["metadata", "resourceVersion"]),
        });
        if !key.namespace.is_empty() {
            object::set(&mut involved, "namespace", json!(key.namespace));
        }
        if let Some(field) = &note.field {
            object::set(&mut involved, "fieldPath", json!(field));
        }
        let mut source = json!({ "component": self.component });
        if let Some(host) = &self.host {
            object::set(&mut source, "host", json!(host));
        }
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{}.{suffix}", key.name), "namespace": namespace},
            "involvedObject": involved,
            "reason": note.reason, "message": note.message,
            "type": if note.warning { "Warning" } else { "Normal" },
            "source": source,
            "reportingComponent": self.component,
            "reportingInstance": self.host.as_deref().unwrap_or_default(),
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        });
        self.api.create(&EVENTS, namespace, &event).await
    }
}
