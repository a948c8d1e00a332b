//! The order of the output.

use crate::error::{Result, fail};
use crate::ids::Gvk;
use crate::kustomization::model::SortOptions;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Kinds that others need: they come first.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that could get in the way of others: they come last.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts as `sortOptions` says.
pub(crate) fn sort(resources: &mut ResMap, options: &SortOptions) -> Result<()> {
    match options.order.as_str() {
        "fifo" if options.legacy_sort_options.is_some() => fail(
            "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
        ),
        "" | "fifo" => Ok(()),
        "legacy" => {
            let legacy = options.legacy_sort_options.as_ref();
            let (first, last) = match legacy {
                Some(legacy) => (legacy.order_first.as_slice(), legacy.order_last.as_slice()),
                None => (&[][..], &[][..]),
            };
            sort_legacy(resources, first, last, legacy.is_some());
            Ok(())
        }
        _ => fail("the field 'sortOptions.order' must be one of [fifo, legacy]"),
    }
}

/// The default order of `kustomize build`.
pub(super) fn sort_default(resources: &mut ResMap) {
    sort_legacy(resources, &[], &[], false);
}

fn sort_legacy(resources: &mut ResMap, first: &[String], last: &[String], own: bool) {
    let (first, last): (Vec<&str>, Vec<&str>) = match own {
        true => (first.iter().map(String::as_str).collect(), last.iter().map(String::as_str).collect()),
        false => (FIRST.to_vec(), LAST.to_vec()),
    };
    resources.list_mut().sort_by_cached_key(|resource| key(resource, &first, &last));
}

fn key(resource: &Resource, first: &[&str], last: &[&str]) -> (i64, String, String, String) {
    let gvk = resource.gvk();
    let namespace = if resource.namespace().is_empty() { "~X" } else { resource.namespace() };
    (rank(&gvk.kind, first, last), spelled(&gvk), namespace.to_owned(), resource.name().to_owned())
}

/// A kind as the order compares it: what is missing comes last.
fn spelled(gvk: &Gvk) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(&gvk.group, "~G"), or(&gvk.version, "~V"), or(&gvk.kind, "~K"))
}

fn rank(kind: &str, first: &[&str], last: &[&str]) -> i64 {
    let index = |kinds: &[&str]| kinds.iter().position(|k| *k == kind).and_then(|at| i64::try_from(at).ok());
    match (index(first), index(last)) {
        (Some(at), _) => at - i64::try_from(first.len()).unwrap_or(0),
        (None, Some(at)) => at + 1,
        _ => 0,
    }
}

/// A key by which kinds stand in the default order (empty lists), or in another one.
pub(super) fn kind_order(gvk: &Gvk, first: &[&str], last: &[&str]) -> (i64, String) {
    let (first, last) =
        if first.is_empty() && last.is_empty() { (&FIRST[..], &LAST[..]) } else { (first, last) };
    (rank(&gvk.kind, first, last), spelled(gvk))
}
