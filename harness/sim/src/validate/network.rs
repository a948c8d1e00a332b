//! Faults of Services, Ingresses and NetworkPolicies.

use super::list;
use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::pod::{in_order, one_of, port};
use crate::meta;
use crate::status::FieldError;

/// What is wrong with what should be an IP address.
pub(super) const ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

/// Keys and values of labels that something selects by.
fn labels(field: &str, labels: Option<&serde_json::Map<String, Value>>, found: &mut Vec<FieldError>) {
    for (key, value) in labels.into_iter().flatten() {
        found.extend(names::faults(field, key, names::qualified));
        found.extend(names::faults(field, value.as_str().unwrap_or(""), names::label_value));
    }
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
    let selector = spec.get("selector").and_then(Value::as_object);
    labels("spec.selector", selector, found);
    one_of("spec.sessionAffinity", spec.get("sessionAffinity"), &["ClientIP", "None"], found);
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    one_of("spec.type", spec.get("type"), &types, found);
    if ty == "ClusterIP" {
        for (i, entry) in ports.iter().enumerate() {
            if entry.get("nodePort").and_then(Value::as_i64).is_some_and(|port| port != 0) {
                let why = "may not be used when `type` is 'ClusterIP'";
                found.push(FieldError::forbidden(format!("spec.ports[{i}].nodePort"), why));
            }
        }
    }
    let address = meta::text(spec, &["clusterIP"]);
    let (addresses, families) = (list(spec, "clusterIPs"), list(spec, "ipFamilies"));
    if ty != "ExternalName" && addresses.first().is_some_and(|first| first != address) {
        let shown = addresses.into();
        found.push(FieldError::invalid("spec.clusterIPs", &shown, "first value must match `clusterIP`"));
    }
    for (i, (address, family)) in addresses.iter().zip(families).enumerate().filter(|_| !headless) {
        let text = address.as_str().unwrap_or("");
        let fits = match family.as_str().unwrap_or("") {
            "IPv4" => !text.contains(':'),
            "IPv6" => text.contains(':'),
            _ => true,
        };
        if !fits {
            let family = family.as_str().unwrap_or("");
            let why = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
            found.push(FieldError::invalid(format!("spec.clusterIPs[{i}]"), address, &why));
        }
    }
    if !matches!(address, "" | "None") && address.parse::<std::net::IpAddr>().is_err() {
        found.push(FieldError::invalid("spec.clusterIPs[0]", &address.into(), ADDRESS));
    }
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
    for (i, tls) in list(spec, "tls").iter().enumerate() {
        for (j, host) in list(tls, "hosts").iter().filter_map(Value::as_str).enumerate() {
            let check = if host.contains('*') { names::wildcard } else { names::subdomain };
            found.extend(names::faults(&format!("spec.tls[{i}].hosts[{j}]"), host, check));
        }
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
            found.push(FieldError::invalid(at, &"".into(), why));
        }
        (false, false) => {
            let why = "port name or number is required";
            found.push(FieldError::required(at, why));
        }
        _ => port(&format!("{at}.service.port.number"), meta::at(service, &["port", "number"]), found),
    }
}

pub(super) fn policy(spec: &Value, found: &mut Vec<FieldError>) {
    let selector = meta::at(spec, &["podSelector", "matchLabels"]).and_then(Value::as_object);
    labels("spec.podSelector.matchLabels", selector, found);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in list(spec, direction).iter().enumerate() {
            for (j, entry) in list(rule, "ports").iter().enumerate() {
                let at = format!("spec.{direction}[{i}].ports[{j}]");
                in_order(&format!("{at}.protocol"), entry.get("protocol"), &["TCP", "UDP", "SCTP"], found);
                port(&format!("{at}.port"), entry.get("port"), found);
                let number = |field: &str| entry.get(field).and_then(Value::as_i64);
                if let (Some(first), Some(last)) = (number("port"), number("endPort"))
                    && last < first
                {
                    let why = "must be greater than or equal to `port`";
                    found.push(FieldError::invalid(format!("{at}.endPort"), &first.into(), why));
                }
            }
            for (j, peer) in list(rule, peers).iter().enumerate() {
                let at = format!("spec.{direction}[{i}].{peers}[{j}]");
                if peer.as_object().is_none_or(|p| p.is_empty()) {
                    found.push(FieldError::required(at, "must specify a peer"));
                    continue;
                }
                let Some(block) = peer.get("ipBlock") else { continue };
                let text = meta::text(block, &["cidr"]);
                let whole = cidr(text);
                if whole.is_none() {
                    found.push(FieldError::invalid(format!("{at}.ipBlock.cidr"), &text.into(), CIDR));
                }
                for (k, except) in list(block, "except").iter().enumerate() {
                    let field = format!("{at}.ipBlock.except[{k}]");
                    match (cidr(except.as_str().unwrap_or("")), whole) {
                        (None, _) => found.push(FieldError::invalid(field, except, CIDR)),
                        (Some(part), Some(whole)) if !is_within(part, whole) => {
                            found.push(FieldError::invalid(
                                field,
                                except,
                                "must be a strict subset of `cidr`",
                            ));
                        }
                        _ => {}
                    }
                }
                if peer.as_object().is_some_and(|p| p.len() > 1) {
                    found.push(FieldError::forbidden(at, "may not specify both ipBlock and another peer"));
                }
            }
        }
    }
    for (i, ty) in list(spec, "policyTypes").iter().enumerate() {
        in_order(&format!("spec.policyTypes[{i}]"), Some(ty), &["Ingress", "Egress"], found);
    }
}

/// What is wrong with what should be a range of addresses.
pub(super) const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// The first address of a range as a number, its bits, and the width of its addresses.
pub(super) fn cidr(text: &str) -> Option<(u128, u32, u32)> {
    let (address, bits) = text.split_once('/')?;
    let (number, width) = match address.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        std::net::IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= width)?;
    Some((number, bits, width))
}

/// Whether a range is a part of another, and not all of it.
fn is_within(part: (u128, u32, u32), whole: (u128, u32, u32)) -> bool {
    let shift = whole.2 - whole.1;
    let head = |number: u128| number.checked_shr(shift).unwrap_or(0);
    part.2 == whole.2 && part.1 > whole.1 && head(part.0) == head(whole.0)
}

/// Faults of EndpointSlices.
pub(super) fn slice(object: &Value, found: &mut Vec<FieldError>) {
    one_of("addressType", object.get("addressType"), &["FQDN", "IPv4", "IPv6"], found);
    for (i, entry) in list(object, "ports").iter().enumerate() {
        let name = meta::text(entry, &["name"]);
        if !name.is_empty() {
            found.extend(names::faults(&format!("ports[{i}].name"), name, names::label));
        }
    }
    let ip = matches!(meta::text(object, &["addressType"]), "IPv4" | "IPv6");
    for (i, endpoint) in list(object, "endpoints").iter().enumerate() {
        let at = format!("endpoints[{i}].addresses");
        let addresses = list(endpoint, "addresses");
        if addresses.is_empty() {
            found.push(FieldError::required(&*at, "must contain at least 1 address"));
        }
        for (j, address) in addresses.iter().enumerate() {
            let good = address.as_str().is_some_and(|a| a.parse::<std::net::IpAddr>().is_ok());
            if ip && !good {
                found.push(FieldError::invalid(format!("{at}[{j}]"), address, ADDRESS));
            }
        }
    }
}
