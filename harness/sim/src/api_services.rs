//! The APIService objects that the server keeps itself: one for each version of each group that it serves.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::bootstrap;
use crate::kind::Kind;
use crate::meta;
use crate::object::Key;
use crate::store::State;

const TABLE: &str = "apiservices.apiregistration.k8s.io";
const LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Versions with their priorities.
type Versions = &'static [(&'static str, u64)];

/// The built-in groups and their priorities, as the real server's list has them. A version has [`VERSION_PRIORITY`] where
/// none is given here.
const GROUPS: &[(&str, u64, Versions)] = &[
    ("", 18_000, &[("v1", 1)]),
    ("apps", 17_800, &[]),
    ("events.k8s.io", 17_750, &[]),
    ("authentication.k8s.io", 17_700, &[]),
    ("authorization.k8s.io", 17_600, &[]),
    ("autoscaling", 17_500, &[("v2", 30)]),
    ("batch", 17_400, &[]),
    ("certificates.k8s.io", 17_300, &[]),
    ("networking.k8s.io", 17_200, &[]),
    ("policy", 17_100, &[]),
    ("rbac.authorization.k8s.io", 17_000, &[]),
    ("storage.k8s.io", 16_800, &[]),
    ("apiextensions.k8s.io", 16_700, &[]),
    ("admissionregistration.k8s.io", 16_700, &[]),
    ("scheduling.k8s.io", 16_600, &[]),
    ("coordination.k8s.io", 16_500, &[]),
    ("node.k8s.io", 16_300, &[]),
    ("discovery.k8s.io", 16_200, &[]),
    ("resource.k8s.io", 16_200, &[("v1", 21)]),
    ("flowcontrol.apiserver.k8s.io", 16_100, &[("v1", 21)]),
];
const VERSION_PRIORITY: u64 = 15;
/// What groups of custom resources have.
const CUSTOM: (u64, u64) = (1_000, 100);

/// The kind of these objects.
pub(crate) fn kind() -> Option<Kind> {
    Kind::built_in("apiregistration.k8s.io", "v1", "apiservices")
}

/// Those of the built-in groups. The group of APIServices itself has none.
pub(crate) fn built_in(now: Timestamp) -> impl Iterator<Item = Value> {
    let groups = seatrial_schema::kubernetes().groups().iter();
    groups.flat_map(move |group| {
        let known = GROUPS.iter().find(|(name, ..)| *name == group.name.as_ref());
        let versions = group.versions.iter();
        versions.filter_map(move |version| {
            let (_, minimum, own) = known?;
            let own = own.iter().find(|(name, _)| *name == version.as_ref());
            let priority = own.map_or(VERSION_PRIORITY, |(_, priority)| *priority);
            Some(object(&group.name, version, (*minimum, priority), "onstart", now))
        })
    })
}

/// Makes and removes those of custom groups, so that they are those of the versions that are served.
pub(crate) fn follow(state: &mut State, now: Timestamp) {
    let wanted: BTreeSet<(String, String)> = state
        .registry
        .all()
        .map(|v| (v.resource.group.to_string(), v.resource.version.to_string()))
        .collect();
    let kept = |value: &Value| meta::text(value, &["metadata", "labels", LABEL]) == "true";
    let part = |value: &Value, field: &str| meta::text(value, &["spec", field]).to_owned();
    let mut there = BTreeSet::new();
    let mut surplus = Vec::new();
    for (key, object) in state.tables.get(TABLE).into_iter().flat_map(|table| table.objects.iter()) {
        let version = (part(object.value(), "group"), part(object.value(), "version"));
        if kept(object.value()) && !wanted.contains(&version) {
            surplus.push(key.clone());
        } else {
            there.insert(version);
        }
    }
    for key in surplus {
        state.remove(TABLE, &key, now);
    }
    let Some(kind) = kind() else { return };
    for (group, version) in wanted.difference(&there) {
        // One that somebody else has made stays.
        if state.get(TABLE, &Key::new("", format!("{version}.{group}"))).is_none() {
            bootstrap::put(state, &kind, object(group, version, CUSTOM, "true", now), now);
        }
    }
}

fn object(group: &str, version: &str, priority: (u64, u64), managed: &str, now: Timestamp) -> Value {
    let mut object = json!({
        "metadata": {"name": format!("{version}.{group}"), "labels": {LABEL: managed}},
        "spec": {"version": version, "groupPriorityMinimum": priority.0, "versionPriority": priority.1},
        "status": {"conditions": [{"type": "Available", "status": "True", "lastTransitionTime": meta::rfc3339(now),
            "reason": "Local", "message": "Local APIServices are always available"}]},
    });
    if !group.is_empty() {
        object["spec"]["group"] = group.into();
    }
    object
}
