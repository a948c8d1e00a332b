//! Rows of services, endpoints, ingresses and nodes.

use serde_json::Value;

use super::Row;
use super::cells::{flag, int, labels, list, map, number, or, text};
use crate::meta;

pub(super) fn service(row: &mut Row<'_>) {
    let o = row.object;
    let ty = text(o, &["spec", "type"]);
    row.text(ty);
    row.text(or(text(o, &["spec", "clusterIP"]), "<none>"));
    row.text(external(o, ty));
    let ports: Vec<String> = list(o, &["spec", "ports"])
        .map(|p| {
            let node_port = number(p, &["nodePort"]).map(|n| format!(":{n}")).unwrap_or_default();
            format!("{}{node_port}/{}", int(p, &["port"]), text(p, &["protocol"]))
        })
        .collect();
    row.text(if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") });
    row.age();
    row.text(labels(map(o, &["spec", "selector"])));
}

fn external(o: &Value, ty: &str) -> String {
    let given: Vec<&str> = list(o, &["spec", "externalIPs"]).filter_map(Value::as_str).collect();
    let balanced: Vec<&str> = list(o, &["status", "loadBalancer", "ingress"])
        .map(|i| or(text(i, &["ip"]), text(i, &["hostname"])))
        .filter(|a| !a.is_empty())
        .collect();
    match ty {
        "ExternalName" => text(o, &["spec", "externalName"]).to_owned(),
        "LoadBalancer" => match (balanced.is_empty(), given.is_empty()) {
            (true, true) => "<pending>".to_owned(),
            _ => [balanced, given].concat().join(","),
        },
        _ if given.is_empty() => "<none>".to_owned(),
        _ => given.join(","),
    }
}

/// The first few of a list, and how many more there are.
fn some(all: &[String], shown: usize) -> String {
    if all.is_empty() {
        return "<none>".to_owned();
    }
    let head: Vec<&str> = all.iter().take(shown).map(String::as_str).collect();
    let head = head.join(",");
    match all.len().saturating_sub(shown) {
        0 => head,
        more => format!("{head} + {more} more..."),
    }
}

pub(super) fn endpoints(row: &mut Row<'_>) {
    let mut all = Vec::new();
    for subset in list(row.object, &["subsets"]) {
        let ports: Vec<i64> = list(subset, &["ports"]).map(|p| int(p, &["port"])).collect();
        if ports.is_empty() {
            all.extend(list(subset, &["addresses"]).map(|a| text(a, &["ip"]).to_owned()));
        }
        for port in ports {
            all.extend(list(subset, &["addresses"]).map(|a| match text(a, &["ip"]) {
                ip if ip.contains(':') => format!("[{ip}]:{port}"),
                ip => format!("{ip}:{port}"),
            }));
        }
    }
    row.text(some(&all, 3));
    row.age();
}

pub(super) fn slice(row: &mut Row<'_>) {
    let o = row.object;
    row.text(text(o, &["addressType"]));
    let ports: Vec<String> = list(o, &["ports"])
        .map(|p| match number(p, &["port"]) {
            Some(port) => port.to_string(),
            None => or(text(p, &["name"]), "*").to_owned(),
        })
        .collect();
    row.text(if ports.is_empty() { "<unset>".to_owned() } else { some(&ports, 3) });
    let addresses: Vec<String> = list(o, &["endpoints"])
        .flat_map(|e| list(e, &["addresses"]))
        .filter_map(|a| a.as_str().map(str::to_owned))
        .collect();
    row.text(if addresses.is_empty() { "<unset>".to_owned() } else { some(&addresses, 3) });
    row.age();
}

pub(super) fn ingress(row: &mut Row<'_>) {
    let o = row.object;
    row.text(or(text(o, &["spec", "ingressClassName"]), "<none>"));
    let hosts: Vec<String> = list(o, &["spec", "rules"])
        .map(|r| text(r, &["host"]).to_owned())
        .filter(|h| !h.is_empty())
        .collect();
    row.text(if hosts.is_empty() { "*".to_owned() } else { some(&hosts, 3) });
    let addresses: Vec<&str> = list(o, &["status", "loadBalancer", "ingress"])
        .map(|i| or(text(i, &["ip"]), text(i, &["hostname"])))
        .filter(|a| !a.is_empty())
        .collect();
    row.text(addresses.join(","));
    row.text(if list(o, &["spec", "tls"]).next().is_some() { "80, 443" } else { "80" });
    row.age();
}

pub(super) fn class(row: &mut Row<'_>) {
    let o = row.object;
    row.text(text(o, &["spec", "controller"]));
    row.text(match meta::at(o, &["spec", "parameters"]) {
        Some(p) if !p.is_null() => {
            let kind = crate::status::qualified(text(p, &["kind"]), text(p, &["apiGroup"]));
            format!("{kind}/{}", text(p, &["name"]))
        }
        _ => "<none>".to_owned(),
    });
    row.age();
}

pub(super) fn node(row: &mut Row<'_>) {
    let o = row.object;
    let ready = list(o, &["status", "conditions"]).find(|c| text(c, &["type"]) == "Ready");
    let mut state = match ready.map(|c| text(c, &["status"])) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if flag(o, &["spec", "unschedulable"]) {
        state.push_str(",SchedulingDisabled");
    }
    row.text(state);
    const ROLE: &str = "node-role.kubernetes.io/";
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in map(o, &["metadata", "labels"]).into_iter().flatten() {
        let value = value.as_str().unwrap_or("");
        let role = match key.strip_prefix(ROLE) {
            Some(role) => role,
            None if key == "kubernetes.io/role" => value,
            None => continue,
        };
        if !role.is_empty() {
            roles.push(role);
        }
    }
    roles.sort_unstable();
    roles.dedup();
    row.text(if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") });
    row.age();
    let info = |field: &str| text(o, &["status", "nodeInfo", field]);
    row.text(info("kubeletVersion"));
    for ty in ["InternalIP", "ExternalIP"] {
        let address = list(o, &["status", "addresses"]).find(|a| text(a, &["type"]) == ty);
        row.text(or(address.map_or("", |a| text(a, &["address"])), "<none>"));
    }
    row.text(or(info("osImage"), "<unknown>"));
    row.text(match (info("kernelVersion"), info("architecture")) {
        ("", _) => "<unknown>".to_owned(),
        (kernel, "") => kernel.to_owned(),
        (kernel, architecture) => format!("{kernel} ({architecture})"),
    });
    row.text(or(info("containerRuntimeVersion"), "<unknown>"));
}
