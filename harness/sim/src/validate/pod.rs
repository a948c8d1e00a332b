//! Faults of the Pods that workloads make, and of Pods themselves.

pub(super) mod affinity;
mod container;
mod env;
mod handlers;
mod resources;
mod security;
mod volumes;

use super::list;
use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::network::ADDRESS;
use crate::internal;
use crate::meta;
use crate::status::FieldError;
use container::Around;

/// One of a set of texts, or a fault.
pub(super) fn one_of(field: &str, value: Option<&Value>, allowed: &[&str], found: &mut Vec<FieldError>) {
    let Some(value) = value else { return };
    if !value.as_str().is_some_and(|v| allowed.contains(&v)) {
        found.push(FieldError::not_supported(field, value, allowed));
    }
}

/// The same, with what is allowed told of in its own order.
pub(super) fn in_order(field: &str, value: Option<&Value>, allowed: &[&str], found: &mut Vec<FieldError>) {
    let Some(value) = value else { return };
    if !value.as_str().is_some_and(|v| allowed.contains(&v)) {
        let all: Vec<String> = allowed.iter().map(|s| format!("{s:?}")).collect();
        let body = format!("Unsupported value: {value}: supported values: {}", all.join(", "));
        found.push(FieldError { fault: crate::status::Fault::NotSupported, field: field.to_owned(), body });
    }
}

/// A port number, or a fault.
pub(super) fn port(field: &str, value: Option<&Value>, found: &mut Vec<FieldError>) {
    let Some(value) = value else { return };
    if let Some(number) = value.as_i64()
        && !(1..=65535).contains(&number)
    {
        found.push(FieldError::invalid(field, value, "must be between 1 and 65535, inclusive"));
    }
}

/// The faults of a Pod's spec at `at`. `restart` says which restart policies its owner allows.
pub(super) fn check(spec: &Value, at: &str, restart: &[&str]) -> Vec<FieldError> {
    let mut found = Vec::new();
    let volumes = volumes::check(spec, at, &mut found);
    claims(spec, at, &mut found);
    let around = Around { spec, volumes: &volumes, is_pod: at == "spec" };
    if list(spec, "containers").is_empty() {
        found.push(FieldError::required(format!("{at}.containers"), ""));
    }
    let mut seen = BTreeSet::new();
    let mut containers = |group: &str, first: bool, found: &mut Vec<FieldError>| {
        for (i, container) in list(spec, group).iter().enumerate() {
            let place = format!("{at}.{group}[{i}]");
            container::check(container, &around, first, &place, found);
            let name = meta::text(container, &["name"]).to_owned();
            if !name.is_empty() && !seen.insert(name.clone()) {
                found.push(FieldError::duplicate(format!("{place}.name"), &name.into()));
            }
        }
    };
    containers("containers", false, &mut found);
    host_ports(spec, at, &mut found);
    containers("initContainers", true, &mut found);
    policies(spec, at, restart, &mut found);
    labels(&format!("{at}.nodeSelector"), spec.get("nodeSelector"), &mut found);
    same_host_ports(spec, at, &mut found);
    security::pod(spec, at, &mut found);
    if let Some(affinity) = spec.get("affinity") {
        affinity::check(affinity, &format!("{at}.affinity"), &mut found);
    }
    dns(spec, at, &mut found);
    for (i, gate) in list(spec, "readinessGates").iter().enumerate() {
        let field = format!("{at}.readinessGates[{i}].conditionType");
        found.extend(names::faults(&field, meta::text(gate, &["conditionType"]), names::qualified));
    }
    let mut gates = BTreeSet::new();
    for (i, gate) in list(spec, "schedulingGates").iter().enumerate() {
        let (field, name) = (format!("{at}.schedulingGates[{i}]"), meta::text(gate, &["name"]));
        found.extend(names::faults(&field, name, names::qualified));
        if !gates.insert(name) {
            found.push(FieldError::duplicate(field, &name.into()));
        }
    }
    affinity::spread(spec, at, &mut found);
    names_of(spec, at, &mut found);
    for (i, toleration) in list(spec, "tolerations").iter().enumerate() {
        check_toleration(toleration, &format!("{at}.tolerations[{i}]"), &mut found);
    }
    aliases(spec, at, &mut found);
    let system = meta::at(spec, &["os", "name"]);
    one_of(&format!("{at}.os"), system, &["linux", "windows"], &mut found);
    found
}

/// The faults of a Pod that is being created, beyond those that it always has.
pub(super) fn created(spec: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    if !list(spec, "ephemeralContainers").is_empty() {
        found.push(FieldError::forbidden("spec.ephemeralContainers", "cannot be set on create"));
    }
    if !meta::text(spec, &["nodeName"]).is_empty() && !list(spec, "schedulingGates").is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        found.push(FieldError::forbidden("spec.nodeName", why));
    }
    found
}

/// The faults of a template of Pods, beyond those of what it makes: its labels, and what templates cannot have.
pub(super) fn template(template: &Value, at: &str, restart: &[&str]) -> Vec<FieldError> {
    let mut found = template_metadata(template, at);
    let spec = template.get("spec").unwrap_or(&Value::Null);
    found.extend(check(spec, &format!("{at}.spec"), restart));
    if !list(spec, "ephemeralContainers").is_empty() {
        let why = "ephemeral containers not allowed in pod template";
        found.push(FieldError::forbidden(format!("{at}.spec.ephemeralContainers"), why));
    }
    found
}

/// The faults of the labels and annotations of a template.
pub(super) fn template_metadata(template: &Value, at: &str) -> Vec<FieldError> {
    let mut found = Vec::new();
    labels(&format!("{at}.labels"), meta::at(template, &["metadata", "labels"]), &mut found);
    let annotations = meta::at(template, &["metadata", "annotations"]).and_then(Value::as_object);
    for key in annotations.into_iter().flat_map(|map| map.keys()) {
        found.extend(names::faults(&format!("{at}.annotations"), &key.to_lowercase(), names::qualified));
    }
    found
}

/// Keys and values of labels.
fn labels(at: &str, labels: Option<&Value>, found: &mut Vec<FieldError>) {
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        found.extend(names::faults(at, key, names::qualified));
        found.extend(names::faults(at, value.as_str().unwrap_or(""), names::label_value));
    }
}

fn claims(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (i, claim) in list(spec, "resourceClaims").iter().enumerate() {
        let at = format!("{at}.resourceClaims[{i}]");
        let name = meta::text(claim, &["name"]);
        if name.is_empty() {
            found.push(FieldError::required(format!("{at}.name"), ""));
        } else if !seen.insert(name) {
            found.push(FieldError::duplicate(format!("{at}.name"), &name.into()));
        } else {
            found.extend(names::faults(&format!("{at}.name"), name, names::label));
        }
        let why = match (claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")) {
            (None, None) => "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            (Some(_), Some(_)) => {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            }
            _ => continue,
        };
        let shown = internal::json("core.PodResourceClaim", Some(claim));
        found.push(FieldError::invalid_shown(at, &shown, why));
    }
}

/// Ports of the node that two containers want.
fn host_ports(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (i, container) in list(spec, "containers").iter().enumerate() {
        for (j, entry) in list(container, "ports").iter().enumerate() {
            let Some(number) = entry.get("hostPort").and_then(Value::as_i64).filter(|n| *n != 0) else {
                continue;
            };
            let (protocol, address) = (meta::text(entry, &["protocol"]), meta::text(entry, &["hostIP"]));
            let shown = format!("{protocol}/{address}/{number}");
            if !seen.insert(shown.clone()) {
                let field = format!("{at}.containers[{i}].ports[{j}].hostPort");
                found.push(FieldError::duplicate(field, &shown.into()));
            }
        }
    }
}

/// Pods in the network of the node have the ports of the node.
fn same_host_ports(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    if spec.get("hostNetwork") != Some(&Value::Bool(true)) {
        return;
    }
    for (i, container) in list(spec, "containers").iter().enumerate() {
        for (j, entry) in list(container, "ports").iter().enumerate() {
            let host = entry.get("hostPort").filter(|port| port.as_i64() != Some(0));
            if let Some(host) = host.filter(|host| Some(*host) != entry.get("containerPort")) {
                let why = "must match `containerPort` when `hostNetwork` is true";
                found.push(FieldError::invalid(
                    format!("{at}.containers[{i}].ports[{j}].hostPort"),
                    host,
                    why,
                ));
            }
        }
    }
}

fn policies(spec: &Value, at: &str, restart: &[&str], found: &mut Vec<FieldError>) {
    let field = format!("{at}.restartPolicy");
    match spec.get("restartPolicy").and_then(Value::as_str) {
        None | Some("") => found.push(FieldError::required(field, "")),
        Some("Always") if restart.len() == 2 => {
            found.push(FieldError::required(field, "valid values: \"OnFailure\", \"Never\""));
        }
        Some(_) => in_order(&field, spec.get("restartPolicy"), restart, found),
    }
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    in_order(&format!("{at}.dnsPolicy"), spec.get("dnsPolicy"), &policies, found);
}

fn dns(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let config = spec.get("dnsConfig");
    let at = format!("{at}.dnsConfig");
    let empty = Value::Null;
    let servers = list(config.unwrap_or(&empty), "nameservers");
    if meta::text(spec, &["dnsPolicy"]) == "None" && servers.is_empty() {
        let (field, why) = match config {
            Some(_) => (
                format!("{at}.nameservers"),
                "must provide at least one DNS nameserver when `dnsPolicy` is None",
            ),
            None => (at.clone(), "must provide `dnsConfig` when `dnsPolicy` is None"),
        };
        found.push(FieldError::required(field, why));
    }
    let Some(config) = config else { return };
    if servers.len() > 3 {
        let why = "must not have more than 3 nameservers";
        found.push(FieldError::invalid(format!("{at}.nameservers"), &servers.into(), why));
    }
    for (i, server) in servers.iter().enumerate() {
        if server.as_str().is_none_or(|text| text.parse::<std::net::IpAddr>().is_err()) {
            found.push(FieldError::invalid(format!("{at}.nameservers[{i}]"), server, ADDRESS));
        }
    }
    for (i, search) in list(config, "searches").iter().filter_map(Value::as_str).enumerate() {
        // A dot alone, and one at the end, are allowed.
        let name = search.strip_suffix('.').unwrap_or(search);
        if search != "." {
            let faults = names::underscored(name);
            let told = faults
                .iter()
                .map(|why| FieldError::invalid(format!("{at}.searches[{i}]"), &name.into(), why));
            found.extend(told);
        }
    }
    for (i, option) in list(config, "options").iter().enumerate() {
        if meta::text(option, &["name"]).is_empty() {
            found.push(FieldError::required(format!("{at}.options[{i}]"), "must not be empty"));
        }
    }
}

fn names_of(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let name = |field: &str, check: fn(&str) -> Vec<String>, found: &mut Vec<FieldError>| {
        let text = meta::text(spec, &[field]);
        if !text.is_empty() {
            found.extend(names::faults(&format!("{at}.{field}"), text, check));
        }
    };
    name("serviceAccountName", names::subdomain, found);
    name("nodeName", names::subdomain, found);
    if let Some(seconds) = spec.get("activeDeadlineSeconds")
        && seconds.as_i64().is_some_and(|n| !(1..=i64::from(i32::MAX)).contains(&n))
    {
        let why = "must be between 1 and 2147483647, inclusive";
        found.push(FieldError::invalid(format!("{at}.activeDeadlineSeconds"), seconds, why));
    }
    name("hostname", names::label, found);
    name("subdomain", names::label, found);
}

fn aliases(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    for (i, alias) in list(spec, "hostAliases").iter().enumerate() {
        let at = format!("{at}.hostAliases[{i}]");
        let address = meta::text(alias, &["ip"]);
        if address.parse::<std::net::IpAddr>().is_err() {
            found.push(FieldError::invalid(format!("{at}.ip"), &address.into(), ADDRESS));
        }
        for (j, name) in list(alias, "hostnames").iter().filter_map(Value::as_str).enumerate() {
            found.extend(names::faults(&format!("{at}.hostnames[{j}]"), name, names::subdomain));
        }
    }
    if !meta::text(spec, &["priorityClassName"]).is_empty() {
        let name = meta::text(spec, &["priorityClassName"]);
        found.extend(names::faults(&format!("{at}.priorityClassName"), name, names::subdomain));
    }
}

fn check_toleration(toleration: &Value, at: &str, found: &mut Vec<FieldError>) {
    let text = |field: &str| meta::text(toleration, &[field]);
    let (key, operator, effect) = (text("key"), text("operator"), text("effect"));
    if !key.is_empty() {
        found.extend(names::faults(&format!("{at}.key"), key, names::qualified));
    } else if operator != "Exists" {
        let why =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        found.push(FieldError::invalid(format!("{at}.operator"), &operator.into(), why));
    }
    if toleration.get("tolerationSeconds").is_some() && effect != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        found.push(FieldError::invalid(format!("{at}.effect"), &effect.into(), why));
    }
    let value = text("value");
    match operator {
        "Exists" if !value.is_empty() => {
            let why = "value must be empty when `operator` is 'Exists'";
            found.push(FieldError::invalid(format!("{at}.operator"), &value.into(), why));
        }
        "Exists" => {}
        "" | "Equal" => found.extend(names::faults(&format!("{at}.operator"), value, names::label_value)),
        _ => one_of(&format!("{at}.operator"), toleration.get("operator"), &["Equal", "Exists"], found),
    }
    if !effect.is_empty() {
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        in_order(&format!("{at}.effect"), toleration.get("effect"), &effects, found);
    }
}
