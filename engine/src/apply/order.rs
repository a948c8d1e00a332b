//! In which order objects are applied. Pure.

use super::Wanted;
use crate::object::ObjectRef;
use std::cmp::Ordering;

/// Kinds that come first, in this order.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last, in this order.
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

fn rank(kind: &str) -> usize {
    let first = FIRST.iter().position(|known| *known == kind);
    let last = LAST.iter().position(|known| *known == kind).map(|at| FIRST.len() + 1 + at);
    first.or(last).unwrap_or(FIRST.len())
}

fn compare(a: &ObjectRef, b: &ObjectRef) -> Ordering {
    rank(&a.kind)
        .cmp(&rank(&b.kind))
        .then_with(|| a.group.cmp(&b.group))
        .then_with(|| a.kind.cmp(&b.kind))
        .then_with(|| a.namespace.cmp(&b.namespace))
        .then_with(|| a.name.cmp(&b.name))
}

/// Sorts references in the order of their application.
pub(crate) fn sort(objects: &mut [ObjectRef]) {
    objects.sort_by(compare);
}

/// The objects in up to three stages, each sorted: definitions, classes, the rest. Each stage must be in place before
/// the next is looked at.
pub(super) fn stages(mut objects: Vec<Wanted>) -> [Vec<Wanted>; 3] {
    objects.sort_by(|a, b| compare(&a.who, &b.who));
    let mut stages = [Vec::new(), Vec::new(), Vec::new()];
    for object in objects {
        let stage = match object.who.kind.as_str() {
            "CustomResourceDefinition" | "Namespace" | "ClusterRole" => 0,
            kind if kind.ends_with("Class") => 1,
            _ => 2,
        };
        stages[stage].push(object);
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn definitions_come_first_and_webhooks_last() {
        let objects = [
            "ValidatingWebhookConfiguration",
            "Deployment",
            "Widget",
            "IngressClass",
            "Secret",
            "MutatingWebhookConfiguration",
            "Namespace",
            "CustomResourceDefinition",
            "ConfigMap",
            "Ingress",
        ]
        .map(|kind| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "x" } }));
        let stages = stages(objects.into_iter().map(Wanted::new).collect())
            .map(|stage| stage.into_iter().map(|wanted| wanted.who.kind).collect::<Vec<_>>());
        assert_eq!(stages[0], ["CustomResourceDefinition", "Namespace"]);
        assert_eq!(stages[1], ["IngressClass"]);
        assert_eq!(
            stages[2],
            [
                "ConfigMap",
                "Secret",
                "Deployment",
                "Ingress",
                "Widget",
                "MutatingWebhookConfiguration",
                "ValidatingWebhookConfiguration"
            ]
        );
    }

    #[test]
    fn others_are_sorted_by_group_kind_namespace_and_name() {
        let mut all = [
            ObjectRef::new("v1", "Pod", "b", "a"),
            ObjectRef::new("batch/v1", "Job", "a", "a"),
            ObjectRef::new("v1", "Pod", "a", "z"),
            ObjectRef::new("v1", "Endpoints", "a", "a"),
        ];
        sort(&mut all);
        let shown: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["Endpoints/a/a", "Pod/a/z", "Pod/b/a", "Job/a/a"]);
    }
}
