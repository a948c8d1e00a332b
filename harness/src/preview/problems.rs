//! What is not ready, or not right, at the head, and whether the change brought it. Pure.

use super::collect::State;
use super::model::{ObjectId, Problem, ProblemKind};
use crate::trial::{FluxObject, ObjectName, UNSERVED_REGISTRY};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The problems at the head, causes before what waits for them; and what was not ready at the base and is at the head.
pub(super) fn problems(before: &State, after: &State) -> (Vec<Problem>, Vec<ObjectName>) {
    let unready = |state: &State| -> BTreeSet<ObjectName> {
        state.unready.iter().map(|problem| problem.object.clone()).collect()
    };
    let (was, is) = (unready(before), unready(after));
    let beyond = unsupported(after);
    let mut problems: Vec<Problem> = after
        .unready
        .iter()
        .map(|problem| {
            let (reason, message) = problem.why.split_once(": ").unwrap_or(("", &problem.why));
            let is_beyond = beyond.contains(&problem.object);
            Problem {
                problem: match is_beyond {
                    true => ProblemKind::NotSupported,
                    false => kind(&problem.object, reason, message, after),
                },
                object: problem.object.clone(),
                message: message.trim_end().to_owned(),
                introduced: !is_beyond && !was.contains(&problem.object),
            }
        })
        .collect();
    problems.extend(contested(before, after));
    problems.sort_by_key(|p| (!p.introduced, p.problem == ProblemKind::Blocked, p.problem, p.object.clone()));
    let ready = |object: &&FluxObject| was.contains(&object.name) && !is.contains(&object.name);
    let mended = after.flux.iter().filter(ready).map(|object| object.name.clone()).collect();
    (problems, mended)
}

/// Objects that two Kustomizations apply: they take them from each other for ever.
fn contested(before: &State, after: &State) -> Vec<Problem> {
    let shared = |(id, held): (&ObjectId, &super::collect::Held)| {
        let names: Vec<String> = held.by.iter().map(ToString::to_string).collect();
        (names.len() > 1).then(|| Problem {
            problem: ProblemKind::Contested,
            object: id.short(),
            message: format!("{} apply it", names.join(" and ")),
            introduced: before.objects.get(id).is_none_or(|held| held.by.len() < 2),
        })
    };
    after.objects.iter().filter_map(shared).collect()
}

/// What is not ready for no other reason than that Seatrial does not support something: the change is not to blame.
fn unsupported(state: &State) -> BTreeSet<ObjectName> {
    let reason = |reason: &str| -> BTreeSet<&ObjectName> {
        let of = |problem: &&crate::trial::Problem| problem.why.starts_with(&format!("{reason}: "));
        state.unready.iter().filter(of).map(|problem| &problem.object).collect()
    };
    let unready: BTreeSet<&ObjectName> = state.unready.iter().map(|problem| &problem.object).collect();
    let (unhealthy, waiting) = (reason("HealthCheckFailed"), reason("DependencyNotReady"));
    let mut found: BTreeSet<ObjectName> = reason("NotSupported").into_iter().cloned().collect();
    // Registries beyond the run's own are not asked; artifacts can be served.
    let beyond = state
        .unready
        .iter()
        .filter(|problem| problem.object.kind != "OCIRepository" && problem.why.contains(UNSERVED_REGISTRY));
    found.extend(beyond.map(|problem| problem.object.clone()));
    loop {
        let mut new = Vec::new();
        for object in state.flux.iter().filter(|object| !found.contains(&object.name)) {
            let holds = unhealthy.contains(&object.name)
                && object.inventory.iter().any(|name| found.contains(name))
                && object.inventory.iter().all(|name| found.contains(name) || !unready.contains(name));
            let spec = state.kustomizations.get(&object.name).map(|known| &known.spec);
            let targets = spec.map(|spec| targets(&object.name, spec)).unwrap_or_default();
            let waits = waiting.contains(&object.name)
                && targets.iter().any(|name| found.contains(name))
                && targets.iter().all(|name| {
                    found.contains(name)
                        || (state.kustomizations.contains_key(name) && !unready.contains(name))
                });
            if holds || waits {
                new.push(object.name.clone());
            }
        }
        if new.is_empty() {
            return found;
        }
        found.extend(new);
    }
}

fn kind(object: &ObjectName, reason: &str, message: &str, state: &State) -> ProblemKind {
    if object.kind != "Kustomization" {
        let is_flux = state.flux.iter().any(|flux| flux.name == *object);
        return match is_flux {
            true if is_source(&object.kind) => ProblemKind::SourceFailed,
            true => ProblemKind::Other,
            false => ProblemKind::PodsNotRunning,
        };
    }
    match reason {
        "DependencyNotReady" => dependency(object, state),
        "ArtifactFailed" if source_is_missing(object, state) => ProblemKind::SourceMissing,
        "ArtifactFailed" if message.contains("kustomization path not found") => ProblemKind::PathMissing,
        "ArtifactFailed" => ProblemKind::SourceFailed,
        "BuildFailed" if message.contains("substitute from '") && message.contains("not found") => {
            ProblemKind::SubstituteMissing
        }
        "BuildFailed" => ProblemKind::BuildFailed,
        "ReconciliationFailed" => ProblemKind::ApplyFailed,
        "PruneFailed" => ProblemKind::PruneFailed,
        "HealthCheckFailed" | "HealthCheckCanceled" => ProblemKind::Unhealthy,
        _ => ProblemKind::Other,
    }
}

fn is_source(kind: &str) -> bool {
    matches!(
        kind,
        "GitRepository" | "OCIRepository" | "Bucket" | "HelmRepository" | "HelmChart" | "ExternalArtifact"
    )
}

fn source_is_missing(object: &ObjectName, state: &State) -> bool {
    let Some(kustomization) = state.kustomizations.get(object) else { return false };
    let reference = &kustomization.spec["sourceRef"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let source = ObjectName {
        kind: text(&reference["kind"]).unwrap_or_default(),
        namespace: text(&reference["namespace"]).unwrap_or_else(|| object.namespace.clone()),
        name: text(&reference["name"]).unwrap_or_default(),
    };
    !state.flux.iter().any(|flux| flux.name == source)
}

/// What sort of problem with dependencies a Kustomization has.
fn dependency(object: &ObjectName, state: &State) -> ProblemKind {
    let graph: BTreeMap<&ObjectName, Vec<ObjectName>> = state
        .kustomizations
        .iter()
        .map(|(name, kustomization)| (name, targets(name, &kustomization.spec)))
        .collect();
    let own = graph.get(object).map(Vec::as_slice).unwrap_or_default();
    if own.contains(object) {
        return ProblemKind::SelfDependency;
    }
    if own.iter().any(|target| !graph.contains_key(target)) {
        return ProblemKind::DependencyMissing;
    }
    let mut seen: BTreeSet<&ObjectName> = BTreeSet::new();
    let mut next: Vec<&ObjectName> = own.iter().collect();
    while let Some(name) = next.pop() {
        if name == object {
            return ProblemKind::DependencyCycle;
        }
        if seen.insert(name) {
            next.extend(graph.get(name).into_iter().flatten());
        }
    }
    ProblemKind::Blocked
}

/// What a Kustomization depends on.
pub(super) fn targets(name: &ObjectName, spec: &Value) -> Vec<ObjectName> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let dependencies = spec["dependsOn"].as_array().into_iter().flatten();
    dependencies
        .map(|dependency| ObjectName {
            kind: name.kind.clone(),
            namespace: text(&dependency["namespace"]).unwrap_or_else(|| name.namespace.clone()),
            name: text(&dependency["name"]).unwrap_or_default(),
        })
        .collect()
}
