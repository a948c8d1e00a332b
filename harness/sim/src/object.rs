//! A stored object: its tree, and its JSON text, made once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// An object at one resource version. Never changed: a write stores another one.
#[derive(Debug)]
pub(crate) struct Object {
    value: Arc<Value>,
    version: u64,
    json: OnceLock<Bytes>,
    /// Configurations that were applied to this very version and changed nothing, the last few.
    unchanged_by: Mutex<VecDeque<u128>>,
}

impl Object {
    pub(crate) fn new(value: Value, version: u64) -> Object {
        Object { value: Arc::new(value), version, json: OnceLock::new(), unchanged_by: Mutex::default() }
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The tree, for those who keep it.
    pub(crate) fn shared(&self) -> &Arc<Value> {
        &self.value
    }

    /// The resource version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether this version is known not to change when the configuration with this digest is applied.
    pub(crate) fn is_unchanged_by(&self, digest: u128) -> bool {
        self.unchanged_by.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    /// Remembers that applying a configuration has changed nothing.
    pub(crate) fn remember_unchanged_by(&self, digest: u128) {
        const KEPT: usize = 4;
        let mut known = self.unchanged_by.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&digest) {
            known.truncate(KEPT - 1);
            known.push_front(digest);
        }
    }

    /// The object as JSON text, in the stored version.
    pub(crate) fn json(&self) -> Bytes {
        self.json.get_or_init(|| crate::meta::object_to_bytes(&self.value)).clone()
    }
}

/// Where an object stands in its resource's table. Objects without a namespace have an empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Key {
        Key { namespace: namespace.into(), name: name.into() }
    }
}
