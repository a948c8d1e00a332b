//! Faults of Services, Ingresses and NetworkPolicies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::pod::{one_of, port};
use crate::meta;
use crate::status::FieldError;

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[])
}

pub(super) fn service(spec: &Value, found: &mut Vec<FieldError>) {
    let ports = list(spec, "ports");
    let ty = meta::text(spec, &["type"]);
    let headless = meta::text(spec, &["clusterIP"]) == "None";
    if ports.is_empty() && !headless && ty != "ExternalName" {
        found.push(FieldError::required("spec.ports", ""));
    }
    let mut seen = BTreeSet::new();
    for (i, entry) in ports.iter().enumerate() {
        let at = format!("spec.ports[{i}]");
        let name = meta::text(entry, &["name"]);
        if name.is_empty() {
            if ports.len() > 1 {
                found.push(FieldError::required(format!("{at}.name"), ""));
            }
        } else {
            let errors = names::faults(&format!("{at}.name"), name, names::label);
            if errors.is_empty() && !seen.insert(name) {
                found.push(FieldError::duplicate(format!("{at}.name"), &name.into()));
            }
            found.extend(errors);
        }
        port(&format!("{at}.port"), entry.get("port"), found);
        one_of(&format!("{at}.protocol"), entry.get("protocol"), &["TCP", "UDP", "SCTP"], found);
        port(&format!("{at}.targetPort"), entry.get("targetPort"), found);
    }
    one_of("spec.sessionAffinity", spec.get("sessionAffinity"), &["ClientIP", "None"], found);
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    one_of("spec.type", spec.get("type"), &types, found);
    if ty == "ExternalName" {
        match meta::text(spec, &["externalName"]).trim_end_matches('.') {
            "" => found.push(FieldError::required("spec.externalName", "")),
            name => found.extend(names::faults("spec.externalName", name, names::subdomain)),
        }
    }
    if headless && matches!(ty, "NodePort" | "LoadBalancer") {
        let why = "may not be set to 'None' for LoadBalancer services";
        let why = if ty == "NodePort" { why.replace("LoadBalancer", "NodePort") } else { why.to_owned() };
        found.push(FieldError::invalid("spec.clusterIPs[0]", &"None".into(), &why));
    }
}

pub(super) fn ingress(spec: &Value, found: &mut Vec<FieldError>) {
    let rules = list(spec, "rules");
    if rules.is_empty() && spec.get("defaultBackend").is_none() {
        let why = "either `defaultBackend` or `rules` must be specified";
        found.push(FieldError::invalid("spec", &Value::Null, why));
    }
    if let Some(backend) = spec.get("defaultBackend") {
        check_backend(backend, "spec.defaultBackend", found);
    }
    for (i, rule) in rules.iter().enumerate() {
        let host = meta::text(rule, &["host"]);
        if !host.is_empty() {
            let plain = host.strip_prefix("*.").unwrap_or(host);
            found.extend(names::faults(&format!("spec.rules[{i}].host"), plain, names::subdomain));
        }
        let paths = meta::at(rule, &["http", "paths"]).and_then(Value::as_array);
        for (j, path) in paths.into_iter().flatten().enumerate() {
            let at = format!("spec.rules[{i}].http.paths[{j}]");
            let text = meta::text(path, &["path"]);
            match path.get("pathType") {
                None => {
                    found.push(FieldError::required(format!("{at}.pathType"), "pathType must be specified"));
                }
                Some(ty) => {
                    let types = ["Exact", "ImplementationSpecific", "Prefix"];
                    one_of(&format!("{at}.pathType"), Some(ty), &types, found);
                    if ty != "ImplementationSpecific" && !text.starts_with('/') {
                        let why = "must be an absolute path";
                        found.push(FieldError::invalid(format!("{at}.path"), &text.into(), why));
                    }
                    if let Some(backend) = path.get("backend") {
                        check_backend(backend, &format!("{at}.backend"), found);
                    }
                }
            }
        }
    }
}

fn check_backend(backend: &Value, at: &str, found: &mut Vec<FieldError>) {
    let Some(service) = backend.get("service") else {
        if backend.get("resource").is_none() {
            let why = "resource or service backend is required";
            found.push(FieldError::required(at, why));
        }
        return;
    };
    if meta::text(service, &["name"]).is_empty() {
        found.push(FieldError::required(format!("{at}.service.name"), ""));
    }
    let named = !meta::text(service, &["port", "name"]).is_empty();
    let numbered = meta::at(service, &["port", "number"]).and_then(Value::as_i64).unwrap_or(0) != 0;
    match (named, numbered) {
        (true, true) => {
            let why = "cannot set both port name & port number";
            found.push(FieldError::invalid(at, &Value::Null, why));
        }
        (false, false) => {
            let why = "port name or number is required";
            found.push(FieldError::required(at, why));
        }
        _ => port(&format!("{at}.service.port.number"), meta::at(service, &["port", "number"]), found),
    }
}

pub(super) fn policy(spec: &Value, found: &mut Vec<FieldError>) {
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in list(spec, direction).iter().enumerate() {
            for (j, entry) in list(rule, "ports").iter().enumerate() {
                let at = format!("spec.{direction}[{i}].ports[{j}]");
                one_of(&format!("{at}.protocol"), entry.get("protocol"), &["TCP", "UDP", "SCTP"], found);
                port(&format!("{at}.port"), entry.get("port"), found);
            }
            for (j, peer) in list(rule, peers).iter().enumerate() {
                let at = format!("spec.{direction}[{i}].{peers}[{j}]");
                if peer.as_object().is_none_or(|p| p.is_empty()) {
                    found.push(FieldError::required(at, "must specify a peer"));
                    continue;
                }
                let Some(block) = peer.get("ipBlock") else { continue };
                let cidr = meta::text(block, &["cidr"]);
                let good = cidr.split_once('/').is_some_and(|(address, bits)| {
                    let width = match address.parse::<std::net::IpAddr>() {
                        Ok(std::net::IpAddr::V4(_)) => 32,
                        Ok(std::net::IpAddr::V6(_)) => 128,
                        Err(_) => return false,
                    };
                    bits.parse::<u32>().is_ok_and(|bits| bits <= width)
                });
                if !good {
                    let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                    found.push(FieldError::invalid(format!("{at}.ipBlock.cidr"), &cidr.into(), why));
                }
            }
        }
    }
    for (i, ty) in list(spec, "policyTypes").iter().enumerate() {
        one_of(&format!("spec.policyTypes[{i}]"), Some(ty), &["Egress", "Ingress"], found);
    }
}
