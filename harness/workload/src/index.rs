//! Objects of a kind by what controllers look for, so that nobody goes through all of them for each change.

use crate::controllers::pods::is_ready;
use crate::object::{self, Key, Object, map};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A namespace, and a label's key and value in it.
type Pair = (String, String, String);

/// Keys of the objects of one kind.
#[derive(Default)]
pub(crate) struct Index {
    of: Of,
    /// By the uid of their controller.
    by_owner: BTreeMap<String, BTreeSet<Key>>,
    /// Those that nobody controls.
    orphans: BTreeSet<Key>,
    /// Pods by each of their labels; services by the first of those that they select.
    by_pair: BTreeMap<Pair, BTreeSet<Key>>,
    /// Pods that are not ready.
    unready: BTreeSet<Key>,
}

/// What the objects are, as far as it matters here.
#[derive(Clone, Copy, Default, PartialEq)]
enum Of {
    Pods,
    Services,
    #[default]
    Others,
}

impl Index {
    /// An empty index of objects of this kind.
    pub(crate) fn of(kind: &str) -> Index {
        let of = match kind {
            "Pod" => Of::Pods,
            "Service" => Of::Services,
            _ => Of::Others,
        };
        Index { of, ..Index::default() }
    }

    /// Takes up that the object of this key has changed.
    pub(crate) fn replace(&mut self, key: &Key, old: Option<&Object>, new: Option<&Object>) {
        let (before, after) = (old.map(|object| owner(object)), new.map(|object| owner(object)));
        if before != after {
            match before {
                Some(Some(uid)) => take(&mut self.by_owner, uid, key),
                Some(None) => drop(self.orphans.remove(key)),
                None => {}
            }
            match after {
                Some(Some(uid)) => drop(self.by_owner.entry(uid.to_owned()).or_default().insert(key.clone())),
                Some(None) => drop(self.orphans.insert(key.clone())),
                None => {}
            }
        }
        if self.of == Of::Others {
            return;
        }
        let (before, after) = (old.and_then(|o| self.labels(o)), new.and_then(|o| self.labels(o)));
        if before != after {
            for pair in self.pairs(key, before) {
                take(&mut self.by_pair, &pair, key);
            }
            for pair in self.pairs(key, after) {
                self.by_pair.entry(pair).or_default().insert(key.clone());
            }
        }
        if self.of == Of::Pods {
            match new.is_some_and(|pod| !is_ready(pod)) {
                true => drop(self.unready.insert(key.clone())),
                false => drop(self.unready.remove(key)),
            }
        }
    }

    fn labels<'o>(&self, object: &'o Object) -> Option<&'o Map<String, Value>> {
        match self.of {
            Of::Services => map(object, &["spec", "selector"]),
            _ => map(object, &["metadata", "labels"]),
        }
    }

    fn pairs(&self, key: &Key, labels: Option<&Map<String, Value>>) -> Vec<Pair> {
        let most = if self.of == Of::Services { 1 } else { usize::MAX };
        labels.into_iter().flatten().take(most).map(|label| pair(&key.namespace, label)).collect()
    }

    /// Those that the owner with this uid controls.
    pub(crate) fn owned_by(&self, uid: &str) -> impl Iterator<Item = &Key> {
        self.by_owner.get(uid).into_iter().flatten()
    }

    /// Those of a namespace that nobody controls.
    pub(crate) fn orphans(&self, namespace: &str) -> impl Iterator<Item = &Key> {
        within(&self.orphans, namespace)
    }

    /// Pods of a namespace that are not ready.
    pub(crate) fn unready(&self, namespace: &str) -> impl Iterator<Item = &Key> {
        within(&self.unready, namespace)
    }

    /// Pods that can have all of these labels: those that have the rarest. None where there are no labels.
    pub(crate) fn labelled<'i>(
        &'i self,
        namespace: &str,
        labels: &Map<String, Value>,
    ) -> impl Iterator<Item = &'i Key> + use<'i> {
        let with = |label| self.by_pair.get(&pair(namespace, label));
        // Where one label has no pods, no pod has them all.
        let sets: Option<Vec<_>> = labels.iter().map(with).collect();
        let rarest = sets.and_then(|sets| sets.into_iter().min_by_key(|set| set.len()));
        rarest.into_iter().flatten()
    }

    /// Services that can select an object with these labels, by name.
    pub(crate) fn selecting(&self, namespace: &str, labels: &Map<String, Value>) -> BTreeSet<&Key> {
        labels.iter().filter_map(|label| self.by_pair.get(&pair(namespace, label))).flatten().collect()
    }
}

fn owner(object: &Value) -> Option<&str> {
    object::controller(object).map(|owner| object::text(owner, &["uid"]))
}

fn pair(namespace: &str, (key, value): (&String, &Value)) -> Pair {
    (namespace.to_owned(), key.clone(), value.as_str().unwrap_or_default().to_owned())
}

fn within<'i>(keys: &'i BTreeSet<Key>, namespace: &str) -> impl Iterator<Item = &'i Key> {
    keys.range(Key::new(namespace, "")..).take_while(move |key| key.namespace == namespace)
}

fn take<K: Ord + std::borrow::Borrow<Q>, Q: Ord + ?Sized>(
    keys: &mut BTreeMap<K, BTreeSet<Key>>,
    at: &Q,
    key: &Key,
) {
    if let Some(found) = keys.get_mut(at) {
        found.remove(key);
        if found.is_empty() {
            keys.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn object(namespace: &str, name: &str, labels: &Value, selector: &Value, ready: &str) -> Object {
        Arc::new(json!({
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"selector": selector},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
    }

    fn labels(value: &Value) -> &Map<String, Value> {
        value.as_object().unwrap()
    }

    fn names<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Vec<&'k str> {
        keys.into_iter().map(|key| key.name.as_str()).collect()
    }

    fn put(index: &mut Index, old: Option<&Object>, new: Option<&Object>) {
        let key = Key::of(new.or(old).unwrap());
        index.replace(&key, old, new);
    }

    #[test]
    fn pods_are_found_by_their_labels_as_these_change() {
        let mut index = Index::of("Pod");
        let none = json!({});
        let a = object("ns", "a", &json!({"app": "x", "tier": "web"}), &none, "True");
        let b = object("ns", "b", &json!({"app": "x"}), &none, "False");
        let other = object("other", "c", &json!({"app": "x"}), &none, "False");
        for pod in [&a, &b, &other] {
            put(&mut index, None, Some(pod));
        }
        assert_eq!(names(index.labelled("ns", labels(&json!({"app": "x"})))), ["a", "b"]);
        assert_eq!(names(index.labelled("ns", labels(&json!({"app": "x", "tier": "web"})))), ["a"]);
        assert!(names(index.labelled("ns", labels(&json!({"app": "x", "gone": "1"})))).is_empty());
        assert!(names(index.labelled("ns", labels(&none))).is_empty());
        assert_eq!(names(index.unready("ns")), ["b"]);
        assert_eq!(names(index.orphans("ns")), ["a", "b"]);
        let moved = object("ns", "a", &json!({"app": "y"}), &none, "False");
        put(&mut index, Some(&a), Some(&moved));
        assert_eq!(names(index.labelled("ns", labels(&json!({"app": "x"})))), ["b"]);
        assert_eq!(names(index.labelled("ns", labels(&json!({"app": "y"})))), ["a"]);
        assert_eq!(names(index.unready("ns")), ["a", "b"]);
        put(&mut index, Some(&moved), None);
        assert!(names(index.labelled("ns", labels(&json!({"app": "y"})))).is_empty());
        assert_eq!(names(index.unready("ns")), ["b"]);
        assert_eq!(names(index.orphans("ns")), ["b"]);
    }

    #[test]
    fn services_are_found_by_what_they_select() {
        let mut index = Index::of("Service");
        let none = json!({});
        let one = object("ns", "one", &none, &json!({"app": "x", "tier": "web"}), "");
        let two = object("ns", "two", &none, &json!({"app": "x"}), "");
        let nothing = object("ns", "nothing", &none, &none, "");
        for service in [&one, &two, &nothing] {
            put(&mut index, None, Some(service));
        }
        assert_eq!(names(index.selecting("ns", labels(&json!({"app": "x", "z": "1"})))), ["one", "two"]);
        assert!(index.selecting("ns", labels(&json!({"tier": "web"}))).is_empty());
        assert!(index.selecting("other", labels(&json!({"app": "x"}))).is_empty());
    }
}
