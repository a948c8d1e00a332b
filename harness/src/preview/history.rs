//! What happened between two states: who pruned what, and which Kustomization reconciled when.

use super::model::ObjectId;
use crate::cluster::History;
use crate::trial::ObjectName;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What happened after a position of a cluster's history.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Objects that were deleted.
    pub(super) gone: BTreeMap<ObjectId, Gone>,
    /// What Kustomizations say that they deleted: `Kind/namespace/name`, and the Kustomizations.
    pub(super) pruned: BTreeMap<String, Vec<ObjectName>>,
    /// How Kustomizations came on with the new revision.
    pub(super) progress: BTreeMap<ObjectName, Progress>,
    /// When sources first had another artifact than before.
    pub(super) moved: BTreeMap<ObjectName, (u64, u64)>,
    /// The digests of the artifacts that sources had before.
    had: BTreeMap<ObjectName, String>,
    /// The revisions that Kustomizations had tried before.
    tried: BTreeMap<ObjectName, String>,
}

/// An object that was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// When, among all that was deleted.
    pub(super) order: usize,
    pub(super) uid: String,
    /// The uids of its owners, and what they are.
    pub(super) owners: Vec<(String, ObjectName)>,
    /// The Kustomization that its labels name.
    pub(super) label: Option<ObjectName>,
    /// Of a definition: the group and kind that it defines.
    pub(super) defines: Option<(String, String)>,
}

/// A position of the history, and the seconds after the push.
pub(super) type When = (u64, u64);

/// How a Kustomization came on. Positions say what came first; times are seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// When it first tried the new revision.
    pub(super) began: Option<(u64, u64)>,
    /// When it had applied it.
    pub(super) applied: Option<(u64, u64)>,
    /// When it was deleted.
    pub(super) deleted: Option<(u64, u64)>,
    /// Its changes, and whether it was ready then.
    pub(super) ready: Vec<(When, bool)>,
}

impl Progress {
    /// When it first reconciled after a position, and when it was ready then: that of which the revision says nothing, such as
    /// a source whose files changed and whose own commit did not.
    pub(super) fn reconciled(&self, after: u64) -> Option<(When, Option<When>)> {
        let mut later = self.ready.iter().skip_while(|((position, _), _)| *position <= after);
        let (began, _) = later.find(|(_, is_ready)| !is_ready)?;
        Some((*began, later.find(|(_, is_ready)| *is_ready).map(|(when, _)| *when)))
    }
}

/// Reads the history after `position`. `revision` is the new one, as Flux writes it; `start` is when it was pushed; `tried` are
/// the revisions that Kustomizations had tried before.
pub(super) fn read(
    history: &dyn History,
    position: u64,
    revision: &str,
    start: Timestamp,
    tried: BTreeMap<ObjectName, String>,
) -> Past {
    let mut past = Past { tried, ..Past::default() };
    history.since(0, &mut |change| {
        if change.position > position {
            return ControlFlow::Break(());
        }
        if let Some((name, digest)) = artifact(change.object) {
            past.had.insert(name, digest.to_owned());
        }
        ControlFlow::Continue(())
    });
    history.since(position, &mut |change| {
        let passed = change.time.duration_since(start).as_secs();
        let when = (change.position, u64::try_from(passed).unwrap_or(0));
        past.change(change.object, change.deleted, revision, when);
        ControlFlow::Continue(())
    });
    past
}

impl Past {
    /// Takes in one change of one object.
    pub(super) fn change(&mut self, object: &Value, deleted: bool, revision: &str, when: (u64, u64)) {
        let id = ObjectId::of(object);
        if id.kind == "Event" {
            self.event(object);
            return;
        }
        if id.is_kustomization() {
            let status = &object["status"];
            let tried = self.tried.get(&id.short());
            let progress = self.progress.entry(id.short()).or_default();
            // What a generator composes has a revision of its own: there, any that was not tried before is new.
            let composed = object["spec"]["sourceRef"]["kind"] == "ExternalArtifact";
            let is_new = |field: &str| {
                status[field] == revision
                    || (composed
                        && status[field].as_str().is_some_and(|now| tried.is_none_or(|old| old != now)))
            };
            if is_new("lastAttemptedRevision") {
                progress.began.get_or_insert(when);
            }
            if is_new("lastAppliedRevision") {
                progress.applied.get_or_insert(when);
            }
            if deleted {
                progress.deleted = Some(when);
            } else {
                progress.ready.push((when, is_ready(object)));
            }
        } else if let Some((name, digest)) = artifact(object)
            && self.had.get(&name).is_none_or(|had| had != digest)
        {
            self.moved.entry(name).or_insert(when);
        }
        if deleted {
            let order = self.gone.len();
            self.gone.entry(id).or_insert_with(|| gone(object, order));
        }
    }

    fn event(&mut self, event: &Value) {
        let about = &event["involvedObject"];
        if about["kind"] != "Kustomization" || event["source"]["component"] != "kustomize-controller" {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let by = ObjectName {
            kind: "Kustomization".to_owned(),
            namespace: text(&about["namespace"]),
            name: text(&about["name"]),
        };
        let message = event["message"].as_str().unwrap_or_default();
        for object in message.lines().filter_map(|line| line.strip_suffix(" deleted")) {
            let known = self.pruned.entry(object.to_owned()).or_default();
            if !known.contains(&by) {
                known.push(by.clone());
            }
        }
    }

    /// The uids of what was deleted, with their ids.
    pub(super) fn by_uid(&self) -> BTreeMap<&str, &ObjectId> {
        self.gone.iter().map(|(id, gone)| (gone.uid.as_str(), id)).collect()
    }

    /// The group and kind of each definition that was deleted, with its name.
    pub(super) fn definitions(&self) -> BTreeMap<(&str, &str), &ObjectId> {
        self.gone
            .iter()
            .filter_map(|(id, gone)| {
                gone.defines.as_ref().map(|(group, kind)| ((group.as_str(), kind.as_str()), id))
            })
            .collect()
    }

    /// The namespaces that were deleted.
    pub(super) fn namespaces(&self) -> BTreeSet<&str> {
        let namespaces = self.gone.keys().filter(|id| id.kind == "Namespace" && id.group.is_empty());
        namespaces.map(|id| id.name.as_str()).collect()
    }
}

/// The source that an object is, and the digest of its artifact.
fn artifact(object: &Value) -> Option<(ObjectName, &str)> {
    let digest = object["status"]["artifact"]["digest"].as_str()?;
    Some((ObjectId::of(object).short(), digest))
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter(|condition| condition["type"] == "Ready").any(|condition| condition["status"] == "True")
}

fn gone(object: &Value, order: usize) -> Gone {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let namespace = text(&metadata["namespace"]);
    let owners = metadata["ownerReferences"].as_array().into_iter().flatten().map(|owner| {
        let name = ObjectName {
            kind: text(&owner["kind"]),
            namespace: namespace.clone(),
            name: text(&owner["name"]),
        };
        (text(&owner["uid"]), name)
    });
    let [name, in_namespace] = super::project::OWNER.map(|key| metadata["labels"][key].as_str());
    let label = name.zip(in_namespace).map(|(name, namespace)| ObjectName {
        kind: "Kustomization".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    });
    let defines = (object["kind"] == "CustomResourceDefinition")
        .then(|| (text(&object["spec"]["group"]), text(&object["spec"]["names"]["kind"])));
    Gone { order, uid: text(&metadata["uid"]), owners: owners.collect(), label, defines }
}
