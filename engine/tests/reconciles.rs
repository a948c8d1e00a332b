//! What the engine makes of Kustomizations, beside what the real kustomize-controller was recorded to make of the same ones.
//!
//! `data/reconciles.yaml` has the cases and says what their fields mean; `data/record-reconciles` plays them with the real
//! program, and compares with the recording where it is told to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use rstest::rstest;
use seatrial_api::FluxRelease::V2_9;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use support::*;

const CASES: &str = include_str!("data/reconciles.yaml");
const RECORDED: &str = include_str!("data/reconciles_recorded.json");
/// Cases that differ, with the cause; the test says so when one no longer does.
const KNOWN: &str = include_str!("data/reconciles_known.txt");

/// Fields that say when and which, not what.
const VOLATILE: [&str; 7] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn kustomization(namespace: &str, name: &str) -> String {
    format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{namespace}/kustomizations/{name}")
}

/// The name of a case as the name of a namespace.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let out: String = out.trim_matches('-').chars().take(50).collect();
    out.trim_matches('-').to_owned()
}

/// A message without what differs from run to run.
fn normal(message: &str, revisions: &[String]) -> String {
    let mut out = message.to_owned();
    for (number, revision) in (1..).zip(revisions) {
        out = out.replace(revision, &format!("REVISION-{number}"));
    }
    for before in ["finished in ", "passed in ", "failed after ", "canceled after "] {
        if let Some((head, rest)) = out.split_once(before)
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == 'µ'));
            let tail = &rest[end.unwrap_or(rest.len())..];
            out = format!("{head}{before}DURATION{tail}");
        }
    }
    out
}

/// A recorded answer without the temporary folder that the real controller unpacks artifacts into: there is none here.
fn without_folder(real: &Value) -> Value {
    let text = real.to_string();
    let text = text.replace("not found: stat /tmp/kustomization-N/", "not found: stat /");
    let text = text.replace("under: /tmp/kustomization-N\\n", "under: .\\n");
    serde_json::from_str(&text.replace("/tmp/kustomization-N/", "")).unwrap()
}

/// A kubeconfig of the cluster itself, as it stands inside a JSON string.
fn kubeconfig() -> String {
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "k",
        "users": [{"name": "u", "user": {"token": "record"}}],
        "clusters": [{"name": "k", "cluster": {"server": SERVER}}],
        "contexts": [{"name": "k", "context": {"cluster": "k", "user": "u"}}]});
    let quoted = json!(config.to_string()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// One case on a world of its own.
struct Case<'w> {
    world: &'w mut World,
    namespace: String,
    names: Vec<String>,
    revisions: Vec<String>,
}

impl Case<'_> {
    async fn step(&mut self, number: usize, step: &Value) -> Value {
        for (path, content) in entries(&step["files"]) {
            match content.as_str() {
                Some(content) => self.world.write(path, content),
                None => self.world.remove(path),
            };
        }
        for object in items(&step["objects"]) {
            self.world.apply(object.clone()).await;
        }
        for one in items(&step["made"]) {
            self.world.create_as(text(&one["manager"]), &one["object"]).await;
        }
        for one in items(&step["applied"]) {
            self.world.apply_as(text(&one["manager"]), &one["object"]).await;
        }
        for patch in items(&step["patches"]) {
            let manager = patch["manager"].as_str().unwrap_or("test");
            let path = format!("{}?fieldManager={manager}", text(&patch["path"]));
            self.world.merge(&path, patch["merge"].clone()).await;
        }
        for path in items(&step["delete"]) {
            self.world.delete(text(path)).await;
        }
        if step.get("files").is_some() {
            self.revisions.push(self.world.commit(&format!("Revision {number}")));
            self.publish(number).await;
        }
        for (name, fields) in entries(&step["kustomizations"]) {
            if !self.names.contains(name) {
                self.names.push(name.clone());
            }
            let mut spec = json!({"interval": "10m", "retryInterval": "10m", "path": "./", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "fleet"}});
            spec.as_object_mut().unwrap().extend(entries(fields).map(|(k, v)| (k.clone(), v.clone())));
            let metadata = json!({"name": name, "namespace": self.namespace});
            self.world
                .apply(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                    "metadata": metadata, "spec": spec}))
                .await;
        }
        for name in &self.names {
            let path = kustomization(&self.namespace, name);
            let asked = json!({"reconcile.fluxcd.io/requestedAt": number.to_string()});
            let patch = json!({"metadata": {"annotations": asked}});
            match self.world.request("PATCH", &path, "application/merge-patch+json", &patch).await {
                Ok(_) => {}
                // It has gone, or goes just now.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => panic!("{path}: {error}"),
            }
        }
        self.rest(number, &step["expect"]).await;
        self.look(&step["look"]).await
    }

    /// Has the source follow the commit.
    async fn publish(&self, number: usize) {
        let source = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "fleet", "namespace": self.namespace,
                "annotations": {"reconcile.fluxcd.io/requestedAt": number.to_string()}},
            "spec": {"interval": "1m", "url": URL, "ref": {"branch": BRANCH}}});
        self.world.apply(source).await;
        let path =
            format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/{}/gitrepositories/fleet", self.namespace);
        let revision = self.revisions.last().unwrap();
        self.world.until(&path, 60, |source| source["status"]["artifact"]["revision"] == **revision).await;
    }

    /// Waits until nothing has moved for three seconds, and everything is as far as it is expected to come.
    async fn rest(&self, number: usize, expect: &Value) {
        let (mut last, mut quiet, asked) = (Vec::new(), 0, number.to_string());
        for _ in 0..1_200 {
            let mut now = Vec::new();
            for name in &self.names {
                now.push(self.world.get(&kustomization(&self.namespace, name)).await);
            }
            quiet = if now == last { quiet + 1 } else { 0 };
            let done = self.names.iter().zip(&now).all(|(name, found)| {
                let ready = text(&ready(found)["status"]);
                let handled = text(&found["status"]["lastHandledReconcileAt"]) == asked;
                found.is_null()
                    || found["spec"]["suspend"] == true
                    || (handled
                        && ["True", "False"].contains(&ready)
                        && (expect[name].is_null() || expect[name] == ready))
            });
            if quiet >= 3 && done {
                return;
            }
            last = now;
            self.world.clock.sleep(Duration::from_secs(1)).await;
        }
        panic!("{} does not come to rest: {last:#?}", self.namespace);
    }

    async fn look(&self, paths: &Value) -> Value {
        let mut kustomizations = Map::new();
        for name in &self.names {
            let found = self.world.get(&kustomization(&self.namespace, name)).await;
            kustomizations.insert(name.clone(), self.status(&found));
        }
        let list = self.world.get(&format!("/api/v1/namespaces/{}/events", self.namespace)).await;
        let events = items(&list["items"]).filter(|e| e["involvedObject"]["kind"] == "Kustomization");
        let mut events: Vec<String> = events
            .map(|e| {
                let message = normal(text(&e["message"]), &self.revisions);
                format!(
                    "{}: {} {}: {message}",
                    text(&e["involvedObject"]["name"]),
                    text(&e["type"]),
                    text(&e["reason"])
                )
            })
            .collect();
        events.sort();
        events.dedup();
        let mut objects = Map::new();
        for path in items(paths) {
            objects.insert(text(path).to_owned(), shown(self.world.get(text(path)).await));
        }
        json!({"kustomizations": kustomizations, "events": events, "objects": objects})
    }

    fn status(&self, found: &Value) -> Value {
        if found.is_null() {
            return Value::Null;
        }
        let status = &found["status"];
        let mut conditions: Vec<[String; 4]> = items(&status["conditions"])
            .map(|c| {
                let message = normal(text(&c["message"]), &self.revisions);
                [
                    text(&c["type"]).to_owned(),
                    text(&c["status"]).to_owned(),
                    text(&c["reason"]).to_owned(),
                    message,
                ]
            })
            .collect();
        conditions.sort();
        let inventory = items(&status["inventory"]["entries"]);
        let mut inventory: Vec<String> =
            inventory.map(|e| format!("{} {}", text(&e["id"]), text(&e["v"]))).collect();
        inventory.sort();
        json!({
            "conditions": conditions,
            "inventory": inventory,
            "applied": normal(text(&status["lastAppliedRevision"]), &self.revisions),
            "attempted": normal(text(&status["lastAttemptedRevision"]), &self.revisions),
            "history": items(&status["history"]).map(|h| &h["lastReconciledStatus"]).collect::<Vec<_>>(),
            "current": status["observedGeneration"] == found["metadata"]["generation"],
        })
    }
}

/// What is compared of an object.
fn shown(mut object: Value) -> Value {
    if object.is_null() {
        return object;
    }
    let managers = items(&object["metadata"]["managedFields"]).map(|e| {
        let words = format!("{} {} {}", text(&e["manager"]), text(&e["operation"]), text(&e["subresource"]));
        words.trim().to_owned()
    });
    let mut managers: Vec<String> = managers.collect();
    managers.sort();
    managers.dedup();
    object["managers"] = json!(managers);
    object["metadata"].as_object_mut().unwrap().retain(|key, _| !VOLATILE.contains(&key.as_str()));
    if object["kind"] == "Pod" {
        // The plugin that sets it does not run where the cases are recorded.
        object["spec"].as_object_mut().unwrap().retain(|key, _| !key.starts_with("serviceAccount"));
    }
    object
}

/// The first differences of two values, with their paths.
fn differences(path: &str, ours: &Value, real: &Value, out: &mut Vec<String>) {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differences(&format!("{path}/{key}"), &of(a), &of(b), out);
            }
        }
        _ if ours == real => {}
        (Value::Array(a), Value::Array(b)) => {
            let missing = b.iter().filter(|item| !a.contains(item));
            let surplus = a.iter().filter(|item| !b.contains(item));
            out.extend(missing.map(|item| format!("    - {path} {item}")));
            out.extend(surplus.map(|item| format!("    + {path} {item}")));
        }
        _ => {
            out.push(format!("    - {path} {real}"));
            out.push(format!("    + {path} {ours}"));
        }
    }
}

#[rstest]
fn kustomizations_become_what_the_real_controller_makes_of_them(
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    let cases: Vec<Value> = serde_yaml::from_str(CASES).unwrap();
    let recorded: BTreeMap<String, Value> = serde_json::from_str(RECORDED).unwrap();
    let known: Vec<&str> = KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let only = std::env::var("SEATRIAL_RECONCILE").unwrap_or_default();
    let (mut wrong, mut surprising, mut equal) = (String::new(), Vec::new(), 0);
    for case in cases.iter().filter(|case| text(&case["name"]).contains(&only)) {
        let name = text(&case["name"]).to_owned();
        let namespace = slug(&name);
        let steps = case["steps"].to_string().replace("KUBECONFIG", &kubeconfig());
        let steps = steps.replace("NAMESPACE", &namespace);
        let steps: Vec<Value> = serde_json::from_str(&steps).unwrap();
        let real = recorded.get(&name).unwrap_or_else(|| panic!("{name:?} has not been recorded"));
        let mut found = Vec::new();
        let into = &mut found;
        play_at(place, V2_9, &[], |mut world, _| async move {
            world
                .apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
                .await;
            let mut case = Case { world: &mut world, namespace, names: Vec::new(), revisions: Vec::new() };
            for (number, step) in (1..).zip(&steps) {
                into.push(case.step(number, step).await);
            }
        });
        let mut out = Vec::new();
        for (number, (ours, real)) in (1..).zip(found.iter().zip(items(real))) {
            differences(&format!("{number}"), ours, &without_folder(real), &mut out);
        }
        match (out.is_empty(), known.contains(&name.as_str())) {
            (true, false) => equal += 1,
            (true, true) => surprising.push(name),
            (false, true) => {}
            (false, false) => wrong.push_str(&format!("{name}\n{}\n", out.join("\n"))),
        }
    }
    println!("{equal} cases equal, {} known differences", known.len());
    assert!(wrong.is_empty(), "- real, + ours\n{wrong}");
    assert!(surprising.is_empty(), "no longer different: {surprising:#?}");
}
