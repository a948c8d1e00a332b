//! The cells of built-in kinds.

use serde_json::{Map, Value};

use super::{Row, network, pods, storage, workloads};
use crate::kind::Kind;
use crate::meta;

pub(super) fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    meta::text(value, path)
}

pub(super) fn number(value: &Value, path: &[&str]) -> Option<i64> {
    meta::at(value, path).and_then(Value::as_i64)
}

/// A number, 0 where there is none.
pub(super) fn int(value: &Value, path: &[&str]) -> i64 {
    number(value, path).unwrap_or(0)
}

pub(super) fn flag(value: &Value, path: &[&str]) -> bool {
    meta::at(value, path) == Some(&Value::Bool(true))
}

/// The items of a list; none where there is no list.
pub(super) fn list<'v>(value: &'v Value, path: &[&str]) -> impl DoubleEndedIterator<Item = &'v Value> {
    meta::at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]).iter()
}

pub(super) fn map<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Map<String, Value>> {
    meta::at(value, path).and_then(Value::as_object)
}

/// The number of entries of a list or map.
pub(super) fn count(value: &Value, path: &[&str]) -> i64 {
    match meta::at(value, path) {
        Some(Value::Array(list)) => list.len() as i64,
        Some(Value::Object(map)) => map.len() as i64,
        _ => 0,
    }
}

/// `otherwise` in place of an empty text.
pub(super) fn or<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}

/// A value as a table prints it.
pub(super) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// `a=b,c=d`; `<none>` where there are none.
pub(super) fn labels(map: Option<&Map<String, Value>>) -> String {
    let mut parts: Vec<String> =
        map.into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or(""))).collect();
    parts.sort();
    if parts.is_empty() { "<none>".to_owned() } else { parts.join(",") }
}

/// A label selector; `none` where it is empty.
pub(super) fn selector(selector: Option<&Value>, none: &str) -> String {
    match selector {
        None | Some(Value::Null) => none.to_owned(),
        Some(found) => match crate::subresource::selector_text(found) {
            text if text.is_empty() => none.to_owned(),
            text => text,
        },
    }
}

/// Adds the cells after the name. False where the kind has no columns of its own.
pub(super) fn fill(kind: &Kind, row: &mut Row<'_>) -> bool {
    let o = row.object;
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "pods") => pods::pod(row),
        ("", "podtemplates") => {
            workloads::containers(row, &["template", "spec", "containers"]);
            row.text(labels(map(o, &["template", "metadata", "labels"])));
        }
        ("", "replicationcontrollers") | ("apps", "replicasets") => workloads::replica_set(row),
        ("apps", "deployments") => workloads::deployment(row),
        ("apps", "statefulsets") => workloads::stateful_set(row),
        ("apps", "daemonsets") => workloads::daemon_set(row),
        ("apps", "controllerrevisions") => workloads::revision(row),
        ("batch", "jobs") => workloads::job(row),
        ("batch", "cronjobs") => workloads::cron_job(row),
        ("autoscaling", "horizontalpodautoscalers") => workloads::autoscaler(row),
        ("policy", "poddisruptionbudgets") => {
            for field in ["minAvailable", "maxUnavailable"] {
                let value = plain(meta::at(o, &["spec", field]));
                row.text(or(&value, "N/A"));
            }
            row.number(int(o, &["status", "disruptionsAllowed"]));
            row.age();
        }
        ("", "services") => network::service(row),
        ("", "endpoints") => network::endpoints(row),
        ("discovery.k8s.io", "endpointslices") => network::slice(row),
        ("networking.k8s.io", "ingresses") => network::ingress(row),
        ("networking.k8s.io", "ingressclasses") => network::class(row),
        ("networking.k8s.io", "networkpolicies") => {
            row.text(selector(meta::at(o, &["spec", "podSelector"]), "<none>"));
            row.age();
        }
        ("networking.k8s.io", "servicecidrs") => {
            row.text(list(o, &["spec", "cidrs"]).filter_map(Value::as_str).collect::<Vec<_>>().join(","));
            row.age();
        }
        ("networking.k8s.io", "ipaddresses") => {
            let part = |field: &str| text(o, &["spec", "parentRef", field]);
            let parts = ["group", "resource", "namespace", "name"].map(part);
            row.text(parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("/"));
            // No column is declared for it.
            row.age();
        }
        ("", "nodes") => network::node(row),
        ("" | "events.k8s.io", "events") => workloads::event(row),
        ("", "namespaces") => {
            row.text(text(o, &["status", "phase"]));
            row.age();
        }
        ("", "secrets") => {
            row.text(text(o, &["type"]));
            row.number(count(o, &["data"]));
            row.age();
        }
        ("", "configmaps") => {
            row.number(count(o, &["data"]) + count(o, &["binaryData"]));
            row.age();
        }
        ("", "serviceaccounts") => row.age(),
        ("apiregistration.k8s.io", "apiservices") => {
            let service = ["namespace", "name"].map(|f| text(o, &["spec", "service", f])).join("/");
            row.text(if service == "/" { "Local".to_owned() } else { service });
            let available = list(o, &["status", "conditions"]).find(|c| text(c, &["type"]) == "Available");
            row.text(match available {
                Some(c) if text(c, &["status"]) == "True" => "True".to_owned(),
                Some(c) => format!("{} ({})", text(c, &["status"]), text(c, &["reason"])),
                None => String::new(),
            });
            row.age();
        }
        ("", "persistentvolumes") => storage::volume(row),
        ("", "persistentvolumeclaims") => storage::claim(row),
        ("", "resourcequotas") => storage::quota(row),
        ("storage.k8s.io", _) => return storage::others(kind, row),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => binding(row),
        ("coordination.k8s.io", "leases") => {
            row.text(text(o, &["spec", "holderIdentity"]));
            row.age();
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            row.number(int(o, &["value"]));
            row.value(flag(o, &["globalDefault"]).into());
            row.age();
            row.text(text(o, &["preemptionPolicy"]));
        }
        ("node.k8s.io", "runtimeclasses") => {
            row.text(text(o, &["handler"]));
            row.age();
        }
        ("certificates.k8s.io", "certificatesigningrequests") => workloads::signing_request(row),
        ("admissionregistration.k8s.io", plural) => return storage::admission(plural, row),
        ("flowcontrol.apiserver.k8s.io", plural) => return storage::flow(plural, row),
        ("resource.k8s.io", plural) => return storage::device(plural, row),
        _ => return false,
    }
    true
}

fn binding(row: &mut Row<'_>) {
    let o = row.object;
    row.text(format!("{}/{}", text(o, &["roleRef", "kind"]), text(o, &["roleRef", "name"])));
    row.age();
    for kind in ["User", "Group", "ServiceAccount"] {
        let names: Vec<String> = list(o, &["subjects"])
            .filter(|s| text(s, &["kind"]) == kind)
            .map(|s| match kind {
                "ServiceAccount" => format!("{}/{}", text(s, &["namespace"]), text(s, &["name"])),
                _ => text(s, &["name"]).to_owned(),
            })
            .collect();
        row.text(names.join(", "));
    }
}
