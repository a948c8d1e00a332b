//! API versions of kinds that scenarios may name without one.

use seatrial_api::{FluxRelease, catalog};

/// Kinds of Kubernetes that are commonly checked, with their API version and whether they have a namespace.
const KINDS: [(&str, &str, bool); 26] = [
    ("ClusterRole", "rbac.authorization.k8s.io/v1", false),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", false),
    ("ConfigMap", "v1", true),
    ("CronJob", "batch/v1", true),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1", false),
    ("DaemonSet", "apps/v1", true),
    ("Deployment", "apps/v1", true),
    ("Event", "v1", true),
    ("HorizontalPodAutoscaler", "autoscaling/v2", true),
    ("Ingress", "networking.k8s.io/v1", true),
    ("Job", "batch/v1", true),
    ("Namespace", "v1", false),
    ("NetworkPolicy", "networking.k8s.io/v1", true),
    ("Node", "v1", false),
    ("PersistentVolume", "v1", false),
    ("PersistentVolumeClaim", "v1", true),
    ("Pod", "v1", true),
    ("PodDisruptionBudget", "policy/v1", true),
    ("ReplicaSet", "apps/v1", true),
    ("Role", "rbac.authorization.k8s.io/v1", true),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", true),
    ("Secret", "v1", true),
    ("Service", "v1", true),
    ("ServiceAccount", "v1", true),
    ("StatefulSet", "apps/v1", true),
    ("StorageClass", "storage.k8s.io/v1", false),
];

/// The API version of a kind: that which `release` stores for Flux kinds (the newest release's where none is given).
pub(crate) fn default_api_version(kind: &str, release: Option<FluxRelease>) -> Option<String> {
    let known = KINDS.iter().find(|(name, _, _)| *name == kind).map(|(_, version, _)| (*version).to_owned());
    known.or_else(|| {
        catalog::KINDS.iter().find(|k| k.kind == kind).and_then(|k| {
            k.api_version(release.unwrap_or_default()).or_else(|| k.api_version(FluxRelease::default()))
        })
    })
}

/// The namespace in which an object of this kind is looked for where a scenario names none.
pub(crate) fn default_namespace(kind: &str) -> Option<&'static str> {
    if catalog::KINDS.iter().any(|k| k.kind == kind) {
        return Some("flux-system");
    }
    match KINDS.iter().find(|(name, _, _)| *name == kind) {
        Some((_, _, false)) => None,
        _ => Some("default"),
    }
}

/// All kinds whose API version is known.
pub(crate) fn known_kinds() -> Vec<&'static str> {
    KINDS.iter().map(|(name, _, _)| *name).chain(catalog::KINDS.iter().map(|k| k.kind)).collect()
}
