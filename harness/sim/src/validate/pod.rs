//! Faults of the Pods that workloads make, and of Pods themselves.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[])
}

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
    let volumes = volumes(spec, at, &mut found);
    let mut seen = BTreeSet::new();
    if list(spec, "containers").is_empty() {
        found.push(FieldError::required(format!("{at}.containers"), ""));
    }
    for group in ["containers", "initContainers"] {
        for (i, container) in list(spec, group).iter().enumerate() {
            let place = format!("{at}.{group}[{i}]");
            let name = meta::text(container, &["name"]);
            check_container(container, &place, &volumes, &mut found);
            if !name.is_empty() && !seen.insert(name) {
                found.push(FieldError::duplicate(format!("{place}.name"), &name.into()));
            }
        }
    }
    let policy = spec.get("restartPolicy");
    match policy.and_then(Value::as_str) {
        None | Some("") => found.push(FieldError::required(format!("{at}.restartPolicy"), "")),
        Some(policy) if restart.len() == 2 && policy == "Always" => {
            found.push(FieldError::required(
                format!("{at}.restartPolicy"),
                "valid values: \"OnFailure\", \"Never\"",
            ));
        }
        Some(policy) if !restart.contains(&policy) => {
            // In the order in which the real server lists them.
            let all: Vec<String> = restart.iter().map(|r| format!("{r:?}")).collect();
            let body = format!("Unsupported value: {policy:?}: supported values: {}", all.join(", "));
            let fault = crate::status::Fault::NotSupported;
            found.push(FieldError { fault, field: format!("{at}.restartPolicy"), body });
        }
        Some(_) => {}
    }
    if let Some(policy) = spec.get("dnsPolicy").filter(|p| {
        !matches!(p.as_str(), Some("ClusterFirstWithHostNet" | "ClusterFirst" | "Default" | "None"))
    }) {
        let body = format!(
            "Unsupported value: {policy}: supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\""
        );
        let fault = crate::status::Fault::NotSupported;
        found.push(FieldError { fault, field: format!("{at}.dnsPolicy"), body });
    }
    for (i, toleration) in list(spec, "tolerations").iter().enumerate() {
        check_toleration(toleration, &format!("{at}.tolerations[{i}]"), &mut found);
    }
    found
}

fn check_toleration(toleration: &Value, at: &str, found: &mut Vec<FieldError>) {
    let operator = meta::text(toleration, &["operator"]);
    let key = meta::text(toleration, &["key"]);
    if key.is_empty() && operator != "Exists" {
        let why =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        found.push(FieldError::invalid(format!("{at}.operator"), &operator.into(), why));
    } else if !key.is_empty() {
        found.extend(names::faults(&format!("{at}.key"), key, names::qualified));
    }
    if !operator.is_empty() {
        one_of(&format!("{at}.operator"), toleration.get("operator"), &["Equal", "Exists"], found);
    }
}

/// Probes: where they ask, and how often.
fn check_probe(probe: &Value, at: &str, found: &mut Vec<FieldError>) {
    for handler in ["httpGet", "tcpSocket", "grpc"] {
        port(&format!("{at}.{handler}.port"), meta::at(probe, &[handler, "port"]), found);
    }
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        if let Some(value) = probe.get(field)
            && value.as_i64().is_some_and(|n| n < 0)
        {
            found.push(FieldError::invalid(
                format!("{at}.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
}

fn volumes<'v>(spec: &'v Value, at: &str, found: &mut Vec<FieldError>) -> BTreeSet<&'v str> {
    let (mut names_seen, mut names_faulty) = (BTreeSet::new(), BTreeSet::new());
    for (i, volume) in list(spec, "volumes").iter().enumerate() {
        let name = meta::text(volume, &["name"]);
        let field = format!("{at}.volumes[{i}].name");
        if name.is_empty() {
            found.push(FieldError::required(field, ""));
        } else {
            found.extend(names::faults(&field, name, names::label));
            let several = |v: &Value| v.as_object().is_some_and(|v| v.len() > 2);
            // A volume with a fault of its own takes no name.
            if several(volume) {
                names_faulty.insert(name);
            } else if !names_seen.insert(name) {
                found.push(FieldError::duplicate(field, &name.into()));
            }
        }
        if volume.as_object().is_some_and(|v| v.len() > 2) {
            let second =
                volume.as_object().into_iter().flat_map(|v| v.keys()).filter(|k| *k != "name").nth(1);
            let field = format!("{at}.volumes[{i}].{}", second.map_or("", String::as_str));
            found.push(FieldError::forbidden(field, "may not specify more than 1 volume type"));
        }
    }
    names_seen.extend(names_faulty);
    names_seen
}

/// Where the containers of Pods stand; those of templates begin otherwise.
const OF_PODS: [&str; 2] = ["spec.containers", "spec.initContainers"];

fn check_container(container: &Value, at: &str, volumes: &BTreeSet<&str>, found: &mut Vec<FieldError>) {
    let name = meta::text(container, &["name"]);
    if name.is_empty() {
        found.push(FieldError::required(format!("{at}.name"), ""));
    } else {
        found.extend(names::faults(&format!("{at}.name"), name, names::label));
    }
    let image = meta::text(container, &["image"]);
    if image.is_empty() {
        found.push(FieldError::required(format!("{at}.image"), ""));
    } else if image.trim() != image && OF_PODS.iter().any(|place| at.starts_with(place)) {
        // Templates of workloads are not looked at so closely.
        let why = "must not have leading or trailing whitespace";
        found.push(FieldError::invalid(format!("{at}.image"), &image.into(), why));
    }
    for (i, entry) in list(container, "ports").iter().enumerate() {
        let place = format!("{at}.ports[{i}]");
        match entry.get("containerPort").and_then(Value::as_i64) {
            None | Some(0) => found.push(FieldError::required(format!("{place}.containerPort"), "")),
            Some(_) => port(&format!("{place}.containerPort"), entry.get("containerPort"), found),
        }
        one_of(&format!("{place}.protocol"), entry.get("protocol"), &["TCP", "UDP", "SCTP"], found);
    }
    for (i, entry) in list(container, "env").iter().enumerate() {
        let place = format!("{at}.env[{i}]");
        if meta::text(entry, &["name"]).is_empty() {
            found.push(FieldError::required(format!("{place}.name"), ""));
        }
        let Some(from) = entry.get("valueFrom") else { continue };
        let path = meta::text(from, &["fieldRef", "fieldPath"]);
        let known = path.starts_with("metadata.labels['")
            || path.starts_with("metadata.annotations['")
            || matches!(
                path,
                "metadata.name"
                    | "metadata.namespace"
                    | "metadata.uid"
                    | "spec.nodeName"
                    | "spec.serviceAccountName"
                    | "status.hostIP"
                    | "status.hostIPs"
                    | "status.podIP"
                    | "status.podIPs"
            );
        if from.get("fieldRef").is_some() && !known {
            let why = format!("error converting fieldPath: field label not supported: {path}");
            found.push(FieldError::invalid(
                format!("{place}.valueFrom.fieldRef.fieldPath"),
                &path.into(),
                &why,
            ));
        }
        if !meta::text(entry, &["value"]).is_empty() {
            let why = "may not be specified when `value` is not empty";
            found.push(FieldError::invalid(format!("{place}.valueFrom"), &"".into(), why));
        }
        if from.as_object().is_some_and(|f| f.is_empty()) {
            let why =
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            found.push(FieldError::invalid(format!("{place}.valueFrom"), &"".into(), why));
        }
    }
    for (i, mount) in list(container, "volumeMounts").iter().enumerate() {
        let place = format!("{at}.volumeMounts[{i}]");
        let volume = meta::text(mount, &["name"]);
        if volume.is_empty() {
            found.push(FieldError::required(format!("{place}.name"), ""));
        }
        if meta::text(mount, &["mountPath"]).is_empty() {
            found.push(FieldError::required(format!("{place}.mountPath"), ""));
        }
        if !volume.is_empty() && !volumes.contains(volume) {
            found.push(FieldError::not_found(format!("{place}.name"), &volume.into()));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(found_probe) = container.get(probe) {
            check_probe(found_probe, &format!("{at}.{probe}"), found);
        }
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(&format!("{at}.imagePullPolicy"), container.get("imagePullPolicy"), &policies, found);
    check_resources(container, at, found);
}

fn check_resources(container: &Value, at: &str, found: &mut Vec<FieldError>) {
    let amounts = |field: &str| meta::at(container, &["resources", field]).and_then(Value::as_object);
    let quantity = |value: &Value| value.as_str().and_then(Quantity::parse);
    for field in ["limits", "requests"] {
        for (name, amount) in amounts(field).into_iter().flatten() {
            if quantity(amount).is_some_and(|q| q.sign().is_lt()) {
                let why = "must be greater than or equal to 0";
                found.push(FieldError::invalid(format!("{at}.resources.{field}[{name}]"), amount, why));
            }
        }
    }
    for (name, request) in amounts("requests").into_iter().flatten() {
        let Some(limit) = amounts("limits").and_then(|l| l.get(name)) else { continue };
        if let (Some(asked), Some(bound)) = (quantity(request), quantity(limit))
            && asked.compare(&bound).is_gt()
        {
            let why =
                format!("must be less than or equal to {name} limit of {}", limit.as_str().unwrap_or(""));
            found.push(FieldError::invalid(format!("{at}.resources.requests"), request, &why));
        }
    }
}
