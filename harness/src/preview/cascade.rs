//! Who takes an object away, and what goes with it. Pure.

use super::history::{Gone, Past};
use super::model::ObjectId;
use crate::trial::ObjectName;
use std::collections::{BTreeMap, BTreeSet};

/// What was deleted, looked up in every way that is needed.
pub(super) struct Cascade<'a> {
    past: &'a Past,
    by_uid: BTreeMap<&'a str, &'a ObjectId>,
    definitions: BTreeMap<(&'a str, &'a str), &'a ObjectId>,
    namespaces: BTreeSet<&'a str>,
}

impl<'a> Cascade<'a> {
    pub(super) fn of(past: &'a Past) -> Cascade<'a> {
        Cascade {
            past,
            by_uid: past.by_uid(),
            definitions: past.definitions(),
            namespaces: past.namespaces(),
        }
    }

    /// What took the object away: the Kustomization that says that it did; else the definition of its kind, its namespace or
    /// its owner, if that is gone too; else the Kustomization that its labels name.
    pub(super) fn cause(&self, id: &ObjectId) -> Option<ObjectName> {
        let gone = self.past.gone.get(id)?;
        let said = self.past.pruned.get(&id.to_string());
        // Two kinds of two groups can share a name: then the labels tell whose it was.
        let said = said.and_then(|by| by.iter().find(|by| gone.label.as_ref() == Some(by)).or(by.first()));
        said.cloned().or_else(|| self.with(id, gone)).or_else(|| gone.label.clone())
    }

    /// What the object goes with.
    fn with(&self, id: &ObjectId, gone: &Gone) -> Option<ObjectName> {
        if let Some(definition) = self.definitions.get(&(id.group.as_str(), id.kind.as_str())) {
            return Some(definition.short());
        }
        if self.namespaces.contains(id.namespace.as_str()) {
            let (kind, name) = ("Namespace".to_owned(), id.namespace.clone());
            return Some(ObjectName { kind, namespace: String::new(), name });
        }
        let owner = gone.owners.iter().find(|(uid, _)| self.by_uid.contains_key(uid.as_str()));
        owner.map(|(_, name)| name.clone())
    }

    /// How many objects of each kind went because an owner of theirs, or of their owner's, is among `pruned`; those of `known`
    /// are not counted.
    pub(super) fn followers(
        &self,
        pruned: &BTreeSet<&ObjectId>,
        known: impl Fn(&ObjectId) -> bool,
    ) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for (id, gone) in &self.past.gone {
            if !known(id) && self.follows(gone, pruned, 0) {
                *kinds.entry(id.kind.clone()).or_default() += 1;
            }
        }
        kinds
    }

    fn follows(&self, gone: &Gone, pruned: &BTreeSet<&ObjectId>, depth: usize) -> bool {
        // Owners can own each other.
        depth < 8
            && gone.owners.iter().filter_map(|(uid, _)| self.by_uid.get(uid.as_str())).any(|owner| {
                pruned.contains(owner)
                    || self.past.gone.get(*owner).is_some_and(|gone| self.follows(gone, pruned, depth + 1))
            })
    }
}
