//! Rows of volumes and claims, and of what configures storage, admission, flow control and devices.

use serde_json::Value;

use super::Row;
use super::cells::{count, flag, int, list, map, number, or, plain, text};
use crate::kind::Kind;
use crate::meta;

/// `RWO,ROX`.
fn modes(object: &Value, path: &[&str]) -> String {
    let short =
        |mode: &'static str, letters: &'static str| list(object, path).any(|m| *m == mode).then_some(letters);
    let all = [
        short("ReadWriteOnce", "RWO"),
        short("ReadOnlyMany", "ROX"),
        short("ReadWriteMany", "RWX"),
        short("ReadWriteOncePod", "RWOP"),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn annotated<'v>(o: &'v Value, field: &[&str]) -> &'v str {
    let beta = map(o, &["metadata", "annotations"])
        .and_then(|a| a.get("volume.beta.kubernetes.io/storage-class"))
        .and_then(Value::as_str);
    beta.unwrap_or_else(|| text(o, field))
}

fn phase(o: &Value) -> &str {
    if meta::is_deleting(o) { "Terminating" } else { text(o, &["status", "phase"]) }
}

pub(super) fn volume(row: &mut Row<'_>) {
    let o = row.object;
    row.text(plain(meta::at(o, &["spec", "capacity", "storage"])));
    row.text(modes(o, &["spec", "accessModes"]));
    row.text(text(o, &["spec", "persistentVolumeReclaimPolicy"]));
    row.text(phase(o));
    let claim = ["namespace", "name"].map(|f| text(o, &["spec", "claimRef", f]));
    row.text(if meta::at(o, &["spec", "claimRef"]).is_some() { claim.join("/") } else { String::new() });
    row.text(annotated(o, &["spec", "storageClassName"]));
    row.text(or(text(o, &["spec", "volumeAttributesClassName"]), "<unset>"));
    row.text(text(o, &["status", "reason"]));
    row.age();
    row.text(or(text(o, &["spec", "volumeMode"]), "<unset>"));
}

pub(super) fn claim(row: &mut Row<'_>) {
    let o = row.object;
    let volume = text(o, &["spec", "volumeName"]);
    row.text(phase(o));
    row.text(volume);
    let bound = !volume.is_empty();
    row.text(if bound { plain(meta::at(o, &["status", "capacity", "storage"])) } else { String::new() });
    row.text(if bound { modes(o, &["status", "accessModes"]) } else { String::new() });
    row.text(annotated(o, &["spec", "storageClassName"]));
    row.text(or(text(o, &["spec", "volumeAttributesClassName"]), "<unset>"));
    row.age();
    row.text(or(text(o, &["spec", "volumeMode"]), "<unset>"));
}

pub(super) fn quota(row: &mut Row<'_>) {
    let o = row.object;
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let mut hard: Vec<(&String, &Value)> = map(o, &["status", "hard"]).into_iter().flatten().collect();
    hard.sort_by_key(|(name, _)| *name);
    for (name, hard) in hard {
        let used = plain(meta::at(o, &["status", "used", name]));
        let entry = format!("{name}: {}/{}", or(&used, "0"), plain(Some(hard)));
        if name.starts_with("limits") { limits.push(entry) } else { requests.push(entry) }
    }
    row.text(requests.join(", "));
    row.text(limits.join(", "));
    row.age();
}

/// The kinds of storage.k8s.io.
pub(super) fn others(kind: &Kind, row: &mut Row<'_>) -> bool {
    let o = row.object;
    match kind.plural.as_ref() {
        "storageclasses" => {
            let default = [
                "storageclass.kubernetes.io/is-default-class",
                "storageclass.beta.kubernetes.io/is-default-class",
            ]
            .iter()
            .any(|a| text(o, &["metadata", "annotations", a]) == "true");
            if default {
                row.rename(format!("{} (default)", meta::name(o)));
            }
            row.text(text(o, &["provisioner"]));
            row.text(or(text(o, &["reclaimPolicy"]), "Delete"));
            row.text(or(text(o, &["volumeBindingMode"]), "Immediate"));
            row.value(flag(o, &["allowVolumeExpansion"]).into());
            row.age();
        }
        "volumeattachments" => {
            row.text(text(o, &["spec", "attacher"]));
            row.text(text(o, &["spec", "source", "persistentVolumeName"]));
            row.text(text(o, &["spec", "nodeName"]));
            row.value(flag(o, &["status", "attached"]).into());
            row.age();
        }
        "csinodes" => {
            row.number(count(o, &["spec", "drivers"]));
            row.age();
        }
        "csidrivers" => {
            let or_true = |field: &str| meta::at(o, &["spec", field]) != Some(&Value::Bool(false));
            row.value(or_true("attachRequired").into());
            row.value(flag(o, &["spec", "podInfoOnMount"]).into());
            row.value(flag(o, &["spec", "storageCapacity"]).into());
            let audiences: Vec<&str> =
                list(o, &["spec", "tokenRequests"]).map(|t| text(t, &["audience"])).collect();
            row.text(if audiences.is_empty() { "<unset>".to_owned() } else { audiences.join(",") });
            row.value(flag(o, &["spec", "requiresRepublish"]).into());
            let modes: Vec<&str> =
                list(o, &["spec", "volumeLifecycleModes"]).filter_map(Value::as_str).collect();
            row.text(if modes.is_empty() { "<none>".to_owned() } else { modes.join(",") });
            row.age();
        }
        "volumeattributesclasses" => {
            if text(o, &["metadata", "annotations", "volumeattributesclass.kubernetes.io/is-default-class"])
                == "true"
            {
                row.rename(format!("{} (default)", meta::name(o)));
            }
            row.text(text(o, &["driverName"]));
            row.age();
        }
        _ => return false,
    }
    true
}

/// The kinds of admissionregistration.k8s.io.
pub(super) fn admission(plural: &str, row: &mut Row<'_>) -> bool {
    let o = row.object;
    match plural {
        "mutatingwebhookconfigurations" | "validatingwebhookconfigurations" => {
            row.number(count(o, &["webhooks"]));
        }
        "validatingadmissionpolicies" | "mutatingadmissionpolicies" => {
            let field = if plural.starts_with('v') { "validations" } else { "mutations" };
            row.number(count(o, &["spec", field]));
            let (version, kind) =
                (text(o, &["spec", "paramKind", "apiVersion"]), text(o, &["spec", "paramKind", "kind"]));
            row.text(if kind.is_empty() { "<unset>".to_owned() } else { format!("{version}/{kind}") });
        }
        "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings" => {
            row.text(text(o, &["spec", "policyName"]));
            let p = |field: &str| text(o, &["spec", "paramRef", field]);
            row.text(match (p("namespace"), p("name")) {
                ("", "") => match meta::at(o, &["spec", "paramRef"]) {
                    // A selector is shown as Go prints it.
                    Some(_) => {
                        let labels = map(o, &["spec", "paramRef", "selector", "matchLabels"]);
                        let labels = labels.into_iter().flatten();
                        let labels: Vec<String> =
                            labels.map(|(k, v)| format!("{k}: {},", v.as_str().unwrap_or(""))).collect();
                        format!(
                            "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}",
                            labels.join(" ")
                        )
                    }
                    None => "<unset>".to_owned(),
                },
                ("", name) => name.to_owned(),
                (namespace, name) => format!("{namespace}/{name}"),
            });
        }
        _ => return false,
    }
    row.age();
    true
}

/// The kinds of flowcontrol.apiserver.k8s.io.
pub(super) fn flow(plural: &str, row: &mut Row<'_>) -> bool {
    let o = row.object;
    match plural {
        "flowschemas" => {
            row.text(text(o, &["spec", "priorityLevelConfiguration", "name"]));
            row.number(int(o, &["spec", "matchingPrecedence"]));
            row.text(or(text(o, &["spec", "distinguisherMethod", "type"]), "<none>"));
            row.age();
            let dangling = list(o, &["status", "conditions"]).find(|c| text(c, &["type"]) == "Dangling");
            row.text(dangling.map_or("?", |c| text(c, &["status"])));
        }
        "prioritylevelconfigurations" => {
            row.text(text(o, &["spec", "type"]));
            let limited = |path: &[&str]| {
                let full: Vec<&str> = ["spec"].iter().chain(path).copied().collect();
                number(o, &full).map_or(Value::from("<none>"), Value::from)
            };
            let shares = limited(&["limited", "nominalConcurrencyShares"]);
            row.value(if shares == "<none>" {
                limited(&["exempt", "nominalConcurrencyShares"])
            } else {
                shares
            });
            for field in ["queues", "handSize", "queueLengthLimit"] {
                row.value(limited(&["limited", "limitResponse", "queuing", field]));
            }
            row.age();
        }
        _ => return false,
    }
    true
}

/// The kinds of resource.k8s.io.
pub(super) fn device(plural: &str, row: &mut Row<'_>) -> bool {
    let o = row.object;
    match plural {
        "resourceclaims" => {
            let allocated = meta::at(o, &["status", "allocation"]).is_some();
            let reserved = count(o, &["status", "reservedFor"]) > 0;
            let mut states = Vec::new();
            if meta::is_deleting(o) {
                states.push("deleted");
            }
            if allocated {
                states.push("allocated");
                if reserved {
                    states.push("reserved");
                }
            } else if !meta::is_deleting(o) {
                states.push("pending");
            }
            row.text(states.join(","));
        }
        "resourceslices" => {
            row.text(text(o, &["spec", "nodeName"]));
            row.text(text(o, &["spec", "driver"]));
            row.text(text(o, &["spec", "pool", "name"]));
        }
        "deviceclasses" | "resourceclaimtemplates" => {}
        _ => return false,
    }
    row.age();
    true
}
