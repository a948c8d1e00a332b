//! The history of a real cluster: a list and a watch for every kind that its API server serves.
//!
//! # Flow
//! [`WatchLog::start`] lists all kinds, then follows each on a task of its own. CustomResourceDefinitions start followers of
//! their kinds, and end them. What comes in is kept in memory, in the order of arrival.
//!
//! # Guarantees
//! - Nothing is lost between a list and its watch, nor when a watch breaks: where the server has forgotten the version, the
//!   new list is compared with what was known, deletions included.
//! - An object's changes come in its own order. Changes of different kinds can come in another order than they were made.

use super::objects::{Objects, Resource};
use super::{History, Past};
use futures::StreamExt;
use jiff::Timestamp;
use kube::Client;
use kube::api::WatchParams;
use kube::core::{Request, WatchEvent};
use seatrial_time::{Clock, Signal, Task};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The pause before a list or watch that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);
const CRD: &str = "CustomResourceDefinition";

/// The history of a real cluster. Following ends when it is dropped.
pub(super) struct WatchLog {
    log: Arc<Log>,
}

struct Log {
    client: Client,
    clock: Clock,
    changes: Signal,
    entries: Mutex<Vec<Entry>>,
    /// By group and plural, so that a kind is followed once.
    followers: Mutex<BTreeMap<(String, String), Follower>>,
    /// Whether the kinds that there are have been listed: from then on definitions start followers.
    started: AtomicBool,
}

struct Follower {
    resource: Resource,
    _task: Task,
}

struct Entry {
    version: u64,
    time: Timestamp,
    object: Arc<Value>,
    deleted: bool,
}

/// The objects of a kind, by namespace and name.
type Known = BTreeMap<(String, String), Arc<Value>>;

impl WatchLog {
    /// Begins with everything that there is, and follows what happens from then on.
    pub(super) async fn start(client: Client, clock: &Clock) -> kube::Result<WatchLog> {
        let log = Arc::new(Log {
            client: client.clone(),
            clock: clock.clone(),
            changes: Signal::new(),
            entries: Mutex::default(),
            followers: Mutex::default(),
            started: AtomicBool::new(false),
        });
        let objects = Objects::new(client);
        let definitions = objects.list("apiextensions.k8s.io/v1", CRD, None).await?;
        let custom: BTreeSet<(String, String)> = definitions.iter().map(group_and_plural).collect();
        let watched = objects.resources_with("watch").await?;
        // Core events are served a second time by the group events.k8s.io.
        let built_in = watched
            .into_iter()
            .filter(|r| !custom.contains(&key(r)) && group(&r.api_version) != "events.k8s.io");
        let resources: Vec<Resource> = built_in.chain(definitions.iter().filter_map(defined)).collect();
        let lists = resources.iter().map(|resource| async {
            let mut known = Known::new();
            let version = log.list(resource, &mut known).await;
            (version, known)
        });
        let lists = futures::future::join_all(lists).await;
        for (resource, (version, known)) in resources.into_iter().zip(lists) {
            let version = match version {
                Ok(version) => Some(version),
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405 | 503) => None,
                Err(error) => return Err(error),
            };
            Log::follow(&log, resource, known, version);
        }
        log.started.store(true, Ordering::Release);
        // Definitions that came while the kinds were listed.
        let definitions = {
            let entries = lock(&log.entries);
            let definitions = entries.iter().filter(|entry| entry.object["kind"] == CRD);
            definitions.map(|entry| entry.object.clone()).collect::<Vec<_>>()
        };
        definitions.iter().for_each(|definition| log.define(definition, false));
        Ok(WatchLog { log })
    }

    /// Moves with each entry.
    pub(super) fn changes(&self) -> Signal {
        self.log.changes.clone()
    }
}

impl Drop for WatchLog {
    fn drop(&mut self) {
        // The followers hold the log, and the log the followers.
        let followers = std::mem::take(&mut *lock(&self.log.followers));
        drop(followers);
    }
}

impl History for WatchLog {
    fn end(&self) -> u64 {
        lock(&self.log.entries).len() as u64
    }

    fn since(&self, position: u64, visit: &mut dyn FnMut(&Past<'_>) -> ControlFlow<()>) {
        let entries = lock(&self.log.entries);
        let first = usize::try_from(position).unwrap_or(usize::MAX);
        for (index, entry) in entries.iter().enumerate().skip(first) {
            let past = Past {
                position: index as u64 + 1,
                version: entry.version,
                time: entry.time,
                object: &entry.object,
                deleted: entry.deleted,
            };
            if visit(&past).is_break() {
                return;
            }
        }
    }
}

impl Log {
    fn follow(log: &Arc<Log>, resource: Resource, known: Known, version: Option<String>) {
        let mut followers = lock(&log.followers);
        if followers.get(&key(&resource)).is_some_and(|follower| follower.resource == resource) {
            return;
        }
        let task = log.clock.spawn(
            format!("history of {}", resource.plural),
            run(log.clone(), resource.clone(), known, version),
        );
        let old = followers.insert(key(&resource), Follower { resource, _task: task });
        drop(followers);
        drop(old);
    }

    /// Takes over everything that there is; the result is the version to watch from.
    async fn list(self: &Arc<Log>, resource: &Resource, known: &mut Known) -> kube::Result<String> {
        let request = Request::new(resource.url(None)).list(&kube::api::ListParams::default());
        let mut list: Value = self.client.request(request.map_err(kube::Error::BuildRequest)?).await?;
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let Value::Array(items) = list["items"].take() else { return Ok(version) };
        let mut there = BTreeSet::new();
        for mut item in items {
            // Items of a list do not name their own type.
            item["apiVersion"] = resource.api_version.as_str().into();
            item["kind"] = resource.kind.as_str().into();
            there.insert(name(&item));
            self.set(known, item);
        }
        let gone: Vec<_> = known.keys().filter(|name| !there.contains(*name)).cloned().collect();
        for name in gone {
            if let Some(object) = known.remove(&name) {
                self.enter(object, true);
            }
        }
        Ok(version)
    }

    fn set(self: &Arc<Log>, known: &mut Known, object: Value) {
        let object = Arc::new(object);
        let old = known.insert(name(&object), object.clone());
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        if old.is_none_or(|old| version(&old) != version(&object)) {
            self.enter(object, false);
        }
    }

    fn enter(self: &Arc<Log>, object: Arc<Value>, deleted: bool) {
        let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let entry =
            Entry { version: version.unwrap_or(0), time: self.clock.now(), object: object.clone(), deleted };
        lock(&self.entries).push(entry);
        self.changes.bump();
        if object["kind"] == CRD && self.started.load(Ordering::Acquire) {
            self.define(&object, deleted);
        }
    }

    /// Follows the kind of a definition, or ends following it.
    fn define(self: &Arc<Log>, definition: &Value, deleted: bool) {
        match defined(definition).filter(|_| !deleted) {
            Some(resource) => Log::follow(self, resource, Known::new(), None),
            None => {
                let old = lock(&self.followers).remove(&group_and_plural(definition));
                drop(old);
            }
        }
    }
}

/// Follows a kind for ever; lists first where no version is given.
async fn run(log: Arc<Log>, resource: Resource, mut known: Known, mut from: Option<String>) {
    loop {
        let version = match from.take() {
            Some(version) => version,
            None => match log.list(&resource, &mut known).await {
                Ok(version) => version,
                Err(error) => {
                    // A new kind is served some time after its definition has come.
                    tracing::debug!(kind = resource.kind, %error, "cannot list");
                    log.clock.sleep(RETRY).await;
                    continue;
                }
            },
        };
        from = watch(&log, &resource, &mut known, version).await;
    }
}

/// Watches until the watch ends; the result is the version to go on from, if the server still has it.
async fn watch(log: &Arc<Log>, resource: &Resource, known: &mut Known, from: String) -> Option<String> {
    let request = Request::new(resource.url(None)).watch(&WatchParams::default(), &from);
    let stream = match request.map_err(kube::Error::BuildRequest) {
        Ok(request) => log.client.request_events::<Value>(request).await,
        Err(error) => Err(error),
    };
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(kind = resource.kind, %error, "cannot watch");
            log.clock.sleep(RETRY).await;
            return match error {
                kube::Error::Api(status) if matches!(status.code, 404 | 410) => None,
                _ => Some(from),
            };
        }
    };
    let mut stream = pin!(stream);
    let mut version = from.clone();
    loop {
        match stream.next().await {
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                version = version_of(&object, version);
                log.set(known, object);
            }
            Some(Ok(WatchEvent::Deleted(object))) => {
                version = version_of(&object, version);
                known.remove(&name(&object));
                log.enter(Arc::new(object), true);
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => version = bookmark.metadata.resource_version,
            Some(Ok(WatchEvent::Error(status))) if status.code == 410 => return None,
            Some(Err(kube::Error::Api(status))) if status.code == 410 => return None,
            ended => {
                tracing::debug!(kind = resource.kind, ?ended, "watch ended");
                if version == from {
                    // A server that ends each watch at once must not be asked without a pause.
                    log.clock.sleep(RETRY).await;
                }
                return Some(version);
            }
        }
    }
}

/// The kind of a definition, if it is served.
fn defined(definition: &Value) -> Option<Resource> {
    let (group, plural) = group_and_plural(definition);
    let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
    let served: Vec<&Value> = versions.filter(|version| version["served"] == true).collect();
    // The version of storage where it is served: it is what the simulated cluster's history has.
    let version = served.iter().find(|v| v["storage"] == true).or_else(|| served.first())?;
    Some(Resource {
        api_version: format!("{group}/{}", version["name"].as_str()?),
        kind: definition["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned(),
        plural,
        namespaced: definition["spec"]["scope"] == "Namespaced",
    })
}

fn version_of(object: &Value, before: String) -> String {
    object["metadata"]["resourceVersion"].as_str().map_or(before, str::to_owned)
}

fn name(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn key(resource: &Resource) -> (String, String) {
    (group(&resource.api_version).to_owned(), resource.plural.clone())
}

fn group_and_plural(definition: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&definition["spec"]["group"]), text(&definition["spec"]["names"]["plural"]))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
