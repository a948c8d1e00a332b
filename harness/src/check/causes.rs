//! How it came to a failure: commit, artifact, Kustomizations, object, events.

use super::kinds::default_api_version;
use super::probe::{Target, conditions, label, short_revision};
use crate::cluster::Objects;
use seatrial_api::FluxRelease;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many objects of a kind, and how many events, are shown.
const LIMIT: usize = 6;

/// The chain of causes, a line each: what the sources have, what the Kustomizations say, what the object says, what the
/// latest warnings are. What cannot be asked is left out.
pub(crate) async fn causes(cluster: &Objects, flux: FluxRelease, target: Option<&Target>) -> Vec<String> {
    let mut lines = Vec::new();
    for source in flux_objects(cluster, flux, "GitRepository").await {
        let artifact = source["status"]["artifact"]["revision"].as_str();
        let artifact =
            artifact.map_or("no artifact".to_owned(), |r| format!("artifact {}", short_revision(r)));
        lines.push(match trouble(&source) {
            Some(trouble) => format!("{}: {artifact}; {trouble}", label(&source)),
            None => format!("{}: {artifact}", label(&source)),
        });
    }
    let kustomizations = flux_objects(cluster, flux, "Kustomization").await;
    let (bad, good): (Vec<_>, Vec<_>) = kustomizations.iter().partition(|k| trouble(k).is_some());
    let mut shown = 0;
    for kustomization in bad.iter().chain(&good).take(LIMIT) {
        shown += 1;
        let applied = kustomization["status"]["lastAppliedRevision"].as_str();
        let applied =
            applied.map_or("applied nothing yet".to_owned(), |r| format!("applied {}", short_revision(r)));
        lines.push(match trouble(kustomization) {
            Some(trouble) => format!("{}: {applied}; {trouble}", label(kustomization)),
            None => format!("{}: {applied}", label(kustomization)),
        });
    }
    if kustomizations.len() > shown {
        lines.push(format!("and {} more Kustomizations without trouble", kustomizations.len() - shown));
    }
    let is_flux = target.is_some_and(|t| matches!(t.kind.as_str(), "GitRepository" | "Kustomization"));
    if let Some(target) = target.filter(|_| !is_flux) {
        lines.extend(object(cluster, target).await);
    }
    lines.extend(warnings(cluster).await);
    lines
}

async fn flux_objects(cluster: &Objects, flux: FluxRelease, kind: &str) -> Vec<Value> {
    let Some(version) = default_api_version(kind, Some(flux)) else { return Vec::new() };
    cluster.list(&version, kind, None).await.unwrap_or_default()
}

/// What is wrong with a Flux object, in one line.
fn trouble(object: &Value) -> Option<String> {
    if object["spec"]["suspend"] == true {
        return Some("suspended".to_owned());
    }
    let ready = conditions(object).find(|c| c["type"] == "Ready");
    match ready {
        None => Some("no Ready condition yet".to_owned()),
        Some(ready) if ready["status"] == "True" => None,
        Some(ready) => Some(condition(ready)),
    }
}

/// `Ready=False BuildFailed: message`.
fn condition(condition: &Value) -> String {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    let message = text("message").lines().next().unwrap_or_default();
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{}={} {}{colon}{message}", text("type"), text("status"), text("reason"))
}

/// What the object itself says.
async fn object(cluster: &Objects, target: &Target) -> Vec<String> {
    let all = cluster.list(&target.api_version, &target.kind, target.namespace.as_deref()).await;
    let all = all.unwrap_or_default();
    let Some(object) = all.iter().find(|o| o["metadata"]["name"] == *target.name) else { return Vec::new() };
    let said: Vec<String> = conditions(object).map(condition).collect();
    if said.is_empty() {
        return Vec::new();
    }
    vec![format!("{}: {}", label(object), said.join("; "))]
}

/// The latest events of type Warning; an event that came often is shown once.
async fn warnings(cluster: &Objects) -> Vec<String> {
    let mut events = cluster.list("v1", "Event", None).await.unwrap_or_default();
    events.retain(|event| event["type"] == "Warning");
    let time = |event: &Value| {
        ["lastTimestamp", "eventTime"].iter().find_map(|f| event[f].as_str()).unwrap_or_default().to_owned()
    };
    let mut latest: BTreeMap<String, String> = BTreeMap::new();
    for event in &events {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let about = &event["involvedObject"];
        let line = format!(
            "Warning {} {}/{}: {}",
            text(&event["reason"]),
            text(&about["kind"]),
            text(&about["name"]),
            text(&event["message"]).lines().next().unwrap_or_default()
        );
        let at = latest.entry(line).or_default();
        *at = time(event).max(std::mem::take(at));
    }
    let mut lines: Vec<(String, String)> = latest.into_iter().map(|(line, at)| (at, line)).collect();
    lines.sort();
    lines.into_iter().rev().take(LIMIT).map(|(_, line)| line).collect()
}
