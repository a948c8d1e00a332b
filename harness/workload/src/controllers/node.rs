//! Nodes: they are made, and are Ready from then on.

use super::conditions::{Condition, find};
use crate::api::{ApiError, Kind, ignore_missing};
use crate::context::{Context, Wake};
use crate::events::Recorder;
use crate::object::{self, Key, at, later, list, rfc3339, set, text, uid};
use crate::options::Controllers;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const LEASES: Kind = Kind::new("coordination.k8s.io/v1", "Lease", "leases", true);
const LEASE_NAMESPACE: &str = "kube-node-lease";
const VERSION: &str = "v1.36.0";
/// How often a lease is renewed where somebody looks at it: it lasts 40 seconds.
const RENEW: Duration = Duration::from_secs(10);

/// The address of the node with this number (from 0): counted up from 172.18.0.2.
pub(crate) fn address(index: usize) -> String {
    let number = index + 2;
    format!("172.18.{}.{}", number / 256 % 256, number % 256)
}

/// Makes one of our nodes where it is missing, and keeps it ready. Nodes of others are left alone.
pub(crate) async fn reconcile(context: &Context, _: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let Some(index) = context.options.nodes.iter().position(|node| *node == key.name) else {
        return Ok(None);
    };
    let now = context.clock.now();
    let store = &context.stores.nodes;
    let node = match store.get(key) {
        Some(node) => node,
        None => {
            let node = json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": {"name": key.name, "labels": {
                    "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": key.name, "kubernetes.io/os": "linux",
                }},
                "spec": {"providerID": format!("seatrial://{}", key.name)},
            });
            match store.create(&context.api, &node).await {
                Ok(node) => node,
                // It is there already; the watch will bring it.
                Err(error) if error.is_conflict() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    };
    let status = status(&node, &address(index), now);
    if store.write_status(&context.api, &node, &status).await? {
        lease(context, &node, now).await;
        return Ok(None);
    }
    // The server taints new nodes until somebody has seen them ready.
    let taints = list(&node, &["spec", "taints"]);
    let kept: Vec<&Value> =
        taints.iter().filter(|taint| text(taint, &["key"]) != "node.kubernetes.io/not-ready").collect();
    if kept.len() != taints.len() {
        let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
        store.patch(&context.api, &node, json!({"spec": {"taints": kept}})).await?;
    }
    if context.options.controllers != Controllers::None {
        return Ok(None);
    }
    // A kube-controller-manager takes the node for lost when its lease is not renewed.
    renew(context, &node, now).await?;
    Ok(Some(later(now, RENEW)))
}

/// Renews the node's lease, which is made again where it is missing.
async fn renew(context: &Context, node: &Value, now: Timestamp) -> Result<(), ApiError> {
    let key = Key::new(LEASE_NAMESPACE, object::name(node));
    match ignore_missing(context.api.get(&LEASES, &key).await)? {
        Some(lease) => {
            let patch = json!({"spec": {"renewTime": micro_time(now)}});
            context.api.patch(&LEASES, &lease, None, patch).await.map(drop)
        }
        None => {
            lease(context, node, now).await;
            Ok(())
        }
    }
}

/// The node's lease.
async fn lease(context: &Context, node: &Value, now: Timestamp) {
    let name = object::name(node);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid(node)}]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro_time(now)},
    });
    match context.api.create(&LEASES, LEASE_NAMESPACE, &lease).await {
        Ok(_) => {}
        Err(error) if error.is_conflict() => {}
        Err(error) => tracing::debug!(%error, node = name, "cannot make the node's lease"),
    }
}

/// A time with six digits of the second, as leases have it.
fn micro_time(at: Timestamp) -> Value {
    Value::String(format!("{at:.6}"))
}

fn status(node: &Value, address: &str, now: Timestamp) -> Value {
    let mut status = node.get("status").cloned().unwrap_or_else(|| json!({}));
    let resources = json!({
        "cpu": "64", "memory": "256Gi", "pods": "65000", "ephemeral-storage": "1Ti",
        "hugepages-1Gi": "0", "hugepages-2Mi": "0",
    });
    for (field, value) in [
        ("capacity", resources.clone()),
        ("allocatable", resources),
        (
            "addresses",
            json!([{"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": object::name(node)}]),
        ),
        ("daemonEndpoints", json!({"kubeletEndpoint": {"Port": 10250}})),
        (
            "nodeInfo",
            json!({
                "architecture": "amd64", "operatingSystem": "linux", "kernelVersion": "6.12.0",
                "osImage": "Seatrial", "containerRuntimeVersion": "containerd://2.1.0",
                "kubeletVersion": VERSION, "kubeProxyVersion": "", "bootID": uid(node),
                "machineID": uid(node), "systemUUID": uid(node),
            }),
        ),
    ] {
        if at(&status, &[field])
            .is_none_or(|known| field != "nodeInfo" || text(known, &["machineID"]).is_empty())
        {
            set(&mut status, field, value);
        }
    }
    let known = list(&status, &["conditions"]).to_vec();
    let healthy = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ];
    let conditions: Vec<Value> = healthy
        .into_iter()
        .map(|(kind, wanted, reason, message)| {
            let condition = Condition::new(kind, wanted, reason, message);
            let before = find(&known, kind);
            let mut value = condition.to_value(before, now);
            let beat = before.filter(|before| text(before, &["status"]) == wanted);
            let beat = beat.and_then(|before| before.get("lastHeartbeatTime")).cloned();
            set(&mut value, "lastHeartbeatTime", beat.unwrap_or_else(|| rfc3339(now)));
            value
        })
        .collect();
    set(&mut status, "conditions", json!(conditions));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_node_settles_after_one_write() {
        let mut node = json!({"metadata": {"name": "beta", "uid": "u"}});
        let first = status(&node, "172.18.0.2", Timestamp::UNIX_EPOCH);
        set(&mut node, "status", first.clone());
        let later = Timestamp::from_second(5000).unwrap();
        assert_eq!(status(&node, "172.18.0.2", later), first);
        assert!(object::is_true(&first, "Ready"));
    }

    #[test]
    fn lease_times_have_microseconds() {
        assert_eq!(micro_time(Timestamp::UNIX_EPOCH), json!("1970-01-01T00:00:00.000000Z"));
    }
}
