//! A stored object: its tree, and its JSON text, made once.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

/// An object at one resource version. Never changed: a write stores another one.
#[derive(Debug)]
pub(crate) struct Object {
    value: Value,
    version: u64,
    json: OnceLock<Bytes>,
}

impl Object {
    pub(crate) fn new(value: Value, version: u64) -> Object {
        Object { value, version, json: OnceLock::new() }
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// The resource version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The object as JSON text, in the stored version.
    pub(crate) fn json(&self) -> Bytes {
        self.json.get_or_init(|| crate::meta::to_bytes(&self.value)).clone()
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
