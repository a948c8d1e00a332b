//! One SealedSecret.

use super::MANAGER;
use super::http::Counters;
use super::instance::Log;
use super::keys::Keys;
use super::target::merged;
use crate::cluster::{Cluster, ClusterError};
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::status::conditions::rfc3339;
use crate::status::{Events, Severity};
use seatrial_seal::secret::unseal;
use seatrial_time::{Clock, Signal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// How often a SealedSecret is tried again; then only a change of it, or of its Secret, wakes it.
const RETRIES: u32 = 5;

/// Makes Secrets of SealedSecrets.
pub(super) struct SealedReconciler {
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) events: Events,
    pub(super) keys: Keys,
    pub(super) log: Log,
    pub(super) counters: Counters,
    pub(super) update_status: bool,
    /// How often each object has failed in a row.
    pub(super) tries: Mutex<BTreeMap<ObjectRef, u32>>,
}

/// Why there is no Secret as it should be.
enum Failure {
    Unseal(String),
    Unmanaged(String),
    Update(ClusterError),
}

impl Failure {
    /// The reason, the message of the event and that of the condition.
    fn words(&self) -> (&'static str, String, String) {
        match self {
            Failure::Unseal(message) => {
                ("ErrUnsealFailed", format!("Failed to unseal: {message}"), message.clone())
            }
            Failure::Unmanaged(message) => {
                ("ErrUpdateFailed", message.clone(), format!("failed update: {message}"))
            }
            Failure::Update(error) => ("ErrUpdateFailed", cover(error), cover(error)),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Failure::Unseal(_) => "unseal",
            Failure::Unmanaged(_) => "unmanaged",
            Failure::Update(_) => "update",
        }
    }
}

/// A refusal without what it shows: the API server repeats wrong values of fields, which are those of the Secret.
fn cover(error: &ClusterError) -> String {
    let text = error.to_string();
    match text.find("data[") {
        Some(at) if text.contains("Invalid value: \"") => {
            format!("{}<redacted, since it is about a value>", &text[..at])
        }
        _ => text,
    }
}

impl Reconcile for SealedReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        let who = ObjectRef::of(&object);
        if object::is_deleted(&object) {
            self.tries().remove(&who);
            return Next::Woken;
        }
        self.log.info("Updating", &[("key", &who.key())]);
        self.counters.unsealed();
        let result = self.bring(&object, &who).await;
        let key = who.key();
        let again = match &result {
            Ok(()) => {
                self.tries().remove(&who);
                let message = "SealedSecret unsealed successfully";
                self.events.write(&self.cluster, &object, Severity::Info, "Unsealed", message, &[]).await;
                false
            }
            Err(failure) => {
                let (reason, event, message) = failure.words();
                self.counters.failed(&who.namespace, failure.kind());
                self.events.write(&self.cluster, &object, Severity::Error, reason, &event, &[]).await;
                let mut tries = self.tries();
                let count = tries.entry(who.clone()).or_default();
                *count += 1;
                let again = *count <= RETRIES;
                if !again {
                    tries.remove(&who);
                }
                let said = if again { "Error updating, will retry" } else { "Error updating, giving up" };
                self.log.error(said, &[("key", &key), ("error", &message)]);
                again
            }
        };
        let message = result.as_ref().err().map(|failure| failure.words().2);
        self.counters.condition(&who.namespace, &who.name, message.is_none());
        let written = if self.update_status { self.status(&object, message).await } else { Ok(()) };
        match written {
            Err(error) if !error.is_not_found() => {
                self.log.error("Error updating the status", &[("key", &key), ("error", &error.to_string())]);
                Next::Backoff(Vec::new())
            }
            _ if again => Next::Backoff(Vec::new()),
            _ => Next::Woken,
        }
    }

    fn forget(&self, who: &ObjectRef) {
        self.tries().remove(who);
        self.counters.forget(&who.namespace, &who.name);
    }

    /// Its Secret: one that is deleted is made again.
    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let who = ObjectRef::of(object);
        BTreeSet::from([reference("Secret", &who.namespace, &who.name)])
    }
}

impl SealedReconciler {
    fn tries(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectRef, u32>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the Secret what the SealedSecret says.
    async fn bring(&self, object: &Value, who: &ObjectRef) -> Result<(), Failure> {
        let wanted = unseal(object, &self.keys.ring(), &super::template::render);
        let wanted = wanted.map_err(|error| Failure::Unseal(error.to_string()))?;
        let target = ObjectRef::new("v1", "Secret", &who.namespace, &who.name);
        let existing = self.cluster.find(&target).await.map_err(Failure::Update)?;
        let Some(existing) = existing else {
            return self.cluster.create(Arc::new(wanted), MANAGER).await.map(drop).map_err(Failure::Update);
        };
        let mut existing = Value::clone(&existing);
        existing["apiVersion"] = "v1".into();
        existing["kind"] = "Secret".into();
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        match merged(&existing, &wanted, uid).map_err(Failure::Unmanaged)? {
            Some(new) => self.cluster.replace(new, "", MANAGER).await.map(drop).map_err(Failure::Update),
            None => Ok(()),
        }
    }

    /// Writes the condition `Synced`.
    async fn status(&self, object: &Value, message: Option<String>) -> Result<(), ClusterError> {
        let now = rfc3339(self.clock.now());
        let status = if message.is_none() { "True" } else { "False" };
        let old = object::condition(object, "Synced");
        let since = old
            .filter(|old| old["status"] == status)
            .and_then(|old| old["lastTransitionTime"].as_str())
            .unwrap_or(&now);
        let mut condition =
            json!({ "type": "Synced", "status": status, "lastUpdateTime": now, "lastTransitionTime": since });
        if let Some(message) = message {
            condition["message"] = message.into();
        }
        let mut new = object.clone();
        let generation = object::generation(object);
        if old.is_some_and(|old| old["status"] == status && old["message"] == condition["message"])
            && object["status"]["observedGeneration"] == generation
        {
            return Ok(());
        }
        new["status"] = json!({ "conditions": [condition], "observedGeneration": generation });
        self.cluster.replace(new, "/status", MANAGER).await.map(drop)
    }
}
