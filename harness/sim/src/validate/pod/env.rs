//! Faults of the environment of a container.

use serde_json::Value;

use super::{list, one_of};
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

const NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// Fields of a Pod that are there, and those that the environment can have.
const LABELS: [&str; 5] =
    ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn variable(name: &str, at: &str, found: &mut Vec<FieldError>) {
    if !name.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'=') {
        found.push(FieldError::invalid(at, &name.into(), NAME));
    }
}

/// The variables of a container.
pub(super) fn check(container: &Value, at: &str, found: &mut Vec<FieldError>) {
    for (i, entry) in list(container, "env").iter().enumerate() {
        let place = format!("{at}.env[{i}]");
        match meta::text(entry, &["name"]) {
            "" => found.push(FieldError::required(format!("{place}.name"), "")),
            name => variable(name, &format!("{place}.name"), found),
        }
        if let Some(from) = entry.get("valueFrom") {
            value_from(entry, from, &format!("{place}.valueFrom"), found);
        }
    }
    for (i, entry) in list(container, "envFrom").iter().enumerate() {
        let place = format!("{at}.envFrom[{i}]");
        variable(meta::text(entry, &["prefix"]), &format!("{place}.prefix"), found);
        let mut sources = 0;
        for source in ["configMapRef", "secretRef"] {
            let Some(source_value) = entry.get(source) else { continue };
            sources += 1;
            let at = format!("{place}.{source}.name");
            match meta::text(source_value, &["name"]) {
                "" => found.push(FieldError::required(at, "")),
                name => found.extend(names::faults(&at, name, names::subdomain)),
            }
        }
        let why = match sources {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        found.push(FieldError::invalid(format!("{at}.envFrom"), &"".into(), why));
    }
}

fn value_from(entry: &Value, from: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut sources = 0;
    if let Some(field) = from.get("fieldRef") {
        sources += 1;
        field_path(field, &format!("{at}.fieldRef"), &FIELDS, found);
    }
    if let Some(field) = from.get("resourceFieldRef") {
        sources += 1;
        resource(field, &format!("{at}.resourceFieldRef"), false, found);
    }
    for source in ["configMapKeyRef", "secretKeyRef"] {
        let Some(key) = from.get(source) else { continue };
        sources += 1;
        let name = meta::text(key, &["name"]);
        found.extend(names::faults(&format!("{at}.{source}.name"), name, names::subdomain));
        match meta::text(key, &["key"]) {
            "" => found.push(FieldError::required(format!("{at}.{source}.key"), "")),
            key => found.extend(names::faults(&format!("{at}.{source}.key"), key, names::config_key)),
        }
    }
    let why = if from.as_object().is_some_and(serde_json::Map::is_empty) {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
    } else if !meta::text(entry, &["value"]).is_empty() {
        "may not be specified when `value` is not empty"
    } else if sources > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    found.push(FieldError::invalid(at, &"".into(), why));
}

/// A reference to a field of the Pod; `known` are those that can be had.
pub(super) fn field_path(field: &Value, at: &str, known: &[&str], found: &mut Vec<FieldError>) {
    let path = meta::text(field, &["fieldPath"]);
    let place = format!("{at}.fieldPath");
    if path.is_empty() {
        found.push(FieldError::required(place, ""));
        return;
    }
    let part = path.strip_suffix("']").and_then(|path| path.split_once("['"));
    if let Some((map @ ("metadata.labels" | "metadata.annotations"), key)) = part {
        let key = if map == "metadata.annotations" { key.to_lowercase() } else { key.to_owned() };
        found.extend(names::faults(at, &key, names::qualified));
        return;
    }
    if !FIELDS.contains(&path) && !LABELS.contains(&path) {
        let why = format!("error converting fieldPath: field label not supported: {path}");
        found.push(FieldError::invalid(place, &path.into(), &why));
        return;
    }
    one_of(&place, field.get("fieldPath"), known, found);
}

/// A reference to what a container gets; volumes say which container.
pub(super) fn resource(field: &Value, at: &str, of_volume: bool, found: &mut Vec<FieldError>) {
    let name = meta::text(field, &["resource"]);
    if of_volume && meta::text(field, &["containerName"]).is_empty() {
        found.push(FieldError::required(format!("{at}.containerName"), ""));
        return;
    }
    if name.is_empty() {
        found.push(FieldError::required(format!("{at}.resource"), ""));
        return;
    }
    let huge = ["limits.hugepages-", "requests.hugepages-"].iter().any(|start| name.starts_with(start));
    if !huge {
        one_of(&format!("{at}.resource"), field.get("resource"), &RESOURCES, found);
    }
    let divisor = meta::text(field, &["divisor"]);
    let (allowed, kind): (&[&str], &str) = match name.split_once('.').map_or("", |(_, name)| name) {
        "cpu" => (&["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource"),
        "memory" => (
            MEMORY,
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
        ),
        "ephemeral-storage" => (
            MEMORY,
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the local ephemeral storage resource",
        ),
        _ => return,
    };
    let none = divisor.is_empty() || Quantity::parse(divisor).is_some_and(|q| q.sign().is_eq());
    if !none && !allowed.contains(&divisor) {
        found.push(FieldError::invalid(format!("{at}.divisor"), &name.into(), kind));
    }
}

const MEMORY: &[&str] = &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
