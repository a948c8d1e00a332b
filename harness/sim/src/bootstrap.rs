//! What a server makes for itself when it starts.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::codec;
use crate::kind::Kind;
use crate::meta;
use crate::object::Key;
use crate::store::State;

/// Fills an empty cluster.
pub(crate) fn fill(state: &mut State, now: Timestamp) {
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let object = json!({"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"}});
        put(state, Kind::built_in("", "v1", "namespaces"), object, now);
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
        put(state, Kind::built_in("scheduling.k8s.io", "v1", "priorityclasses"), object, now);
    }
    let service = json!({
        "metadata": {"name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
    });
    put(state, Kind::built_in("", "v1", "services"), service, now);
}

fn put(state: &mut State, kind: Option<Kind>, mut object: Value, now: Timestamp) {
    let Some(kind) = kind else { return };
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.as_ref().into();
    let uid = state.uid_rng.uuid();
    let metadata = meta::metadata_mut(&mut object);
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), meta::rfc3339(now).into());
    let key = Key::new(meta::namespace(&object), meta::name(&object));
    // These objects are written above and fit their types.
    let Ok((mut object, _)) = codec::decode(&kind, object) else { return };
    if let Value::Object(map) = &mut object {
        let rest = std::mem::take(map);
        map.insert("kind".to_owned(), kind.kind.as_ref().into());
        map.insert("apiVersion".to_owned(), kind.api_version().into());
        map.extend(rest);
    }
    state.put(&kind.table(), &key, object, now);
}
