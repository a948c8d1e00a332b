//! The order in which Kustomizations reconcile the head. Pure.

use super::collect::State;
use super::history::{Past, Progress};
use super::model::{Outcome, Step};
use super::problems::targets;
use crate::trial::ObjectName;
use std::collections::BTreeSet;

/// The Kustomizations that follow what was changed, in the order in which they began; those that did not begin come last.
/// `follows` says which sources have the new revision.
pub(super) fn order(
    before: &State,
    after: &State,
    past: &Past,
    follows: impl Fn(&ObjectName) -> bool,
) -> Vec<Step> {
    let names: BTreeSet<&ObjectName> =
        before.kustomizations.keys().chain(after.kustomizations.keys()).collect();
    let mut steps: Vec<(u64, Step)> = Vec::new();
    for name in names {
        let progress = past.progress.get(name).cloned().unwrap_or_default();
        let here = after.kustomizations.get(name);
        let Some(known) = here.or_else(|| before.kustomizations.get(name)) else { continue };
        let Progress { began, applied, deleted } = progress;
        let (outcome, when) = match (here, began, applied) {
            (None, ..) => (Outcome::Deleted, deleted),
            (Some(_), Some(_), Some(_)) => (Outcome::Applied, began),
            (Some(_), Some(_), None) => (Outcome::Failed, began),
            // Of another source, or suspended: it has nothing to do with the change.
            (Some(it), None, _) if it.spec["suspend"] == true || !follows(&source(name, it)) => continue,
            (Some(_), None, _) => (Outcome::Waiting, None),
        };
        let after = targets(name, &known.spec);
        let step = Step {
            kustomization: name.clone(),
            outcome,
            began: when.map(|(_, seconds)| seconds),
            applied: applied.filter(|_| here.is_some()).map(|(_, seconds)| seconds),
            after: after.iter().map(|target| format!("{}/{}", target.namespace, target.name)).collect(),
        };
        steps.push((when.map_or(u64::MAX, |(position, _)| position), step));
    }
    steps.sort_by_key(|(position, _)| *position);
    steps.into_iter().map(|(_, step)| step).collect()
}

fn source(name: &ObjectName, kustomization: &super::collect::Kustomization) -> ObjectName {
    let reference = &kustomization.spec["sourceRef"];
    let text = |key: &str| reference[key].as_str().unwrap_or_default().to_owned();
    let namespace = reference["namespace"].as_str().unwrap_or(&name.namespace).to_owned();
    ObjectName { kind: text("kind"), namespace, name: text("name") }
}
