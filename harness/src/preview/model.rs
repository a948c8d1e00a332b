//! What a preview says. Its JSON form is described in `docs/preview.md`; fields are added, and never renamed or removed.

use crate::trial::{Ending, ObjectName};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// `seatrial.dev/v1alpha1`.
    pub api_version: &'static str,
    /// `Preview`.
    pub kind: &'static str,
    /// The repository's name.
    pub repository: String,
    /// The branch that was moved from the base to the head.
    pub branch: String,
    /// Where it was.
    pub base: Revision,
    /// Where it is to be.
    pub head: Revision,
    /// What the reader should know of the comparison.
    pub notes: Vec<String>,
    /// The clusters, by name.
    pub clusters: Vec<ClusterPreview>,
}

impl Preview {
    /// Whether anything differs on any cluster.
    pub fn differs(&self) -> bool {
        self.clusters.iter().any(ClusterPreview::differs)
    }

    /// Whether the change brings a problem that the base did not have.
    pub fn breaks(&self) -> bool {
        self.clusters.iter().flat_map(|cluster| &cluster.problems).any(|problem| problem.introduced)
    }
}

/// One side of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The commit, 40 hex digits; of a working tree, the commit that it is based on.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// How many files of the working tree differ from that commit and are part of this side; 0: it is the commit alone.
    pub uncommitted: usize,
    /// Why this one: `HEAD`, `merge base of HEAD and origin/main`.
    pub chosen: String,
}

/// What happens on one cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPreview {
    /// Its name.
    pub name: String,
    /// Where it is bootstrapped: `clusters/<name>`.
    pub path: String,
    /// Whether its folder is there at the base.
    pub at_base: bool,
    /// Whether its folder is there at the head.
    pub at_head: bool,
    /// How it ended at the head.
    pub ending: Ending,
    /// Services that a list of an environment switches on or off here.
    pub services: Vec<Gate>,
    /// The Kustomizations that reconcile the head, in the order in which they began.
    pub order: Vec<Step>,
    /// Objects that come.
    pub added: Vec<Added>,
    /// Objects that become different.
    pub changed: Vec<Changed>,
    /// Objects that go.
    pub pruned: Vec<Pruned>,
    /// Objects that no Kustomization manages any more, and that stay.
    pub kept: Vec<Kept>,
    /// Objects that nobody wrote down (ReplicaSets, Pods) and that go with their owners, by kind.
    pub workloads_pruned: BTreeMap<String, usize>,
    /// What is not ready, or not right, at the head.
    pub problems: Vec<Problem>,
    /// What was not ready at the base, and is at the head.
    pub mended: Vec<ObjectName>,
    /// What the reader can do about what could not be played.
    pub hints: Vec<String>,
}

impl ClusterPreview {
    /// Whether anything differs.
    pub fn differs(&self) -> bool {
        !(self.added.is_empty()
            && self.changed.is_empty()
            && self.pruned.is_empty()
            && self.kept.is_empty()
            && self.services.is_empty()
            && self.mended.is_empty()
            && !self.problems.iter().any(|problem| problem.introduced))
    }
}

/// Names an object, whatever its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// The kind.
    pub kind: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectId {
    /// The object's own.
    pub(super) fn of(object: &Value) -> ObjectId {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let group = object["apiVersion"].as_str().and_then(|v| v.split_once('/')).map_or("", |(g, _)| g);
        ObjectId {
            kind: text(&object["kind"]),
            group: group.to_owned(),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        }
    }

    /// Whether it is a Kustomization of Flux.
    pub(super) fn is_kustomization(&self) -> bool {
        self.kind == "Kustomization" && self.group == "kustomize.toolkit.fluxcd.io"
    }

    /// Without its group.
    pub(super) fn short(&self) -> ObjectName {
        ObjectName { kind: self.kind.clone(), namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

/// `Deployment/default/web`; `ClusterRole/web`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

/// A service that a list switches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// `<project>/<service>`.
    pub service: String,
    /// The environment whose list it is: `config/<environment>`.
    pub environment: String,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// How far a Kustomization came with the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It applied it.
    Applied,
    /// It tried, and failed.
    Failed,
    /// It did not begin: it waits for others, or its source failed.
    Waiting,
    /// It is gone.
    Deleted,
}

/// One Kustomization that reconciles the head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The Kustomization.
    pub kustomization: ObjectName,
    /// How far it came.
    pub outcome: Outcome,
    /// The seconds of virtual time after the push at which it began (or was deleted); `None` where it did not begin.
    pub began: Option<u64>,
    /// The seconds at which it had applied the head, and everything was healthy that it waits for.
    pub applied: Option<u64>,
    /// The Kustomizations that it waits for: `<namespace>/<name>`.
    pub after: Vec<String>,
}

/// An object that comes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// Which.
    pub object: ObjectId,
    /// The Kustomization that applies it.
    pub by: ObjectName,
    /// Whether it was applied; else it was built alone, since its Kustomization is held up.
    pub applied: bool,
    /// Its fields, as they are applied. Values of Secrets are redacted.
    pub manifest: Value,
}

/// An object that becomes different.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Which; under its new name.
    pub object: ObjectId,
    /// The Kustomization that applies it.
    pub by: ObjectName,
    /// Whether it was applied; else it was built alone, since its Kustomization is held up.
    pub applied: bool,
    /// The Kustomization that applied it before, where that was another.
    pub moved_from: Option<ObjectName>,
    /// Its name before, where only the hash at the end of it differs.
    pub renamed_from: Option<String>,
    /// Whether it is deleted and created again on the way.
    pub recreated: bool,
    /// What differs, by path.
    pub fields: Vec<FieldChange>,
    /// All of it, before.
    #[serde(skip)]
    pub before: Value,
    /// All of it, after.
    #[serde(skip)]
    pub after: Value,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where: `spec.template.spec.containers[name=web].image`.
    pub path: String,
    /// The value before; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// An object that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Which.
    pub object: ObjectId,
    /// What takes it away: a Kustomization that prunes it; or the Namespace, the CustomResourceDefinition or the owner that
    /// it goes with. That can be among the pruned objects itself: then this is part of a cascade.
    pub by: Option<ObjectName>,
    /// Whether it was there; else it was built alone, since its Kustomization is held up.
    pub applied: bool,
}

/// An object that nobody manages any more, and that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Which.
    pub object: ObjectId,
    /// The Kustomization that managed it.
    pub was_by: ObjectName,
    /// Why it stays: `prune: false`, `deletionPolicy: Orphan`, an annotation.
    pub why: String,
}

/// What sort of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// It depends on itself.
    SelfDependency,
    /// It depends, by way of others, on what depends on it.
    DependencyCycle,
    /// It depends on a Kustomization that does not exist.
    DependencyMissing,
    /// Its source does not exist.
    SourceMissing,
    /// Its source has no artifact, or could not be fetched.
    SourceFailed,
    /// Its folder does not exist.
    PathMissing,
    /// It substitutes from a ConfigMap or Secret that does not exist.
    SubstituteMissing,
    /// It does not build.
    BuildFailed,
    /// The API server refuses an object, or does not have its kind.
    ApplyFailed,
    /// Objects could not be deleted.
    PruneFailed,
    /// What it applied does not become healthy.
    Unhealthy,
    /// Pods do not run.
    PodsNotRunning,
    /// Two Kustomizations apply one object.
    Contested,
    /// Something that Seatrial does not support.
    NotSupported,
    /// It waits for another Kustomization that is not ready.
    Blocked,
    /// Anything else; the message says what.
    Other,
}

impl ProblemKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            ProblemKind::SelfDependency => "depends on itself",
            ProblemKind::DependencyCycle => "dependency cycle",
            ProblemKind::DependencyMissing => "dependency does not exist",
            ProblemKind::SourceMissing => "source does not exist",
            ProblemKind::SourceFailed => "source failed",
            ProblemKind::PathMissing => "path does not exist",
            ProblemKind::SubstituteMissing => "substitution source does not exist",
            ProblemKind::BuildFailed => "does not build",
            ProblemKind::ApplyFailed => "cannot be applied",
            ProblemKind::PruneFailed => "cannot be pruned",
            ProblemKind::Unhealthy => "does not become healthy",
            ProblemKind::PodsNotRunning => "pods do not run",
            ProblemKind::Contested => "applied by two",
            ProblemKind::NotSupported => "not supported by Seatrial",
            ProblemKind::Blocked => "waits",
            ProblemKind::Other => "not ready",
        }
    }
}

/// Something that is not ready, or not right, at the head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What sort of problem.
    pub problem: ProblemKind,
    /// What has it.
    pub object: ObjectName,
    /// The cluster's own words.
    pub message: String,
    /// Whether the change brings it: the object was ready at the base, or did not exist.
    pub introduced: bool,
}
