//! The row of a Pod.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Row;
use super::age::since;
use super::cells::{int, list, number, or, text};
use crate::meta;

pub(super) fn pod(row: &mut Row<'_>) {
    let pod = row.object;
    let containers = list(pod, &["spec", "containers"]).count() as i64;
    let summary = summary(pod, row.now);
    let total = containers + sidecars(pod).count() as i64;
    row.text(format!("{}/{total}", summary.ready));
    row.text(summary.reason);
    row.text(match summary.last_restart {
        Some(ago) if summary.restarts > 0 => format!("{} ({ago} ago)", summary.restarts),
        _ => summary.restarts.to_string(),
    });
    row.age();
    let ips = list(pod, &["status", "podIPs"]).next().map_or("", |ip| text(ip, &["ip"]));
    row.text(or(ips, "<none>"));
    row.text(or(text(pod, &["spec", "nodeName"]), "<none>"));
    row.text(or(text(pod, &["status", "nominatedNodeName"]), "<none>"));
    let gates: Vec<&str> =
        list(pod, &["spec", "readinessGates"]).map(|g| text(g, &["conditionType"])).collect();
    row.text(if gates.is_empty() {
        "<none>".to_owned()
    } else {
        let met = gates.iter().filter(|g| condition(pod, g) == "True").count();
        format!("{met}/{}", gates.len())
    });
    row.conditions = match text(pod, &["status", "phase"]) {
        "Succeeded" => Some(("Succeeded", "The pod has completed successfully.")),
        "Failed" => Some(("Failed", "The pod failed.")),
        _ => None,
    }
    .map(|(reason, message)| {
        json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}])
    });
}

/// Init containers that go on running beside the containers.
fn sidecars(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, &["spec", "initContainers"]).filter(|c| text(c, &["restartPolicy"]) == "Always")
}

fn condition<'v>(pod: &'v Value, ty: &str) -> &'v str {
    list(pod, &["status", "conditions"])
        .find(|c| text(c, &["type"]) == ty)
        .map_or("", |c| text(c, &["status"]))
}

struct Summary {
    ready: i64,
    reason: String,
    restarts: i64,
    last_restart: Option<String>,
}

/// What the containers' states come to.
fn summary(pod: &Value, now: Timestamp) -> Summary {
    let mut reason = or(text(pod, &["status", "reason"]), text(pod, &["status", "phase"])).to_owned();
    let gated = list(pod, &["status", "conditions"])
        .any(|c| text(c, &["type"]) == "PodScheduled" && text(c, &["reason"]) == "SchedulingGated");
    if gated {
        reason = "SchedulingGated".to_owned();
    }
    let (mut ready, mut restarts, mut latest) = (0, 0, None::<String>);
    let (mut side_restarts, mut side_latest) = (0, None::<String>);
    let restarted = |status: &Value, latest: &mut Option<String>| {
        let end = text(status, &["lastState", "terminated", "finishedAt"]);
        if !end.is_empty() && latest.as_deref().is_none_or(|l| l < end) {
            *latest = Some(end.to_owned());
        }
    };
    let side: Vec<&str> = sidecars(pod).map(|c| text(c, &["name"])).collect();
    let total_init = list(pod, &["spec", "initContainers"]).count();
    let mut initializing = false;
    for (i, status) in list(pod, &["status", "initContainerStatuses"]).enumerate() {
        restarts += int(status, &["restartCount"]);
        restarted(status, &mut latest);
        let is_side = side.contains(&text(status, &["name"]));
        if is_side {
            side_restarts += int(status, &["restartCount"]);
            restarted(status, &mut side_latest);
        }
        let ended = meta::at(status, &["state", "terminated"]);
        if ended.is_some() && int(status, &["state", "terminated", "exitCode"]) == 0 {
            continue;
        }
        if is_side && status.get("started") == Some(&Value::Bool(true)) {
            ready += i64::from(status.get("ready") == Some(&Value::Bool(true)));
            continue;
        }
        reason = match ended {
            Some(ended) => format!("Init:{}", terminated(ended)),
            None => match text(status, &["state", "waiting", "reason"]) {
                "" | "PodInitializing" => format!("Init:{i}/{total_init}"),
                why => format!("Init:{why}"),
            },
        };
        initializing = true;
        break;
    }
    if !initializing || condition(pod, "Initialized") == "True" {
        restarts = side_restarts;
        latest = side_latest;
        let mut running = false;
        for status in list(pod, &["status", "containerStatuses"]).collect::<Vec<_>>().into_iter().rev() {
            restarts += int(status, &["restartCount"]);
            restarted(status, &mut latest);
            let is_ready = status.get("ready") == Some(&Value::Bool(true));
            let waiting = text(status, &["state", "waiting", "reason"]);
            if !waiting.is_empty() {
                reason = waiting.to_owned();
            } else if let Some(ended) = meta::at(status, &["state", "terminated"]) {
                reason = terminated(ended);
            } else if is_ready && meta::at(status, &["state", "running"]).is_some() {
                running = true;
                ready += 1;
            }
        }
        if reason == "Completed" && running {
            reason = if condition(pod, "Ready") == "True" { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if meta::is_deleting(pod) {
        let lost = text(pod, &["status", "reason"]) == "NodeLost";
        let over = matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
        if lost {
            reason = "Unknown".to_owned();
        } else if !over {
            reason = "Terminating".to_owned();
        }
    }
    Summary { ready, reason, restarts, last_restart: latest.map(|l| since(&l, now)) }
}

/// How a container ended.
fn terminated(ended: &Value) -> String {
    match (text(ended, &["reason"]), number(ended, &["signal"])) {
        ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        ("", _) => format!("ExitCode:{}", int(ended, &["exitCode"])),
        (reason, _) => reason.to_owned(),
    }
}
