//! The EndpointSlices that a Service and its pods imply. Pure.

use super::pods::{is_finished, is_ready};
use super::service::slice_labels;
use crate::object::{Object, at, deleting, flag, list, name, namespace, text, uid};
use serde_json::{Value, json};

/// As many endpoints stand in one slice.
const PER_SLICE: usize = 100;

/// The slices, without names: one for each set of 100 endpoints that have the same target ports.
pub(crate) fn build(service: &Value, pods: &[Object]) -> Vec<Value> {
    let publish_unready = flag(service, &["spec", "publishNotReadyAddresses"]);
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for pod in pods {
        let address = text(pod, &["status", "podIP"]);
        if address.is_empty() || is_finished(pod) {
            continue;
        }
        let ports = ports(service, pod);
        let serving = is_ready(pod);
        let ready = publish_unready || serving && !deleting(pod);
        let endpoint = json!({
            "addresses": [address],
            "conditions": {"ready": ready, "serving": serving, "terminating": deleting(pod)},
            "nodeName": text(pod, &["spec", "nodeName"]),
            "targetRef": {"kind": "Pod", "name": name(pod), "namespace": namespace(pod), "uid": uid(pod)},
        });
        match groups.iter_mut().find(|(known, endpoints)| *known == ports && endpoints.len() < PER_SLICE) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => groups.push((ports, vec![endpoint])),
        }
    }
    if groups.is_empty() {
        groups.push((Value::Null, Vec::new()));
    }
    let family = match list(service, &["spec", "ipFamilies"]).first().and_then(Value::as_str) {
        Some("IPv6") => "IPv6",
        _ => "IPv4",
    };
    groups
        .into_iter()
        .map(|(ports, endpoints)| {
            json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"namespace": namespace(service), "labels": slice_labels(service)},
                "addressType": family, "endpoints": endpoints, "ports": ports,
            })
        })
        .collect()
}

/// The ports of a Service as this pod serves them; a named port that the pod does not have is left out.
fn ports(service: &Value, pod: &Value) -> Value {
    let ports: Vec<Value> = list(service, &["spec", "ports"])
        .iter()
        .filter_map(|port| {
            let protocol = match text(port, &["protocol"]) {
                "" => "TCP",
                protocol => protocol,
            };
            let number = match at(port, &["targetPort"]) {
                Some(Value::String(wanted)) => container_port(pod, wanted, protocol)?,
                Some(Value::Number(number)) if number.as_i64() != Some(0) => number.as_i64()?,
                _ => crate::object::number(port, &["port"])?,
            };
            let mut entry = json!({"name": text(port, &["name"]), "port": number, "protocol": protocol});
            if let Some(app) = at(port, &["appProtocol"]) {
                crate::object::set(&mut entry, "appProtocol", app.clone());
            }
            Some(entry)
        })
        .collect();
    json!(ports)
}

fn container_port(pod: &Value, wanted: &str, protocol: &str) -> Option<i64> {
    list(pod, &["spec", "containers"]).iter().flat_map(|container| list(container, &["ports"])).find_map(
        |port| {
            let same_protocol = matches!((text(port, &["protocol"]), protocol), ("", "TCP"))
                || text(port, &["protocol"]) == protocol;
            (text(port, &["name"]) == wanted && same_protocol)
                .then(|| crate::object::number(port, &["containerPort"]))
                .flatten()
        },
    )
}

/// Whether a slice as it stands says the same as one that is wanted.
pub(crate) fn same_endpoints(known: &Value, wanted: &Value) -> bool {
    let same = |field: &str| {
        let empty = |value: Option<&Value>| value.is_none_or(|v| v.is_null() || *v == json!([]));
        known.get(field) == wanted.get(field) || empty(known.get(field)) && empty(wanted.get(field))
    };
    same("addressType")
        && same("endpoints")
        && same("ports")
        && at(known, &["metadata", "labels"]) == at(wanted, &["metadata", "labels"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn pod(name: &str, ip: &str, ready: &str) -> Object {
        Arc::new(json!({
            "metadata": {"name": name, "namespace": "ns", "uid": name},
            "spec": {"nodeName": "n", "containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]},
            "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}}))
    }

    #[test]
    fn pods_with_an_address_become_endpoints_with_resolved_ports() {
        let service = json!({"metadata": {"name": "web", "namespace": "ns"},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}]}});
        let pods = [pod("a", "10.244.0.2", "True"), pod("b", "10.244.0.3", "False"), pod("c", "", "False")];
        let slices = build(&service, &pods);
        assert_eq!(slices.len(), 1);
        assert_eq!(slices[0]["ports"], json!([{"name": "http", "port": 8080, "protocol": "TCP"}]));
        let ready: Vec<&Value> =
            slices[0]["endpoints"].as_array().unwrap().iter().map(|e| &e["conditions"]["ready"]).collect();
        assert_eq!(ready, [&json!(true), &json!(false)]);
        assert_eq!(slices[0]["metadata"]["labels"]["kubernetes.io/service-name"], "web");
    }

    #[test]
    fn a_service_without_pods_has_one_empty_slice() {
        let service =
            json!({"metadata": {"name": "web", "namespace": "ns"}, "spec": {"ports": [{"port": 80}]}});
        let slices = build(&service, &[]);
        assert_eq!(slices.len(), 1);
        assert!(same_endpoints(
            &json!({"addressType": "IPv4", "endpoints": null, "ports": null,
            "metadata": {"labels": slices[0]["metadata"]["labels"]}}),
            &slices[0]
        ));
    }
}
