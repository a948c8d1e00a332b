//! What a server makes for itself when it starts.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api_services;
use crate::codec;
use crate::kind::Kind;
use crate::managed_fields::{self, Writer};
use crate::meta;
use crate::object::Key;
use crate::rbac;
use crate::store::State;
use crate::write;

/// Stands for the time in what is prepared.
const TIME: Timestamp = Timestamp::UNIX_EPOCH;

/// What every cluster begins with, but for uids and times: worked out once for all clusters of a process.
static PREPARED: LazyLock<Vec<(Kind, Value)>> = LazyLock::new(|| {
    let core = |plural: &str| Kind::built_in("", "v1", plural);
    let mut all = Vec::new();
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let object = json!({"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"}});
        all.push((core("namespaces"), object));
    }
    for (name, value, description) in [
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ] {
        let object =
            json!({"metadata": {"name": name, "generation": 1}, "value": value, "description": description});
        all.push((Kind::built_in("scheduling.k8s.io", "v1", "priorityclasses"), object));
    }
    let service = json!({
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
    });
    all.push((core("services"), service));
    all.extend(rbac::objects().map(|(kind, object)| (Some(kind), object)));
    all.extend(api_services::built_in(TIME).map(|object| (api_services::kind(), object)));
    let prepared = all.into_iter().filter_map(|(kind, object)| {
        let kind = kind?;
        let object = prepare(&kind, object, TIME)?;
        Some((kind, object))
    });
    let mut prepared: Vec<(Kind, Value)> = prepared.collect();
    rbac::aggregate_all(&mut prepared, TIME);
    prepared
});

/// Fills an empty cluster.
pub(crate) fn fill(state: &mut State, now: Timestamp) {
    let (then, now_text) = (meta::rfc3339(TIME), meta::rfc3339(now));
    for (kind, object) in PREPARED.iter() {
        let mut object = object.clone();
        // Roles and bindings, of which there are many, have times in their metadata alone.
        match kind.group == rbac::GROUP {
            true => set_times(&mut object["metadata"], &then, &now_text),
            false => set_times(&mut object, &then, &now_text),
        }
        store(state, kind, object, now);
    }
    // They have been made with all that they select.
    rbac::settle(state);
}

fn set_times(value: &mut Value, then: &str, now: &str) {
    match value {
        Value::String(text) if text == then => now.clone_into(text),
        Value::Array(list) => list.iter_mut().for_each(|item| set_times(item, then, now)),
        Value::Object(map) => map.values_mut().for_each(|item| set_times(item, then, now)),
        _ => {}
    }
}

/// Stores an object that the server itself makes, and is the owner of.
pub(crate) fn put(state: &mut State, kind: &Kind, object: Value, now: Timestamp) {
    if let Some(object) = prepare(kind, object, now) {
        store(state, kind, object, now);
    }
}

/// An object as it is stored, but for its uid. Nothing, where it does not fit its type.
fn prepare(kind: &Kind, mut object: Value, now: Timestamp) -> Option<Value> {
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.as_ref().into();
    meta::metadata_mut(&mut object).insert("creationTimestamp".to_owned(), meta::rfc3339(now).into());
    let (object, _) = codec::decode(kind, object).ok()?;
    Some(own(kind, object, now))
}

fn store(state: &mut State, kind: &Kind, mut object: Value, now: Timestamp) {
    let uid = state.uid_rng.uuid();
    meta::metadata_mut(&mut object).insert("uid".to_owned(), uid.into());
    let key = Key::new(meta::namespace(&object), meta::name(&object));
    state.put(&kind.table(), &key, object, now);
}

/// Records the server as the owner of what it has made.
fn own(kind: &Kind, object: Value, now: Timestamp) -> Value {
    let api_version = kind.api_version();
    let writer = Writer {
        manager: "kube-apiserver",
        api_version: &api_version,
        subresource: "",
        ignored: write::ignored(kind, ""),
        now,
    };
    managed_fields::update_stored(None, object, &writer, write::typed(kind))
}
