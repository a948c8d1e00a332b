//! The state of a cluster: tables of objects, their history, and who waits for changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use imbl::OrdMap;
use jiff::Timestamp;
use seatrial_time::Rng;
use serde_json::Value;

use crate::admit::Allocated;
use crate::crd::{self, Registry};
use crate::log::{Change, ChangeKind};
use crate::meta;
use crate::object::{Key, Object};
use crate::planned::Plans;
use crate::rbac;

/// The objects of one resource. Clones are cheap: they share everything.
pub(crate) type Objects = OrdMap<Key, Arc<Object>>;

/// One resource: its objects, and the changes that watches can still ask for.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) objects: Objects,
    pub(crate) changes: VecDeque<Arc<Change>>,
    /// Changes up to this resource version are gone from `changes`.
    pub(crate) forgotten: u64,
    pub(crate) wakers: BTreeMap<u64, Waker>,
    /// Watches end at once: the resource is no longer served.
    pub(crate) closed: u64,
    /// How many objects are being deleted.
    pub(crate) deleting: usize,
}

impl Table {
    /// The objects as they were at `version`, undoing what came later; `None` where that is no longer known.
    pub(crate) fn at(&self, version: u64) -> Option<Objects> {
        if version < self.forgotten {
            return None;
        }
        let mut objects = self.objects.clone();
        for change in self.changes.iter().rev().take_while(|c| c.resource_version > version) {
            let value = change.object.value();
            let key = Key::new(meta::namespace(value), meta::name(value));
            match &change.previous {
                Some(previous) => objects.insert(key, previous.clone()),
                None => objects.remove(&key),
            };
        }
        Some(objects)
    }
}

/// Everything that a cluster knows. Lives behind one lock; every request is one critical section.
#[derive(Debug)]
pub(crate) struct State {
    /// The resource version of the last change.
    pub(crate) revision: u64,
    pub(crate) tables: BTreeMap<Arc<str>, Table>,
    pub(crate) registry: Registry,
    pub(crate) log: imbl::Vector<Arc<Change>>,
    pub(crate) limits: Limits,
    pub(crate) plans: Plans,
    pub(crate) rbac: rbac::Known,
    pub(crate) allocated: Allocated,
    /// Objects by the uid of an owner that they name.
    pub(crate) dependents: BTreeMap<String, BTreeSet<(Arc<str>, Key)>>,
    /// Where each uid lives.
    pub(crate) uids: BTreeMap<String, (Arc<str>, Key)>,
    /// What the garbage collector has to look at.
    pub(crate) garbage: BTreeSet<Suspect>,
    pub(crate) uid_rng: Rng,
    pub(crate) name_rng: Rng,
    pub(crate) address_rng: Rng,
    /// Who waits for what has changed: woken when the lock is free again.
    pub(crate) to_wake: Vec<Waker>,
    next_watch: u64,
}

/// How much history is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) watch_window: usize,
    pub(crate) log: Option<usize>,
}

/// Something for the garbage collector to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suspect {
    /// An owner is gone: what depended on it may have to go.
    OwnerGone(String),
    /// An object names owners: one of them may be gone already.
    Dependent(Arc<str>, Key),
    /// An object is being deleted and waits for its dependents, or for them to be orphaned.
    Deleting(Arc<str>, Key),
}

impl State {
    pub(crate) fn new(limits: Limits, uid_rng: Rng, name_rng: Rng, address_rng: Rng) -> State {
        State {
            revision: 0,
            tables: BTreeMap::new(),
            registry: Registry::default(),
            log: imbl::Vector::new(),
            limits,
            plans: Plans::default(),
            rbac: rbac::Known::default(),
            allocated: Allocated::default(),
            dependents: BTreeMap::new(),
            uids: BTreeMap::new(),
            garbage: BTreeSet::new(),
            uid_rng,
            name_rng,
            address_rng,
            to_wake: Vec::new(),
            next_watch: 0,
        }
    }

    pub(crate) fn get(&self, table: &str, key: &Key) -> Option<Arc<Object>> {
        self.tables.get(table)?.objects.get(key).cloned()
    }

    /// The objects of a table in a namespace, by name.
    pub(crate) fn objects(&self, table: &str, namespace: &str) -> impl Iterator<Item = &Arc<Object>> {
        let all = self.tables.get(table).into_iter().flat_map(|table| table.objects.iter());
        all.filter(move |(key, _)| key.namespace == namespace).map(|(_, object)| object)
    }

    /// The table of a resource, made where there is none.
    pub(crate) fn table_mut(&mut self, table: &str) -> (Arc<str>, &mut Table) {
        let name: Arc<str> = match self.tables.get_key_value(table) {
            Some((name, _)) => name.clone(),
            None => table.into(),
        };
        let entry = self.tables.entry(name.clone()).or_default();
        (name, entry)
    }

    /// Stores an object, new or changed, under the next resource version.
    pub(crate) fn put(&mut self, table: &str, key: &Key, mut value: Value, now: Timestamp) -> Arc<Object> {
        self.revision += 1;
        let version = self.revision;
        meta::metadata_mut(&mut value).insert("resourceVersion".to_owned(), version.to_string().into());
        let object = Arc::new(Object::new(value, version));
        let (name, entry) = self.table_mut(table);
        let previous = entry.objects.insert(key.clone(), object.clone());
        let was = previous.as_ref().is_some_and(|o| meta::is_deleting(o.value()));
        match (was, meta::is_deleting(object.value())) {
            (false, true) => entry.deleting += 1,
            (true, false) => entry.deleting = entry.deleting.saturating_sub(1),
            _ => {}
        }
        self.index(&name, key, previous.as_deref(), Some(&object));
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(name, kind, object.clone(), previous, now);
        object
    }

    /// Removes an object. What is recorded is its last state under the next resource version.
    pub(crate) fn remove(&mut self, table: &str, key: &Key, now: Timestamp) -> Option<Arc<Object>> {
        self.remove_as(table, key, None, now)
    }

    /// The same with another last state.
    pub(crate) fn remove_as(
        &mut self,
        table: &str,
        key: &Key,
        last: Option<Value>,
        now: Timestamp,
    ) -> Option<Arc<Object>> {
        let (name, entry) = self.table_mut(table);
        let previous = entry.objects.remove(key)?;
        if meta::is_deleting(previous.value()) {
            entry.deleting = entry.deleting.saturating_sub(1);
        }
        self.revision += 1;
        let version = self.revision;
        let mut value = last.unwrap_or_else(|| previous.value().clone());
        meta::metadata_mut(&mut value).insert("resourceVersion".to_owned(), version.to_string().into());
        let object = Arc::new(Object::new(value, version));
        self.index(&name, key, Some(&previous), None);
        self.record(name.clone(), ChangeKind::Deleted, object.clone(), Some(previous), now);
        crd::instance_gone(self, &name);
        Some(object)
    }

    fn record(
        &mut self,
        resource: Arc<str>,
        kind: ChangeKind,
        object: Arc<Object>,
        previous: Option<Arc<Object>>,
        time: Timestamp,
    ) {
        let resource_version = object.version();
        let change =
            Arc::new(Change { resource_version, time, kind, resource: resource.clone(), object, previous });
        self.rbac.changed(&resource, change.object(), change.previous());
        if let Some(limit) = self.limits.log {
            while self.log.len() >= limit.max(1) {
                self.log.pop_front();
            }
        }
        self.log.push_back(change.clone());
        let Some(table) = self.tables.get_mut(&resource) else { return };
        table.changes.push_back(change);
        while table.changes.len() > self.limits.watch_window {
            if let Some(old) = table.changes.pop_front() {
                table.forgotten = old.resource_version;
            }
        }
        self.to_wake.extend(std::mem::take(&mut table.wakers).into_values());
    }

    fn index(&mut self, table: &Arc<str>, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        let owners = |object: Option<&Object>| -> Vec<String> {
            let owners = object.into_iter().flat_map(|o| meta::owners(o.value()));
            owners.map(|owner| meta::text(owner, &["uid"]).to_owned()).collect()
        };
        let (before, after) = (owners(old), owners(new));
        if before != after {
            for uid in &before {
                if let Some(set) = self.dependents.get_mut(uid) {
                    set.remove(&(table.clone(), key.clone()));
                    if set.is_empty() {
                        self.dependents.remove(uid);
                    }
                    // The owner may have been waiting for this one.
                    if let Some((table, key)) = self.uids.get(uid) {
                        self.garbage.insert(Suspect::Deleting(table.clone(), key.clone()));
                    }
                }
            }
            for uid in &after {
                let place = (table.clone(), key.clone());
                self.dependents.entry(uid.clone()).or_default().insert(place);
            }
            if !after.is_empty() {
                self.garbage.insert(Suspect::Dependent(table.clone(), key.clone()));
            }
        } else if let (Some(_), false) = (new, after.is_empty())
            && new.is_some_and(|o| meta::is_deleting(o.value()))
        {
            // A dependent that is being deleted as well no longer blocks an owner.
            for uid in &after {
                if let Some((table, key)) = self.uids.get(uid) {
                    self.garbage.insert(Suspect::Deleting(table.clone(), key.clone()));
                }
            }
        }
        match table.as_ref() {
            "persistentvolumes" | "persistentvolumeclaims" => self.classes_to_release(),
            "services" => self.allocated.changed(old.map(Object::value), new.map(Object::value)),
            _ => {}
        }
        match new {
            Some(object) => {
                if old.is_none() {
                    let place = (table.clone(), key.clone());
                    self.uids.insert(meta::uid(object.value()).to_owned(), place);
                }
                if meta::is_deleting(object.value()) {
                    self.garbage.insert(Suspect::Deleting(table.clone(), key.clone()));
                }
            }
            None => {
                let uid = old.map(|o| meta::uid(o.value()).to_owned()).unwrap_or_default();
                self.uids.remove(&uid);
                if table.as_ref() == "pods" {
                    self.claims_to_release(&key.namespace);
                }
                if self.dependents.contains_key(&uid) {
                    self.garbage.insert(Suspect::OwnerGone(uid));
                }
            }
        }
    }

    /// A Pod is gone: claims of its namespace that are being deleted may be used no longer.
    fn claims_to_release(&mut self, namespace: &str) {
        let Some((name, claims)) = self.tables.get_key_value("persistentvolumeclaims") else { return };
        if claims.deleting == 0 {
            return;
        }
        let going = claims
            .objects
            .iter()
            .filter(|(key, object)| key.namespace == namespace && meta::is_deleting(object.value()))
            .map(|(key, _)| Suspect::Deleting(name.clone(), key.clone()));
        self.garbage.extend(going);
    }

    /// A volume or a claim has changed or is gone: attributes classes that are being deleted may be used no longer.
    fn classes_to_release(&mut self) {
        let Some((name, classes)) = self.tables.get_key_value("volumeattributesclasses.storage.k8s.io")
        else {
            return;
        };
        if classes.deleting == 0 {
            return;
        }
        let going = classes.objects.iter().filter(|(_, object)| meta::is_deleting(object.value()));
        self.garbage.extend(going.map(|(key, _)| Suspect::Deleting(name.clone(), key.clone())));
    }

    /// The number of a watch, for its waker.
    pub(crate) fn watch_number(&mut self) -> u64 {
        self.next_watch += 1;
        self.next_watch
    }

    /// Ends all watches of a table.
    pub(crate) fn close(&mut self, table: &str) {
        let (_, table) = self.table_mut(table);
        table.closed += 1;
        let wakers = std::mem::take(&mut table.wakers);
        self.to_wake.extend(wakers.into_values());
    }

    /// How many objects a namespace holds, by table.
    pub(crate) fn content_of(&self, namespace: &str) -> Vec<(Arc<str>, Vec<Key>)> {
        let start = Key::new(namespace, "");
        let mut content = Vec::new();
        for (name, table) in &self.tables {
            let keys: Vec<Key> = table
                .objects
                .range(start.clone()..)
                .take_while(|(key, _)| key.namespace == namespace)
                .map(|(key, _)| key.clone())
                .collect();
            if !keys.is_empty() {
                content.push((name.clone(), keys));
            }
        }
        content
    }
}
