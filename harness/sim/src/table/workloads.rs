//! Rows of workloads, of autoscalers, events and signing requests.

use serde_json::Value;

use super::Row;
use super::age::{human, since};
use super::cells::{flag, int, list, map, number, or, plain, selector, text};
use crate::meta;

/// Two cells: the names and the images of the containers.
pub(super) fn containers(row: &mut Row<'_>, path: &[&str]) {
    for field in ["name", "image"] {
        let all: Vec<&str> = list(row.object, path).map(|c| text(c, &[field])).collect();
        row.text(all.join(","));
    }
}

const TEMPLATE: &[&str] = &["spec", "template", "spec", "containers"];

pub(super) fn replica_set(row: &mut Row<'_>) {
    let o = row.object;
    row.number(int(o, &["spec", "replicas"]));
    row.number(int(o, &["status", "replicas"]));
    row.number(int(o, &["status", "readyReplicas"]));
    row.age();
    containers(row, TEMPLATE);
    row.text(selector(meta::at(o, &["spec", "selector"]), "<none>"));
}

pub(super) fn deployment(row: &mut Row<'_>) {
    let o = row.object;
    row.text(format!("{}/{}", int(o, &["status", "readyReplicas"]), int(o, &["spec", "replicas"])));
    row.number(int(o, &["status", "updatedReplicas"]));
    row.number(int(o, &["status", "availableReplicas"]));
    row.age();
    containers(row, TEMPLATE);
    row.text(selector(meta::at(o, &["spec", "selector"]), "<none>"));
}

pub(super) fn stateful_set(row: &mut Row<'_>) {
    let o = row.object;
    row.text(format!("{}/{}", int(o, &["status", "readyReplicas"]), int(o, &["spec", "replicas"])));
    row.age();
    containers(row, TEMPLATE);
}

pub(super) fn daemon_set(row: &mut Row<'_>) {
    let o = row.object;
    for field in [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ] {
        row.number(int(o, &["status", field]));
    }
    row.text(super::cells::labels(map(o, &["spec", "template", "spec", "nodeSelector"])));
    row.age();
    containers(row, TEMPLATE);
    row.text(selector(meta::at(o, &["spec", "selector"]), "<none>"));
}

pub(super) fn revision(row: &mut Row<'_>) {
    let o = row.object;
    let controller = list(o, &["metadata", "ownerReferences"]).find(|r| flag(r, &["controller"]));
    row.text(controller.map_or("<none>".to_owned(), |c| {
        let (group, _) = seatrial_schema::split_api_version(text(c, &["apiVersion"]));
        let kind = text(c, &["kind"]).to_lowercase();
        format!("{}/{}", crate::status::qualified(&kind, group), text(c, &["name"]))
    }));
    row.number(int(o, &["revision"]));
    row.age();
}

fn finished<'v>(job: &'v Value, ty: &str) -> Option<&'v Value> {
    list(job, &["status", "conditions"]).find(|c| text(c, &["type"]) == ty && text(c, &["status"]) == "True")
}

pub(super) fn job(row: &mut Row<'_>) {
    let o = row.object;
    row.text(if finished(o, "Complete").is_some() {
        "Complete"
    } else if finished(o, "Failed").is_some() {
        "Failed"
    } else if meta::is_deleting(o) {
        "Terminating"
    } else if finished(o, "Suspended").is_some() {
        "Suspended"
    } else if finished(o, "FailureTarget").is_some() {
        "FailureTarget"
    } else if finished(o, "SuccessCriteriaMet").is_some() {
        "SuccessCriteriaMet"
    } else {
        "Running"
    });
    let done = int(o, &["status", "succeeded"]);
    row.text(match (number(o, &["spec", "completions"]), int(o, &["spec", "parallelism"])) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, at_once) if at_once > 1 => format!("{done}/1 of {at_once}"),
        (None, _) => format!("{done}/1"),
    });
    let start = text(o, &["status", "startTime"]).parse::<jiff::Timestamp>();
    let failed = finished(o, "Failed").map_or("", |c| text(c, &["lastTransitionTime"]));
    let end = or(text(o, &["status", "completionTime"]), failed);
    row.text(match start {
        Err(_) => String::new(),
        Ok(start) => {
            let end = end.parse::<jiff::Timestamp>().unwrap_or(row.now);
            human(end.as_second() - start.as_second())
        }
    });
    row.age();
    containers(row, TEMPLATE);
    row.text(selector(meta::at(o, &["spec", "selector"]), "<none>"));
}

pub(super) fn cron_job(row: &mut Row<'_>) {
    let o = row.object;
    row.text(text(o, &["spec", "schedule"]));
    row.text(or(text(o, &["spec", "timeZone"]), "<none>"));
    row.text(if flag(o, &["spec", "suspend"]) { "True" } else { "False" });
    row.number(list(o, &["status", "active"]).count() as i64);
    let last = text(o, &["status", "lastScheduleTime"]);
    row.text(if last.is_empty() { "<none>".to_owned() } else { since(last, row.now) });
    row.age();
    containers(row, &["spec", "jobTemplate", "spec", "template", "spec", "containers"]);
    row.text(selector(meta::at(o, &["spec", "jobTemplate", "spec", "selector"]), "<none>"));
}

pub(super) fn autoscaler(row: &mut Row<'_>) {
    let o = row.object;
    row.text(format!(
        "{}/{}",
        text(o, &["spec", "scaleTargetRef", "kind"]),
        text(o, &["spec", "scaleTargetRef", "name"])
    ));
    let current: Vec<&Value> = list(o, &["status", "currentMetrics"]).collect();
    let mut targets: Vec<String> =
        list(o, &["spec", "metrics"]).enumerate().map(|(i, m)| target(m, current.get(i).copied())).collect();
    let more = targets.len().saturating_sub(2);
    targets.truncate(2);
    row.text(match (targets.is_empty(), more) {
        (true, _) => "<none>".to_owned(),
        (false, 0) => targets.join(", "),
        (false, more) => format!("{} + {more} more...", targets.join(", ")),
    });
    let minimum = number(o, &["spec", "minReplicas"]);
    row.text(minimum.map_or("<unset>".to_owned(), |m| m.to_string()));
    row.number(int(o, &["spec", "maxReplicas"]));
    row.number(int(o, &["status", "currentReplicas"]));
    row.age();
}

/// `cpu: 10%/80%`.
fn target(metric: &Value, current: Option<&Value>) -> String {
    let (field, prefix) = match text(metric, &["type"]) {
        "Resource" => ("resource", format!("{}: ", text(metric, &["resource", "name"]))),
        "ContainerResource" => {
            ("containerResource", format!("{}: ", text(metric, &["containerResource", "name"])))
        }
        "Pods" => ("pods", String::new()),
        "Object" => ("object", String::new()),
        "External" => ("external", String::new()),
        _ => return "<unknown type>".to_owned(),
    };
    let own = |name: &str| meta::at(metric, &[field, "target", name]);
    let now = |name: &str| current.and_then(|c| meta::at(c, &[field, "current", name]));
    let unknown = |value: String| if value.is_empty() { "<unknown>".to_owned() } else { value };
    if let Some(percent) = own("averageUtilization") {
        let found = now("averageUtilization").map(|v| format!("{v}%")).unwrap_or_default();
        return format!("{prefix}{}/{percent}%", unknown(found));
    }
    if let Some(average) = own("averageValue") {
        let suffix = if matches!(field, "external" | "object") { " (avg)" } else { "" };
        return format!("{prefix}{}/{}{suffix}", unknown(plain(now("averageValue"))), plain(Some(average)));
    }
    format!("{prefix}{}/{}", unknown(plain(now("value"))), plain(own("value")))
}

pub(super) fn event(row: &mut Row<'_>) {
    let o = row.object;
    let either = |a: &'static str, b: &'static str| meta::at(o, &[a]).or_else(|| meta::at(o, &[b]));
    let time = |a: &'static str, b: &'static str| either(a, b).and_then(Value::as_str).unwrap_or("");
    let event_time = text(o, &["eventTime"]);
    let first = or(time("firstTimestamp", "deprecatedFirstTimestamp"), event_time);
    let series = text(o, &["series", "lastObservedTime"]);
    let last = match (series, time("lastTimestamp", "deprecatedLastTimestamp")) {
        ("", "") => event_time,
        ("", last) => last,
        (series, _) => series,
    };
    let count = number(o, &["series", "count"])
        .or_else(|| either("count", "deprecatedCount").and_then(Value::as_i64))
        .unwrap_or(0);
    let about = either("involvedObject", "regarding").cloned().unwrap_or(Value::Null);
    let source = either("source", "deprecatedSource").cloned().unwrap_or(Value::Null);
    // Nothing is told of a time that is missing.
    row.text(since(last, row.now));
    row.text(text(o, &["type"]));
    row.text(text(o, &["reason"]));
    row.text(format!("{}/{}", text(&about, &["kind"]).to_lowercase(), text(&about, &["name"])));
    row.text(text(&about, &["fieldPath"]));
    let (component, host) = (text(&source, &["component"]), text(&source, &["host"]));
    let reporter = either("reportingComponent", "reportingController").and_then(Value::as_str).unwrap_or("");
    row.text(match (component, host) {
        ("", _) => match text(o, &["reportingInstance"]) {
            "" => reporter.to_owned(),
            instance => format!("{reporter}, {instance}"),
        },
        (component, "") => component.to_owned(),
        (component, host) => format!("{component}, {host}"),
    });
    row.text(either("message", "note").and_then(Value::as_str).unwrap_or("").trim());
    row.text(since(first, row.now));
    row.number(if count == 0 { 1 } else { count });
    row.text(meta::name(o));
}

pub(super) fn signing_request(row: &mut Row<'_>) {
    let o = row.object;
    row.age();
    row.text(or(text(o, &["spec", "signerName"]), "<none>"));
    row.text(text(o, &["spec", "username"]));
    row.text(number(o, &["spec", "expirationSeconds"]).map_or("<none>".to_owned(), human));
    let has = |ty: &str| list(o, &["status", "conditions"]).any(|c| text(c, &["type"]) == ty);
    let mut state: Vec<&str> = Vec::new();
    match (has("Denied"), has("Approved")) {
        (true, _) => state.push("Denied"),
        (_, true) => state.push("Approved"),
        _ => state.push("Pending"),
    }
    if has("Failed") {
        state.push("Failed");
    }
    if !text(o, &["status", "certificate"]).is_empty() {
        state.push("Issued");
    }
    row.text(state.join(","));
}
