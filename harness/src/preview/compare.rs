//! Two states of a cluster: what comes, what becomes different, what goes, what stays behind. Pure.

use super::cascade::Cascade;
use super::collect::{Held, Kustomization, State};
use super::fields;
use super::history::Past;
use super::model::{Added, Changed, Kept, ObjectId, Pruned};
use crate::trial::ObjectName;
use std::collections::{BTreeMap, BTreeSet};

/// The letters of the hash that kustomize puts at the end of the names of generated objects.
const HASH: &[u8] = b"2456789bcdfghkmt";
/// Its length.
const HASH_LENGTH: usize = 10;

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) objects: &'a BTreeMap<ObjectId, Held>,
    pub(super) kustomizations: &'a BTreeMap<ObjectName, Kustomization>,
}

impl<'a> Side<'a> {
    pub(super) fn of(state: &'a State) -> Side<'a> {
        Side { objects: &state.objects, kustomizations: &state.kustomizations }
    }
}

/// What differs.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) added: Vec<Added>,
    pub(super) changed: Vec<Changed>,
    pub(super) pruned: Vec<Pruned>,
    pub(super) kept: Vec<Kept>,
    pub(super) workloads: BTreeMap<String, usize>,
}

/// Compares two states; `past` is what happened between them.
pub(super) fn compare(before: Side<'_>, after: Side<'_>, past: &Past) -> Changes {
    let mut changes = Changes::default();
    let cascade = Cascade::of(past);
    let ids: BTreeSet<&ObjectId> = before.objects.keys().chain(after.objects.keys()).collect();
    let renamed = renames(before, after);
    let new_names: BTreeSet<&ObjectId> = renamed.values().copied().collect();
    for id in ids {
        match (before.objects.get(id), after.objects.get(id)) {
            (None, Some(new)) if !new_names.contains(id) => changes.added.extend(added(id, new)),
            (Some(old), Some(new)) if new.by.is_empty() => {
                changes.kept.extend(kept(id, old, new, before, after));
            }
            (Some(old), Some(new)) => changes.changed.extend(changed((id, old), (id, new))),
            (Some(old), None) => match renamed.get(id).and_then(|new| Some((*new, after.objects.get(*new)?)))
            {
                Some(new) => changes.changed.extend(changed((id, old), new)),
                None => changes.pruned.push(Pruned {
                    object: id.clone(),
                    by: if old.is_live() { cascade.cause(id) } else { old.by.first().cloned() },
                    applied: old.is_live(),
                }),
            },
            (None, _) => {}
        }
    }
    changes.changed.sort_by(|a, b| a.object.cmp(&b.object));
    let order = |pruned: &Pruned| past.gone.get(&pruned.object).map_or(usize::MAX, |gone| gone.order);
    changes.pruned.sort_by_key(order);
    let pruned: BTreeSet<&ObjectId> = changes.pruned.iter().map(|pruned| &pruned.object).collect();
    changes.workloads = cascade.followers(&pruned, |id| before.objects.contains_key(id));
    changes
}

fn added(id: &ObjectId, new: &Held) -> Option<Added> {
    let by = new.by.first()?.clone();
    Some(Added { object: id.clone(), by, applied: new.is_live(), manifest: new.object.clone() })
}

/// What became of an object, under whatever name; none where it is as it was.
fn changed((was, old): (&ObjectId, &Held), (id, new): (&ObjectId, &Held)) -> Option<Changed> {
    let by = new.by.first()?.clone();
    let renamed_from = (was != id).then(|| was.name.clone());
    let mut before = old.object.clone();
    if renamed_from.is_some() {
        // The name is told apart.
        before["metadata"]["name"] = new.object["metadata"]["name"].clone();
    }
    let moved_from = old.by.first().filter(|old| !old.eq(&&by) && !new.by.contains(old)).cloned();
    let recreated = was == id && old.is_live() && new.is_live() && old.uid != new.uid;
    let fields = fields::compare(&before, &new.object);
    let differs = !fields.is_empty() || moved_from.is_some() || renamed_from.is_some() || recreated;
    differs.then(|| Changed {
        object: id.clone(),
        by,
        applied: new.is_live(),
        moved_from,
        renamed_from,
        recreated,
        fields,
        before,
        after: new.object.clone(),
    })
}

fn kept(id: &ObjectId, old: &Held, new: &Held, before: Side<'_>, after: Side<'_>) -> Option<Kept> {
    // What nobody managed before was left over then.
    let was_by = old.by.first()?.clone();
    let why = match (after.kustomizations.get(&was_by), before.kustomizations.get(&was_by)) {
        (Some(still), _) if still.spec["prune"] == false => format!("{was_by} has prune: false"),
        (None, Some(gone)) => gone_without_deleting(&was_by, gone).unwrap_or_default(),
        _ => String::new(),
    };
    let why = match (why.as_str(), new.keeps) {
        ("", Some(mark)) => mark.to_owned(),
        ("", None) => "Flux left it where it is".to_owned(),
        _ => why,
    };
    Some(Kept { object: id.clone(), was_by, why })
}

/// Why a Kustomization that goes leaves its objects behind.
fn gone_without_deleting(name: &ObjectName, gone: &Kustomization) -> Option<String> {
    if gone.spec["suspend"] == true {
        return Some(format!("{name} was suspended when it was deleted"));
    }
    match gone.spec["deletionPolicy"].as_str() {
        Some("Orphan") => Some(format!("{name} had deletionPolicy: Orphan")),
        Some("Delete" | "WaitForTermination") => None,
        _ => (gone.spec["prune"] == false).then(|| format!("{name} had prune: false")),
    }
}

/// Objects that have only another hash at the end of their names: the old id, and the new one.
fn renames<'a>(before: Side<'a>, after: Side<'a>) -> BTreeMap<&'a ObjectId, &'a ObjectId> {
    type Stem<'a> = (&'a str, &'a str, &'a str, &'a str, Option<&'a ObjectName>);
    fn one_side<'a>(side: Side<'a>, other: Side<'a>) -> BTreeMap<Stem<'a>, Vec<&'a ObjectId>> {
        let mut stems: BTreeMap<Stem<'a>, Vec<&'a ObjectId>> = BTreeMap::new();
        for (id, held) in side.objects.iter().filter(|(id, held)| {
            !held.by.is_empty() && other.objects.get(id).is_none_or(|other| other.by.is_empty())
        }) {
            if let Some(stem) = stem(&id.name) {
                let key = (id.kind.as_str(), id.group.as_str(), id.namespace.as_str(), stem, held.by.first());
                stems.entry(key).or_default().push(id);
            }
        }
        stems
    }
    let new = one_side(after, before);
    let mut found = BTreeMap::new();
    for (stem, old) in one_side(before, after) {
        if let ([old], Some([new])) = (old.as_slice(), new.get(&stem).map(Vec::as_slice))
            // One that stays is told as such.
            && !after.objects.contains_key(*old)
        {
            found.insert(*old, *new);
        }
    }
    found
}

/// A name without the hash at its end.
fn stem(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    (hash.len() == HASH_LENGTH && hash.bytes().all(|byte| HASH.contains(&byte))).then_some(stem)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
