//! Local stores: the objects of one kind, shared by all controllers.
//!
//! # Guarantees
//! - A controller sees its own writes: what the server answers goes into the store at once, unless the watch is
//!   already further. So a second look never repeats a write that was already made.
//! - Handlers are called once for each change, in the order of the changes of one object.

use crate::api::{Api, ApiError, Kind};
use crate::index::Index;
use crate::labels::selects_plain;
use crate::object::{self, Key, Object};
use seatrial_time::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Called with the object before and after a change.
pub(crate) type Handler = Box<dyn Fn(Option<&Object>, Option<&Object>) + Send + Sync>;

/// The objects of one kind, as far as the watch (and the answers to own writes) have come.
pub(crate) struct Store {
    kind: Kind,
    state: Mutex<State>,
    handlers: OnceLock<Vec<Handler>>,
    synced: Signal,
    /// Moves with each change of any store that shares it.
    changes: Signal,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Object>,
    index: Index,
    /// The highest resource version that the list and the watch have covered.
    covered: u64,
    synced: bool,
}

impl State {
    fn replace(&mut self, key: &Key, new: Option<&Object>) -> Option<Object> {
        let old = match new {
            Some(object) => self.objects.insert(key.clone(), object.clone()),
            None => self.objects.remove(key),
        };
        self.index.replace(key, old.as_ref(), new);
        old
    }

    fn objects_of<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> Vec<Object> {
        keys.into_iter().filter_map(|key| self.objects.get(key).cloned()).collect()
    }
}

impl Store {
    pub(crate) fn new(kind: Kind, changes: Signal) -> Arc<Store> {
        let state = State { index: Index::of(&kind.kind), ..State::default() };
        Arc::new(Store {
            kind,
            state: Mutex::new(state),
            handlers: OnceLock::new(),
            synced: Signal::new(),
            changes,
        })
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Sets what is called for each change; once, before the informer runs.
    pub(crate) fn on_change(&self, handlers: Vec<Handler>) {
        // A second call would be a mistake of this crate; the first handlers stay.
        let _ = self.handlers.set(handlers);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Object> {
        self.lock().objects.get(key).cloned()
    }

    /// All objects of a namespace, by name; of all namespaces where `namespace` is empty.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Object> {
        let state = self.lock();
        if namespace.is_empty() {
            return state.objects.values().cloned().collect();
        }
        state
            .objects
            .range(Key::new(namespace, "")..)
            .take_while(|(key, _)| key.namespace == namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    pub(crate) fn all(&self) -> Vec<Object> {
        self.in_namespace("")
    }

    /// The objects that the owner with this uid controls, by name.
    pub(crate) fn owned_by(&self, uid: &str) -> Vec<Object> {
        let state = self.lock();
        state.objects_of(state.index.owned_by(uid))
    }

    /// The objects of a namespace that nobody controls, by name.
    pub(crate) fn orphans(&self, namespace: &str) -> Vec<Object> {
        let state = self.lock();
        state.objects_of(state.index.orphans(namespace))
    }

    /// The pods of a namespace that are not ready, by name.
    pub(crate) fn unready(&self, namespace: &str) -> Vec<Object> {
        let state = self.lock();
        state.objects_of(state.index.unready(namespace))
    }

    /// The pods of a namespace that a plain map of labels selects, by name.
    pub(crate) fn selected(&self, namespace: &str, selector: Option<&Value>) -> Vec<Object> {
        let state = self.lock();
        let Some(wanted) = selector.and_then(Value::as_object) else { return Vec::new() };
        let mut found = state.objects_of(state.index.labelled(namespace, wanted));
        found.retain(|pod| selects_plain(selector, object::at(pod, &["metadata", "labels"])));
        found
    }

    /// The services of a namespace that select an object with these labels, by name.
    pub(crate) fn selecting(&self, namespace: &str, labels: Option<&Value>) -> Vec<Object> {
        let state = self.lock();
        let Some(map) = labels.and_then(Value::as_object) else { return Vec::new() };
        let mut found = state.objects_of(state.index.selecting(namespace, map));
        found.retain(|service| selects_plain(object::at(service, &["spec", "selector"]), labels));
        found
    }

    /// Waits until the first list has come in.
    pub(crate) async fn synced(&self) {
        loop {
            let stamp = self.synced.stamp();
            if self.lock().synced {
                return;
            }
            self.synced.changed(&stamp).await;
        }
    }

    fn notify(&self, old: Option<&Object>, new: Option<&Object>) {
        for handler in self.handlers.get().into_iter().flatten() {
            handler(old, new);
        }
        self.changes.bump();
    }

    /// Takes over the answer to an own write.
    fn observe(&self, object: &Object) {
        let version = object::resource_version(object);
        let key = Key::of(object);
        let old = {
            let mut state = self.lock();
            let known = state.objects.get(&key).map_or(0, |known| object::resource_version(known));
            if version <= state.covered || version <= known {
                return;
            }
            state.replace(&key, Some(object))
        };
        self.notify(old.as_ref(), Some(object));
    }

    /// Takes over that the object is gone.
    fn forget(&self, gone: &Value) {
        let key = Key::of(gone);
        let old = {
            let mut state = self.lock();
            match state.objects.get(&key) {
                Some(known) if object::uid(known) == object::uid(gone) => state.replace(&key, None),
                _ => return,
            }
        };
        self.notify(old.as_ref(), None);
    }

    pub(crate) fn changed(&self, object: &Object) {
        let version = object::resource_version(object);
        let key = Key::of(object);
        let old = {
            let mut state = self.lock();
            state.covered = state.covered.max(version);
            // An own write whose answer came before the event, or an answer that is even newer.
            if state.objects.get(&key).is_some_and(|known| object::resource_version(known) >= version) {
                return;
            }
            state.replace(&key, Some(object))
        };
        self.notify(old.as_ref(), Some(object));
    }

    pub(crate) fn removed(&self, object: &Value) {
        let key = Key::of(object);
        let version = object::resource_version(object);
        let old = {
            let mut state = self.lock();
            state.covered = state.covered.max(version);
            // The name may have been taken again, and that answer may already be here.
            if state.objects.get(&key).is_some_and(|known| object::uid(known) != object::uid(object)) {
                return;
            }
            state.replace(&key, None)
        };
        if old.is_some() {
            self.notify(old.as_ref(), None);
        }
    }

    pub(crate) fn listed(&self, items: Vec<Value>, version: u64) {
        let mut present = BTreeSet::new();
        for mut item in items {
            // Items of a list do not name their own type.
            object::set(&mut item, "apiVersion", json!(self.kind.api_version));
            object::set(&mut item, "kind", json!(self.kind.kind));
            present.insert(Key::of(&item));
            self.changed(&Arc::new(item));
        }
        let gone: Vec<Object> = {
            let mut state = self.lock();
            state.covered = state.covered.max(version);
            let objects = state.objects.iter();
            objects
                .filter(|(key, known)| !present.contains(*key) && object::resource_version(known) <= version)
                .map(|(_, known)| known.clone())
                .collect()
        };
        for object in gone {
            self.forget(&object);
        }
        self.mark_synced();
    }

    pub(crate) fn mark_synced(&self) {
        let first = !std::mem::replace(&mut self.lock().synced, true);
        if first {
            self.synced.bump();
        }
    }

    /// Creates an object.
    pub(crate) async fn create(&self, api: &Api, object: &Value) -> Result<Object, ApiError> {
        let created = api.create(&self.kind, object::namespace(object), object).await?;
        self.observe(&created);
        Ok(created)
    }

    /// Sends a merge patch for the object as it was seen.
    pub(crate) async fn patch(&self, api: &Api, seen: &Value, patch: Value) -> Result<Object, ApiError> {
        let patched = api.patch(&self.kind, seen, None, patch).await?;
        self.observe(&patched);
        Ok(patched)
    }

    /// As [`Store::patch`], through the status subresource.
    pub(crate) async fn patch_through_status(
        &self,
        api: &Api,
        seen: &Value,
        patch: Value,
    ) -> Result<Object, ApiError> {
        let patched = api.patch(&self.kind, seen, Some("status"), patch).await?;
        self.observe(&patched);
        Ok(patched)
    }

    /// Writes a status, if it differs from the one that was seen; says whether it did.
    pub(crate) async fn write_status(
        &self,
        api: &Api,
        seen: &Value,
        status: &Value,
    ) -> Result<bool, ApiError> {
        let nothing = json!({});
        let Some(patch) = object::merge_patch(seen.get("status").unwrap_or(&nothing), status) else {
            return Ok(false);
        };
        self.patch_through_status(api, seen, json!({ "status": patch })).await?;
        Ok(true)
    }

    /// Deletes an object; one that is gone already is fine.
    pub(crate) async fn delete(
        &self,
        api: &Api,
        object: &Value,
        grace: Option<i64>,
        propagation: Option<&str>,
    ) -> Result<(), ApiError> {
        match api.delete(&self.kind, object, grace, propagation).await {
            // With a grace period or finalizers it lives on for a while; otherwise it is gone.
            Ok(answer)
                if object::deleting(&answer)
                    && (object::number_or(&answer, &["metadata", "deletionGracePeriodSeconds"], 0) > 0
                        || object::finalizers(&answer).next().is_some()) =>
            {
                self.observe(&answer);
                Ok(())
            }
            Ok(_) => {
                self.forget(object);
                Ok(())
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, uid: &str, version: u64, owner: Option<&str>) -> Value {
        let owners: Vec<Value> =
            owner.map(|uid| json!({"uid": uid, "controller": true})).into_iter().collect();
        json!({"metadata": {"namespace": "ns", "name": name, "uid": uid,
            "resourceVersion": version.to_string(), "ownerReferences": owners}})
    }

    fn store() -> (Arc<Store>, Arc<Mutex<Vec<String>>>) {
        let store = Store::new(Kind::new("v1", "Pod", "pods", true), Signal::new());
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = log.clone();
        store.on_change(vec![Box::new(move |old, new| {
            let version = |object: Option<&Object>| object.map_or(0, |o| object::resource_version(o));
            seen.lock().unwrap().push(format!("{}>{}", version(old), version(new)));
        })]);
        (store, log)
    }

    #[test]
    fn an_answer_is_seen_at_once_and_its_event_is_not_a_second_change() {
        let (store, log) = store();
        store.listed(vec![], 5);
        store.observe(&Arc::new(pod("a", "u1", 7, None)));
        store.changed(&Arc::new(pod("a", "u1", 7, None)));
        assert_eq!(*log.lock().unwrap(), ["0>7"]);
    }

    #[test]
    fn an_answer_that_the_watch_has_overtaken_does_not_bring_back_a_deleted_object() {
        let (store, log) = store();
        store.changed(&Arc::new(pod("a", "u1", 7, None)));
        store.removed(&pod("a", "u1", 8, None));
        store.observe(&Arc::new(pod("a", "u1", 7, None)));
        assert!(store.all().is_empty());
        assert_eq!(*log.lock().unwrap(), ["0>7", "7>0"]);
    }

    #[test]
    fn a_new_list_removes_what_is_gone_and_keeps_newer_answers() {
        let (store, _) = store();
        store.listed(vec![pod("a", "u1", 3, None), pod("b", "u2", 4, None)], 5);
        store.observe(&Arc::new(pod("c", "u3", 9, None)));
        store.listed(vec![pod("b", "u2", 4, None)], 8);
        let names: Vec<String> = store.all().iter().map(|o| object::name(o).to_owned()).collect();
        assert_eq!(names, ["b", "c"]);
    }

    #[test]
    fn objects_are_found_by_their_controller() {
        let (store, _) = store();
        store.changed(&Arc::new(pod("a", "u1", 1, Some("o1"))));
        store.changed(&Arc::new(pod("b", "u2", 2, Some("o1"))));
        store.changed(&Arc::new(pod("b", "u2", 3, None)));
        assert_eq!(store.owned_by("o1").len(), 1);
        store.removed(&pod("a", "u1", 4, Some("o1")));
        assert!(store.owned_by("o1").is_empty());
    }
}
