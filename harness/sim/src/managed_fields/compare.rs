//! What changed between two versions of an object, by path.

use std::collections::BTreeMap;

use seatrial_schema::{TypeKind, TypeRef};
use serde_json::Value;

use super::compare_values;
use super::walk::{View, child_type, entries, items_of, view};
use super::{FieldSet, PathElement};

/// Paths that differ.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

impl Changes {
    /// Compares two values of a type.
    pub(super) fn between(old: &Value, new: &Value, ty: TypeRef<'_>) -> Changes {
        let mut walk = Walk { changes: Changes::default(), path: Vec::new() };
        walk.compare(Some(old), Some(new), ty);
        walk.changes
    }

    pub(super) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    pub(super) fn without(self, ignored: &FieldSet) -> Changes {
        Changes {
            added: self.added.without_below(ignored),
            modified: self.modified.without_below(ignored),
            removed: self.removed.without_below(ignored),
        }
    }
}

struct Walk {
    changes: Changes,
    path: Vec<PathElement>,
}

impl Walk {
    fn step(&mut self, element: PathElement, old: Option<&Value>, new: Option<&Value>, ty: TypeRef<'_>) {
        self.path.push(element);
        self.compare(old, new, ty);
        self.path.pop();
    }

    /// A map in the place of something else, or the reverse: only the place is the same.
    fn replaced(&mut self, old: &Value, new: &Value, ty: TypeRef<'_>) {
        self.changes.modified.insert(&self.path);
        for (key, value) in entries(Some(old)).into_iter().flatten() {
            self.step(PathElement::Field(key.clone()), Some(value), None, child_type(ty, key));
        }
        for (key, value) in entries(Some(new)).into_iter().flatten() {
            self.step(PathElement::Field(key.clone()), None, Some(value), child_type(ty, key));
        }
    }

    fn compare(&mut self, old: Option<&Value>, new: Option<&Value>, ty: TypeRef<'_>) {
        match (old, new) {
            (None, None) => return,
            (None, Some(_)) => self.changes.added.insert(&self.path),
            (Some(_), None) => self.changes.removed.insert(&self.path),
            (Some(_), Some(_)) => {}
        }
        if let (Some(old), Some(new), TypeKind::Any) = (old, new, ty.kind())
            && old.is_object() != new.is_object()
            && !old.is_null()
            && !new.is_null()
        {
            return self.replaced(old, new, ty);
        }
        match view(ty, old, new) {
            View::Leaf => {
                if let (Some(old), Some(new)) = (old, new)
                    && compare_values(old, new).is_ne()
                {
                    self.changes.modified.insert(&self.path);
                }
            }
            View::Map(ty) => {
                let (old, new) = (entries(old), entries(new));
                for (key, value) in new.into_iter().flatten() {
                    let before = old.and_then(|m| m.get(key));
                    self.step(PathElement::Field(key.clone()), before, Some(value), child_type(ty, key));
                }
                for (key, value) in old.into_iter().flatten() {
                    if new.is_none_or(|m| !m.contains_key(key)) {
                        self.step(PathElement::Field(key.clone()), Some(value), None, child_type(ty, key));
                    }
                }
            }
            View::List(items, kind) => {
                let group = |list: Option<&Value>| {
                    let mut groups: BTreeMap<PathElement, Vec<Value>> = BTreeMap::new();
                    for (element, item) in items_of(items, kind, list) {
                        groups.entry(element).or_default().push(item.clone());
                    }
                    groups
                };
                let (old, new) = (group(old), group(new));
                for (element, after) in &new {
                    match (old.get(element).map(Vec::as_slice).unwrap_or_default(), after.as_slice()) {
                        ([], [after, ..]) => self.step(element.clone(), None, Some(after), items),
                        ([before], [after]) => self.step(element.clone(), Some(before), Some(after), items),
                        // Items that share their keys are one value.
                        (before, after) => {
                            if before != after {
                                self.path.push(element.clone());
                                self.changes.modified.insert(&self.path);
                                self.path.pop();
                            }
                        }
                    }
                }
                for (element, before) in &old {
                    if let (Some(before), false) = (before.first(), new.contains_key(element)) {
                        self.step(element.clone(), Some(before), None, items);
                    }
                }
            }
        }
    }
}
