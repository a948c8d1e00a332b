//! What changed between two versions of an object, by path.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::LazyLock;

use seatrial_schema::{ListType, TypeKind, TypeRef};
use serde_json::{Map, Value, map};

use super::compare_values;
use super::implied::{implied, implied_fields};
use super::walk::{View, child_type, entries, items_of, view};
use super::{FieldSet, Kind, PathElement};

/// Paths that differ.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) removed: FieldSet,
}

/// What happened at one place itself, apart from what is below it.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Same,
    Added,
    Modified,
    Removed,
}

impl Changes {
    /// Compares two objects of a kind, but for their managed fields.
    pub(super) fn between(old: &Value, new: &Value, kind: Kind<'_>) -> Changes {
        let mut changes = Changes::default();
        let walk = Walk { structs: kind.built_in };
        let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return changes };
        walk.map(Some(old), Some(new), kind.ty, &mut changes, &mut |key, old, new, ty| {
            if key != "metadata" {
                return walk.compare(old, new, ty);
            }
            let mut metadata = Changes::default();
            walk.map(entries(old), entries(new), ty, &mut metadata, &mut |key, old, new, ty| match key {
                "managedFields" => (Mark::Same, Changes::default()),
                _ => walk.compare(old, new, ty),
            });
            (Mark::Same, metadata)
        });
        changes
    }

    pub(super) fn without(mut self, ignored: &FieldSet) -> Changes {
        for set in [&mut self.added, &mut self.modified, &mut self.removed] {
            set.subtract_below(ignored);
        }
        self
    }

    /// Takes up what happened at, and below, an element.
    fn take(&mut self, element: impl Fn() -> PathElement, mark: Mark, below: Changes) {
        for (set, own, below) in [
            (&mut self.added, Mark::Added, below.added),
            (&mut self.modified, Mark::Modified, below.modified),
            (&mut self.removed, Mark::Removed, below.removed),
        ] {
            if mark == own || !below.is_empty() {
                set.put(element(), mark == own, below);
            }
        }
    }
}

type Step<'f> = &'f mut dyn FnMut(&str, Option<&Value>, Option<&Value>, TypeRef<'_>) -> (Mark, Changes);

#[derive(Clone, Copy)]
struct Walk {
    /// Objects are structs, in which some fields are always present.
    structs: bool,
}

impl Walk {
    fn compare(self, old: Option<&Value>, new: Option<&Value>, ty: TypeRef<'_>) -> (Mark, Changes) {
        let mut changes = Changes::default();
        let mark = match (old, new) {
            (None, None) => return (Mark::Same, changes),
            (None, Some(_)) => Mark::Added,
            (Some(_), None) => Mark::Removed,
            (Some(_), Some(_)) => Mark::Same,
        };
        if let (Some(old), Some(new), TypeKind::Any) = (old, new, ty.kind())
            && old.is_object() != new.is_object()
            && !old.is_null()
            && !new.is_null()
        {
            // A map in the place of something else, or the reverse: only the place is the same.
            for (map, is_new) in [(entries(Some(old)), false), (entries(Some(new)), true)] {
                for (key, value) in map.into_iter().flatten() {
                    let ty = child_type(ty, key);
                    let (mark, below) = match is_new {
                        true => self.compare(None, Some(value), ty),
                        false => self.compare(Some(value), None, ty),
                    };
                    changes.take(|| PathElement::Field(key.clone()), mark, below);
                }
            }
            return (Mark::Modified, changes);
        }
        match view(ty, old, new) {
            View::Leaf => match (old, new) {
                (Some(old), Some(new)) if compare_values(old, new).is_ne() => {
                    return (Mark::Modified, changes);
                }
                _ => {}
            },
            View::Map(ty) => {
                let mut step = |_: &str, old: Option<&Value>, new: Option<&Value>, ty: TypeRef<'_>| {
                    self.compare(old, new, ty)
                };
                self.map(entries(old), entries(new), ty, &mut changes, &mut step);
            }
            View::List(items, kind) => self.list(old, new, items, kind, &mut changes),
        }
        (mark, changes)
    }

    fn map(
        self,
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
        ty: TypeRef<'_>,
        changes: &mut Changes,
        step: Step<'_>,
    ) {
        // A map that is there has all the fields that are always there; one that is not has none.
        let find = |map: Option<&'_ Map<String, Value>>, key: &str| -> Option<Value> {
            let _ = map?;
            implied(ty, key).filter(|_| self.structs).cloned()
        };
        for (key, before, after) in Both::of(old, new) {
            // Most of an object stays as it is: what is equal is not walked through.
            if before == after {
                continue;
            }
            let filled = match (before, after) {
                (None, _) => find(old, key),
                (_, None) => find(new, key),
                _ => None,
            };
            let (before, after) = (before.or(filled.as_ref()), after.or(filled.as_ref()));
            if before == after {
                continue;
            }
            let (mark, below) = step(key, before, after, child_type(ty, key));
            changes.take(|| PathElement::Field(key.to_owned()), mark, below);
        }
        if !self.structs || old.is_some() == new.is_some() {
            return;
        }
        let Some(there) = old.or(new) else { return };
        for (name, value, ty) in implied_fields(ty).filter(|(name, ..)| !there.contains_key(*name)) {
            let (before, after) = if old.is_some() { (Some(value), None) } else { (None, Some(value)) };
            let (mark, below) = step(name, before, after, ty);
            changes.take(|| PathElement::Field(name.to_owned()), mark, below);
        }
    }

    fn list(
        self,
        old: Option<&Value>,
        new: Option<&Value>,
        items: TypeRef<'_>,
        kind: ListType<'_>,
        changes: &mut Changes,
    ) {
        let (old, new) = (group(items, kind, old), group(items, kind, new));
        for (element, after) in &new {
            let before = old.get(element).map(Vec::as_slice).unwrap_or_default();
            let (mark, below) = match (before, after.as_slice()) {
                ([], [after, ..]) => self.compare(None, Some(after), items),
                // Items that share their keys are one value.
                (before, after) if before == after => continue,
                ([before], [after]) => self.compare(Some(before), Some(after), items),
                _ => (Mark::Modified, Changes::default()),
            };
            changes.take(|| element.clone(), mark, below);
        }
        for (element, before) in &old {
            if let (Some(before), false) = (before.first(), new.contains_key(element)) {
                let (mark, below) = self.compare(Some(before), None, items);
                changes.take(|| element.clone(), mark, below);
            }
        }
    }
}

/// The entries of two maps side by side, in the order of their keys, which is that of the maps: see the test below.
struct Both<'v, I: Iterator<Item = (&'v String, &'v Value)>> {
    old: Peekable<I>,
    new: Peekable<I>,
}

impl<'v> Both<'v, map::Iter<'v>> {
    fn of(old: Option<&'v Map<String, Value>>, new: Option<&'v Map<String, Value>>) -> Self {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        let entries = |map: Option<&'v Map<String, Value>>| map.unwrap_or(&NONE).iter().peekable();
        Both { old: entries(old), new: entries(new) }
    }
}

impl<'v, I: Iterator<Item = (&'v String, &'v Value)>> Iterator for Both<'v, I> {
    type Item = (&'v str, Option<&'v Value>, Option<&'v Value>);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.old.peek(), self.new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { self.old.next() } else { None };
        let new = if order.is_ge() { self.new.next() } else { None };
        let key = old.or(new).map(|(key, _)| key.as_str())?;
        Some((key, old.map(|(_, value)| value), new.map(|(_, value)| value)))
    }
}

fn group<'v>(
    items: TypeRef<'_>,
    kind: ListType<'_>,
    list: Option<&'v Value>,
) -> BTreeMap<PathElement, Vec<&'v Value>> {
    let mut groups: BTreeMap<PathElement, Vec<&'v Value>> = BTreeMap::new();
    for (element, item) in items_of(items, kind, list) {
        groups.entry(element).or_default().push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn entries_stand_side_by_side() {
        // Written out of order: a map that kept that order would break what compares two of them.
        let (old, new) = (json!({"b": 1, "a": 2, "d": 3}), json!({"c": 4, "b": 5, "a": 6}));
        let found: Vec<_> = Both::of(old.as_object(), new.as_object()).collect();
        let want =
            [("a", Some(2), Some(6)), ("b", Some(1), Some(5)), ("c", None, Some(4)), ("d", Some(3), None)];
        let want = want.map(|(key, old, new): (_, Option<i64>, Option<i64>)| {
            (key, old.map(Value::from), new.map(Value::from))
        });
        let want: Vec<_> = want.iter().map(|(key, old, new)| (*key, old.as_ref(), new.as_ref())).collect();
        assert_eq!(found, want);
    }
}
