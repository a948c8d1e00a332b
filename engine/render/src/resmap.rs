//! The objects of a kustomization, in order.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::{Result, fail};
use crate::ids::{Identity, ResId};
use crate::resource::{Behavior, Resource, Types};

/// An ordered set of resources. Appending is cheap: identities are indexed until a resource may have changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResMap {
    list: Vec<Resource>,
    /// The places of resources in the list, by [`Identity::mixed`].
    index: Option<BTreeSet<(u64, usize)>>,
}

impl ResMap {
    pub(crate) fn list(&self) -> &[Resource] {
        &self.list
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The resources, to be changed.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.index = None;
        &mut self.list
    }

    pub(crate) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    /// The same in another build.
    pub(crate) fn with_types(&self, types: &Arc<Types>) -> ResMap {
        let list = self.list.iter().map(|resource| resource.clone().with_types(types)).collect();
        ResMap { list, index: self.index.clone() }
    }

    /// Indexes what is not yet indexed.
    pub(crate) fn index(&mut self) {
        let mixed = |(at, resource): (usize, &Resource)| (resource.identity().mixed(), at);
        self.index.get_or_insert_with(|| self.list.iter().enumerate().map(mixed).collect());
    }

    /// Puts a resource at the end.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<()> {
        let number = resource.identity().mixed();
        self.append_numbered(resource, number)
    }

    fn append_numbered(&mut self, resource: Resource, number: u64) -> Result<()> {
        self.index();
        let index = self.index.get_or_insert_default();
        let mut same = index.range((number, 0)..=(number, usize::MAX));
        if same.any(|(_, at)| self.list[*at].identity() == resource.identity()) {
            let id = resource.id();
            return fail(format!("may not add resource with an already registered id: {id}"));
        }
        index.insert((number, self.list.len()));
        self.list.push(resource);
        Ok(())
    }

    /// Puts all resources of another map at the end.
    pub(crate) fn append_map(&mut self, mut other: ResMap) -> Result<()> {
        other.index();
        let mut numbers = vec![0; other.list.len()];
        for (number, at) in other.index.iter().flatten() {
            numbers[*at] = *number;
        }
        other
            .list
            .into_iter()
            .zip(numbers)
            .try_for_each(|(resource, number)| self.append_numbered(resource, number))
    }

    pub(crate) fn append_all(&mut self, resources: impl IntoIterator<Item = Resource>) -> Result<()> {
        resources.into_iter().try_for_each(|resource| self.append(resource))
    }

    /// The only resource that is or was the object with this identity.
    pub(crate) fn find(&mut self, id: &ResId) -> Result<&mut Resource> {
        let mut found = self.list.iter().enumerate().filter(|(_, r)| r.is_or_was(id)).map(|(i, _)| i);
        let first = found.next();
        let more = found.next().is_some();
        match first {
            None => fail(format!("no matches for Id {id}; failed to find unique target for patch {id}")),
            Some(_) if more => {
                fail(format!("multiple matches for Id {id}; failed to find unique target for patch {id}"))
            }
            Some(at) => Ok(&mut self.list_mut()[at]),
        }
    }

    /// Puts a generated resource at the end, or into the place of the one that it replaces or merges with.
    pub(crate) fn absorb(&mut self, mut resource: Resource) -> Result<()> {
        let id = resource.id();
        let matches: Vec<usize> =
            self.list.iter().enumerate().filter(|(_, r)| r.is_or_was(&id)).map(|(i, _)| i).collect();
        match (matches.as_slice(), resource.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                fail(format!("id {} does not exist; cannot merge or replace", id.spelled()))
            }
            ([], _) => self.append(resource),
            ([at], behavior @ (Behavior::Merge | Behavior::Replace)) => {
                let old = &mut self.list_mut()[*at];
                resource.take_over(old, behavior == Behavior::Merge);
                let id = resource.id();
                if !id.is_same(&old.id()) {
                    return fail(format!("cannot find resource with id {id} to replace"));
                }
                *old = resource;
                Ok(())
            }
            ([_], behavior) => fail(format!(
                "id {} exists; can not use behavior: '{}', behavior must be merge or replace",
                id.spelled(),
                behavior.word()
            )),
            _ => fail(format!("found multiple objects that could accept merge of {id}")),
        }
    }

    /// Drops what patches deleted.
    pub(crate) fn drop_empty(&mut self) {
        if self.list.iter().any(Resource::is_empty) {
            self.list_mut().retain(|r| !r.is_empty());
        }
    }

    /// Complains about two resources with one identity, where any may have changed since they were put here.
    pub(crate) fn check_changed(&self, what: &str) -> Result<()> {
        if self.index.is_some() { Ok(()) } else { self.check_unique(what) }
    }

    /// Complains about two resources with one identity.
    pub(crate) fn check_unique(&self, what: &str) -> Result<()> {
        let mut seen = BTreeSet::new();
        for (at, resource) in self.list.iter().enumerate().filter(|(_, resource)| !resource.is_empty()) {
            let identity = resource.identity();
            let number = identity.mixed();
            if is_there(&self.list, &seen, number, &identity) {
                return fail(format!("{what}: {}", resource.id()));
            }
            seen.insert((number, at));
        }
        Ok(())
    }
}

/// Whether one of the resources in an index has this identity.
fn is_there(list: &[Resource], index: &BTreeSet<(u64, usize)>, number: u64, identity: &Identity<'_>) -> bool {
    index.range((number, 0)..=(number, usize::MAX)).any(|(_, at)| list[*at].identity() == *identity)
}
