//! Custom resources that a profile selects become Ready, or say that they are not.
//!
//! The kinds are found through their CustomResourceDefinitions: each that a profile names gets an informer and a
//! controller of its own while the definition exists.

use super::conditions::{Condition, put};
use crate::api::{Api, ApiError, Kind};
use crate::context::{Context, Wake};
use crate::informer;
use crate::object::{self, Key, Object, at, deleting, generation, later, list, name, set, text, time};
use crate::profile::{Outcome, Profile};
use crate::queue::Queue;
use crate::store::Store;
use seatrial_time::{Signal, Task};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The controllers of custom kinds, by the name of the definition.
pub(crate) struct Custom {
    context: Arc<Context>,
    running: Mutex<BTreeMap<Key, Running>>,
}

struct Running {
    /// The definition's uid and the version that is served.
    served: (String, String),
    store: Arc<Store>,
    queue: Queue,
    _tasks: [Task; 2],
}

impl Custom {
    pub(crate) fn new(context: Arc<Context>) -> Custom {
        Custom { context, running: Mutex::default() }
    }

    /// Starts or stops the controller of one definition's kind.
    pub(crate) async fn reconcile(&self, key: &Key) -> Result<Wake, ApiError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let definition = self.context.stores.custom_resource_definitions.get(key);
        let served = definition.filter(|definition| !deleting(definition)).and_then(|definition| {
            let group = text(&definition, &["spec", "group"]).to_owned();
            let kind = text(&definition, &["spec", "names", "kind"]).to_owned();
            let profiles = self.context.profiles();
            let selected = profiles.iter().any(|profile| profile.selector.selects_kind(&group, &kind));
            let established =
                definition.get("status").is_some_and(|status| object::is_true(status, "Established"));
            let version = served_version(&definition)?.clone();
            (selected && established).then_some((definition, group, version))
        });
        let Some((definition, group, version)) = served else {
            running.remove(key);
            return Ok(None);
        };
        let version_name = text(&version, &["name"]).to_owned();
        let served = (object::uid(&definition).to_owned(), version_name.clone());
        if let Some(known) = running.get(key).filter(|known| known.served == served) {
            // The profiles may have changed.
            for resource in known.store.all() {
                known.queue.add(Key::of(&resource));
            }
            return Ok(None);
        }
        let kind = Kind {
            api_version: Cow::Owned(format!("{group}/{version_name}")),
            kind: Cow::Owned(text(&definition, &["spec", "names", "kind"]).to_owned()),
            plural: Cow::Owned(text(&definition, &["spec", "names", "plural"]).to_owned()),
            namespaced: text(&definition, &["spec", "scope"]) != "Cluster",
        };
        let subresource = at(&version, &["subresources", "status"]).is_some();
        running.insert(key.clone(), self.start(group, kind, subresource, served));
        Ok(None)
    }

    fn start(&self, group: String, kind: Kind, subresource: bool, served: (String, String)) -> Running {
        let clock = &self.context.clock;
        let store = Store::new(kind, Signal::new());
        let queue = Queue::new(clock.clone());
        let keys = queue.clone();
        store.on_change(vec![Box::new(move |old, new| {
            if let Some(object) = new.or(old) {
                keys.add(Key::of(object));
            }
        })]);
        let api = Api::new(self.context.client.clone(), "seatrial-workload");
        let task_name = format!("workload/custom/{}", store.kind().plural);
        let informer = informer::run(store.clone(), api.clone(), clock.clone());
        let tasks = [
            clock.spawn(format!("{task_name}/informer"), informer),
            clock.spawn(
                task_name,
                follow(self.context.clone(), api, group, store.clone(), queue.clone(), subresource),
            ),
        ];
        Running { served, store, queue, _tasks: tasks }
    }
}

/// The version to look at: the one that is stored, if it is served.
fn served_version(definition: &Value) -> Option<&Value> {
    let served = || list(definition, &["spec", "versions"]).iter().filter(|v| object::flag(v, &["served"]));
    served().find(|version| object::flag(version, &["storage"])).or_else(|| served().next())
}

async fn follow(
    context: Arc<Context>,
    api: Api,
    group: String,
    store: Arc<Store>,
    queue: Queue,
    subresource: bool,
) {
    store.synced().await;
    loop {
        let key = queue.next().await;
        match write(&context, &api, &group, &store, &key, subresource).await {
            Ok(wake) => queue.done(&key, wake),
            Err(error) => {
                tracing::debug!(%error, %key, "will try again");
                queue.retry(&key);
            }
        }
    }
}

async fn write(
    context: &Context,
    api: &Api,
    group: &str,
    store: &Store,
    key: &Key,
    subresource: bool,
) -> Result<Wake, ApiError> {
    let Some(resource) = store.get(key).filter(|resource| !deleting(resource)) else { return Ok(None) };
    let profiles = context.profiles();
    let kind = &store.kind().kind;
    let Some(profile) = profiles.iter().find(|p| p.selector.matches_resource(group, kind, &resource)) else {
        return Ok(None);
    };
    let now = context.clock.now();
    let delay = profile.start_delay.unwrap_or(context.options.start_delay);
    let created = time(&resource, &["metadata", "creationTimestamp"]).unwrap_or(now);
    let due = later(created, delay);
    if now < due {
        return Ok(Some(due));
    }
    let status = status(&resource, profile, now);
    if subresource {
        store.write_status(api, &resource, &status).await?;
    } else {
        let nothing = json!({});
        if let Some(patch) = object::merge_patch(resource.get("status").unwrap_or(&nothing), &status) {
            store.patch(api, &resource, json!({ "status": patch })).await?;
        }
    }
    Ok(None)
}

fn status(resource: &Object, profile: &Profile, now: jiff::Timestamp) -> Value {
    let mut status = resource.get("status").cloned().unwrap_or_else(|| json!({}));
    let condition = if profile.outcome == Outcome::Ready {
        Condition::new("Ready", "True", "Succeeded", format!("{} is ready", name(resource)))
    } else {
        Condition::new("Ready", "False", "Progressing", format!("{} is not ready", name(resource)))
    };
    let mut conditions = list(&status, &["conditions"]).to_vec();
    let mut value = condition.to_value(object::condition(&status, "Ready"), now);
    set(&mut value, "observedGeneration", json!(generation(resource)));
    put(&mut conditions, value);
    set(&mut status, "conditions", json!(conditions));
    set(&mut status, "observedGeneration", json!(generation(resource)));
    status
}
