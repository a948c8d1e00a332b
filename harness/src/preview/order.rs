//! The order in which Kustomizations reconcile the head. Pure.

use super::collect::State;
use super::history::{Past, Progress};
use super::model::{Outcome, Step};
use super::problems::targets;
use crate::trial::ObjectName;
use std::collections::BTreeSet;

/// The Kustomizations that follow what was changed, in the order in which they began; those that did not begin come last.
/// `follows` says which sources lead to the repository that was changed. How far they came is what is true in the end: a
/// Kustomization can have applied the head by itself before the change reached its own spec.
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
        let Progress { mut began, mut applied, deleted, .. } = progress.clone();
        if let (Some(it), None) = (here, began) {
            let source = source(name, it);
            // Suspended, or of another source: it has nothing to do with the change.
            if it.spec["suspend"] == true {
                continue;
            }
            let changed = before.kustomizations.get(name).is_none_or(|was| was.spec != it.spec);
            let moved = past.moved.get(&source).map(|(position, _)| *position);
            if let Some((begins, ends)) =
                moved.or(changed.then_some(0)).and_then(|position| progress.reconciled(position))
            {
                (began, applied) = (Some(begins), ends);
            } else if !follows(&source) || (moved.is_none() && is_ready(after, &source)) {
                continue;
            }
        }
        let (outcome, when) = match (here, began, applied, unready(after, name)) {
            (None, ..) => (Outcome::Deleted, deleted),
            (Some(_), Some(_), Some(_), None) => (Outcome::Applied, began),
            (Some(_), None, ..) | (Some(_), _, _, Some(Unready::Waits)) => (Outcome::Waiting, None),
            (Some(_), Some(_), ..) => (Outcome::Failed, began),
        };
        if outcome != Outcome::Applied {
            applied = None;
        }
        let after = targets(name, &known.spec);
        let step = Step {
            kustomization: name.clone(),
            outcome,
            began: when.map(|(_, seconds)| seconds),
            applied: applied.map(|(_, seconds)| seconds),
            after: after.iter().map(|target| format!("{}/{}", target.namespace, target.name)).collect(),
        };
        steps.push((when.map_or(u64::MAX, |(position, _)| position), step));
    }
    steps.sort_by_key(|(position, _)| *position);
    steps.into_iter().map(|(_, step)| step).collect()
}

/// Why a Kustomization is not ready in the end.
enum Unready {
    /// It does not begin.
    Waits,
    /// It began, and came to no good end.
    Fails,
}

fn unready(state: &State, name: &ObjectName) -> Option<Unready> {
    let why = &state.unready.iter().find(|problem| problem.object == *name)?.why;
    let no_source = why.starts_with("ArtifactFailed: ") && !why.contains("kustomization path not found");
    Some(if no_source || why.starts_with("DependencyNotReady: ") { Unready::Waits } else { Unready::Fails })
}

fn is_ready(state: &State, source: &ObjectName) -> bool {
    state.flux.iter().any(|object| object.name == *source && object.ready.is_true())
}

fn source(name: &ObjectName, kustomization: &super::collect::Kustomization) -> ObjectName {
    let reference = &kustomization.spec["sourceRef"];
    let text = |key: &str| reference[key].as_str().unwrap_or_default().to_owned();
    let namespace = reference["namespace"].as_str().unwrap_or(&name.namespace).to_owned();
    ObjectName { kind: text("kind"), namespace, name: text("name") }
}
