//! Strategic merge as kustomize does it: two-way, by its own types, new list items at the front.
//!
//! - A null in the patch, or `$patch: delete`, removes; `$patch: replace` replaces.
//! - Lists are merged where the types say so: by their merge keys, or as a set of scalars. The patch's items come first, in
//!   the patch's order, then the rest. All other lists are replaced.

use std::cell::RefCell;
use std::collections::BTreeSet;

use seatrial_schema::TypeRef;
use seatrial_yaml::{Node, Value};

use crate::error::{Result, fail};
use crate::resource::Types;

const DIRECTIVE: &str = "$patch";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// The patched tree; `None` where the patch removes all of it.
pub(crate) fn merge(object: Node, patch: &Node, types: &Types) -> Result<Option<Node>> {
    // kustomize puts the replacement of a whole object nowhere.
    if replaces(patch) {
        return Ok(Some(object));
    }
    let merger = Merger { types, written: RefCell::default() };
    let mut merged = merger.walk(Some(object), Some(patch.clone()), None)?;
    for value in merger.written.take() {
        if let Some(merged) = &mut merged {
            merged.write_shared(value.shared, &value);
        }
    }
    Ok(merged)
}

struct Merger<'s> {
    types: &'s Types,
    /// What was written over values that stand in several places.
    written: RefCell<Vec<Node>>,
}

/// A node, unless it is missing or null.
fn real(node: Option<&Node>) -> Option<&Node> {
    node.filter(|n| !n.is_null())
}

fn is_null(node: &Option<Node>) -> bool {
    node.as_ref().is_some_and(Node::is_null)
}

impl<'s> Merger<'s> {
    fn walk(&self, dest: Option<Node>, patch: Option<Node>, ty: Option<TypeRef<'s>>) -> Result<Option<Node>> {
        let ty = ty.or_else(|| self.own_type(dest.as_ref())).or_else(|| self.own_type(patch.as_ref()));
        let Some(shape) = real(dest.as_ref()).or(real(patch.as_ref())) else {
            // Neither has a value: a null in the patch stands for removal, one in the object vanishes.
            return Ok(None);
        };
        let kind = shape.kind_name();
        for node in [&dest, &patch] {
            if let Some(node) = real(node.as_ref())
                && node.kind_name() != kind
            {
                return fail(format!("wrong node kind: expected {kind}, but got {}", node.kind_name()));
            }
        }
        match shape.value {
            Value::Map { .. } => self.map(dest, patch, ty),
            Value::Seq { .. } => match ty.filter(|ty| ty.patch_strategy().merge) {
                Some(ty) => self.list(dest, patch, ty),
                None => Ok(patch.or(dest).filter(|n| !n.is_null())),
            },
            Value::Scalar { .. } => Ok(self.scalar(dest, patch).filter(|n| !n.is_null())),
        }
    }

    /// A scalar. The style of the old one stays, so that a number becomes a string where there were quotes; the type is that
    /// of the patch.
    fn scalar(&self, dest: Option<Node>, patch: Option<Node>) -> Option<Node> {
        let dest = dest.map(|dest| self.as_written(dest));
        let value = match (dest, patch) {
            (dest, None) => return dest,
            (None, Some(mut patch)) => {
                patch.quote_what_is_no_string();
                return Some(patch);
            }
            (Some(_), Some(patch)) if patch.is_null() => return Some(patch),
            (Some(dest), Some(mut patch)) => {
                patch.take_style(&dest);
                patch.shared = dest.shared;
                patch
            }
        };
        if value.shared != 0 {
            self.written.borrow_mut().push(value.clone());
        }
        Some(value)
    }

    /// A scalar that no patch speaks of.
    fn untouched(&self, dest: Node) -> Node {
        let mut value = self.as_written(dest);
        let style = value.style();
        value.quote_what_is_no_string();
        if value.shared != 0 && value.style() != style {
            self.written.borrow_mut().push(value.clone());
        }
        value
    }

    /// A value as it is by now, where it stands in several places and was written over in one of them.
    fn as_written(&self, node: Node) -> Node {
        if node.shared == 0 {
            return node;
        }
        let written = self.written.borrow();
        written.iter().rev().find(|other| other.shared == node.shared).cloned().unwrap_or(node)
    }

    /// The type of an object that says what it is.
    fn own_type(&self, node: Option<&Node>) -> Option<TypeRef<'s>> {
        let node = node?;
        let (api_version, kind) = (node.str_at(&["apiVersion"])?, node.str_at(&["kind"])?);
        self.types.type_of(api_version, kind)
    }

    fn map(
        &self,
        dest: Option<Node>,
        mut patch: Option<Node>,
        ty: Option<TypeRef<'s>>,
    ) -> Result<Option<Node>> {
        if is_null(&patch) && real(dest.as_ref()).is_some() {
            return Ok(None);
        }
        let directive = patch.as_mut().map_or(Ok(Directive::Merge), take_directive)?;
        if directive == Directive::Delete {
            return Ok(None);
        }
        let dest = dest.filter(|n| !n.is_null());
        let is_new = dest.is_none() || directive == Directive::Replace;
        let (mut out, mut patch) = match (dest, patch) {
            (Some(dest), Some(patch)) if directive == Directive::Merge => (dest, Some(patch)),
            (Some(dest), None) => (dest, None),
            // What is new is cleaned by merging it with itself: nulls and directives inside of it count.
            (_, Some(patch)) => (patch.clone(), Some(patch)),
            (None, None) => return Ok(None),
        };
        let mut merged = Vec::new();
        let doubled = patch.as_ref().and_then(doubled_key);
        if is_new && let Some(key) = doubled {
            return fail(format!("mapping key {key:?} already defined"));
        }
        let doubled = doubled.is_some();
        let Value::Map { entries, .. } = &mut out.value else { return Ok(Some(out)) };
        let had: Vec<Node> =
            if doubled { entries.iter().map(|(key, _)| key.clone()).collect() } else { Vec::new() };
        for (key, value) in std::mem::take(entries) {
            let name = key.as_str().unwrap_or_default();
            let theirs = patch.as_mut().and_then(|p| p.remove(name));
            let untouched = theirs.is_none() && value.is_scalar();
            let ty = ty.and_then(|ty| ty.child(name));
            let value = if untouched {
                // A key with nothing behind it goes; a null that is spelled out stays.
                let kept = Some(value).filter(|v| v.as_str() != Some("") || !v.is_null());
                kept.map(|value| self.untouched(value))
            } else if is_new {
                self.new_value(theirs, ty)?
            } else {
                self.walk(Some(value), theirs, ty)?
            };
            merged.extend(value.map(|value| (key, value)));
        }
        let new = patch.and_then(|mut p| p.entries_mut().map(std::mem::take)).unwrap_or_default();
        for (key, value) in new {
            // The first of two equal keys was taken.
            if doubled
                && (had.iter().any(|known| same_key(known, &key))
                    || merged.iter().any(|(known, _)| same_key(known, &key)))
            {
                continue;
            }
            let ty = ty.and_then(|ty| ty.child(key.as_str().unwrap_or_default()));
            if let Some(value) = self.walk(None, Some(value), ty)? {
                merged.push((key, value));
            }
        }
        *entries = merged;
        Ok(Some(out))
    }

    /// A value of a map that the object lacks: the directive of a list counts. (In a map that the object has, it stays an
    /// item of the list, one without a name.)
    fn new_value(&self, mut patch: Option<Node>, ty: Option<TypeRef<'s>>) -> Result<Option<Node>> {
        if let Some(patch) = &mut patch
            && ty.is_some_and(|ty| ty.patch_strategy().merge)
            && take_list_directive(patch)? == Directive::Delete
        {
            return Ok(None);
        }
        self.walk(None, patch, ty)
    }

    fn list(&self, dest: Option<Node>, mut patch: Option<Node>, ty: TypeRef<'s>) -> Result<Option<Node>> {
        let dest = dest.filter(|n| !n.is_null());
        if is_null(&patch) {
            return Ok(None);
        }
        let keys: Vec<&str> = match ty.list_map_keys() {
            [] => ty.merge_key().into_iter().collect(),
            keys => keys.iter().map(AsRef::as_ref).collect(),
        };
        let mut adding = false;
        let mut list = match (dest, &mut patch) {
            (Some(dest), None) => dest,
            (Some(dest), Some(patch)) => match take_list_directive(patch)? {
                Directive::Delete => return Ok(None),
                Directive::Replace => {
                    adding = true;
                    patch.clone()
                }
                Directive::Merge => dest,
            },
            (None, Some(patch)) => {
                if keys.is_empty() {
                    // A directive among scalars is dropped, whatever it says.
                    take_list_directive(patch)?;
                }
                adding = true;
                patch.clone()
            }
            (None, None) => return Ok(None),
        };
        let mut items = std::mem::take(list.items_mut().unwrap_or(&mut Vec::new()));
        if !keys.is_empty() {
            items.retain(|item| !item.is_null());
        }
        let theirs = match adding {
            true => items.clone(),
            false => patch
                .map(|mut p| std::mem::take(p.items_mut().unwrap_or(&mut Vec::new())))
                .unwrap_or_default(),
        };
        let merged = if keys.is_empty() {
            scalars(items, theirs)
        } else {
            self.items(items, theirs, &keys, ty.items(), adding)?
        };
        if let Some(items) = list.items_mut() {
            *items = merged;
        }
        Ok(Some(list))
    }

    fn items(
        &self,
        mut dest: Vec<Node>,
        patch: Vec<Node>,
        keys: &[&str],
        ty: Option<TypeRef<'s>>,
        adding: bool,
    ) -> Result<Vec<Node>> {
        if adding
            && let Some(at) = dest.iter().rposition(|item| keys.iter().all(|key| text(item, key).is_empty()))
        {
            // An item without a name stands for all of them; where some have one of two keys, only for those before it.
            let has = |item: &Node| keys.iter().filter(|key| !text(item, key).is_empty()).count();
            let partly = dest.iter().any(|item| (1..keys.len()).contains(&has(item)));
            let after = dest.split_off(at + 1);
            let mut out = dest.split_off(at);
            if partly {
                out.extend(self.items(after.clone(), after, keys, ty, adding)?);
            }
            return Ok(out);
        }
        // A second key that no item has does not count.
        let used = |key: &&str| patch.iter().chain(&dest).any(|item| item.has(key));
        let mut keys: Vec<&str> = keys.iter().copied().filter(used).collect();
        if keys.is_empty() {
            return Ok(dest);
        }
        if keys.len() > 1 {
            return self.items_by_keys(dest, patch, &keys, ty, adding);
        }
        let key = keys.remove(0);
        let nameless = |item: &Node| text(item, key).is_empty();
        if let Some(at) = dest.iter().rposition(nameless) {
            // An item without a name stands for all of them.
            return Ok(vec![dest.swap_remove(at)]);
        }
        if patch.iter().any(nameless) {
            let named = patch.into_iter().filter(|item| !text(item, key).is_empty());
            let mut out = Vec::new();
            for item in named {
                let ours = dest.iter().find(|ours| text(ours, key) == text(&item, key)).cloned();
                out.extend(self.walk(ours, Some(item), ty)?);
            }
            return Ok(out);
        }
        let mut names: Vec<String> = Vec::new();
        for item in patch.iter().chain(&dest) {
            let name = text(item, key);
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let mut out: Vec<Node> = Vec::new();
        for name in names {
            let ours = dest.iter().position(|item| text(item, key) == name);
            let theirs = patch.iter().find(|item| text(item, key) == name).cloned();
            // kustomize puts the replacement of an item nowhere, and does not look into the item.
            if let (false, Some(at)) = (adding, ours)
                && theirs.as_ref().is_some_and(replaces)
            {
                out.push(dest[at].clone());
                continue;
            }
            match self.walk(ours.filter(|_| !adding).and_then(|at| dest.get(at).cloned()), theirs, ty)? {
                Some(value) if !value.is_empty_collection() => {
                    if let Some(at) = ours {
                        dest[at] = value.clone();
                    }
                    out.push(value);
                }
                _ => dest.retain(|item| text(item, key) != name),
            }
        }
        // Of several items with one name the last stays, in the place of the first.
        for item in dest {
            let name = text(&item, key).to_owned();
            if let Some(known) = out.iter_mut().find(|known| text(known, key) == name) {
                *known = item;
            }
        }
        Ok(out)
    }

    /// Lists with two keys (`containerPort` and `protocol`): what is new comes first, the rest keeps its order. An item of the
    /// patch that lacks a key, where the list has several items with the same first key, is lost.
    fn items_by_keys(
        &self,
        dest: Vec<Node>,
        patch: Vec<Node>,
        keys: &[&str],
        ty: Option<TypeRef<'s>>,
        adding: bool,
    ) -> Result<Vec<Node>> {
        let same = |a: &Node, b: &Node| keys.iter().all(|key| text(a, key) == text(b, key));
        let partly = |a: &Node, b: &Node| {
            keys.iter()
                .all(|key| text(a, key) == text(b, key) || text(a, key).is_empty() || text(b, key).is_empty())
        };
        let mut out: Vec<Node> = Vec::new();
        for item in &patch {
            if dest.iter().any(|ours| partly(ours, item)) {
                continue;
            }
            if let Some(value) = self.walk(None, Some(item.clone()), ty)? {
                out.retain(|known| !partly(known, &value));
                out.push(value);
            }
        }
        let lacks = |item: &Node| keys.iter().any(|key| text(item, key).is_empty());
        for (at, ours) in dest.iter().enumerate() {
            let others = || {
                let ours_too = dest.iter().enumerate().any(|(i, other)| i != at && partly(other, ours));
                ours_too || patch.iter().any(|item| partly(item, ours) && !same(item, ours))
            };
            let theirs = patch.iter().find(|item| same(item, ours) && !(lacks(item) && others()));
            let known = dest.iter().take(at).any(|other| same(other, ours));
            let theirs = theirs.filter(|item| !known && (adding || !replaces(item)));
            let value = match self.walk(
                Some(ours.clone()).filter(|_| !adding || theirs.is_none()),
                theirs.cloned(),
                ty,
            )? {
                Some(value) => value,
                // An item without one of the keys is not found again to be removed.
                None if lacks(ours) => ours.clone(),
                None => continue,
            };
            if value.is_empty_collection() {
                continue;
            }
            let hidden = |known: &Node| same(known, &value) || lacks(&value) && partly(known, &value);
            out.retain(|known| !hidden(known));
            out.push(value);
        }
        Ok(out)
    }
}

fn replaces(item: &Node) -> bool {
    item.str_at(&[DIRECTIVE]) == Some("replace")
}

fn same_key(a: &Node, b: &Node) -> bool {
    a.as_str() == b.as_str()
}

/// A key that comes twice, where there is one.
fn doubled_key(patch: &Node) -> Option<&str> {
    let entries = patch.entries();
    if entries.len() < 2 {
        return None;
    }
    let mut seen = BTreeSet::new();
    entries.iter().filter_map(|(key, _)| key.as_str()).find(|key| !seen.insert(*key))
}

fn text<'n>(item: &'n Node, key: &str) -> &'n str {
    item.str_at(&[key]).unwrap_or_default()
}

/// A list of scalars as a set.
fn scalars(dest: Vec<Node>, patch: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    for item in patch.into_iter().chain(dest) {
        if !out.iter().any(|known| known.as_str() == item.as_str()) {
            out.push(item);
        }
    }
    out
}

fn directive(text: &str) -> Result<Directive> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => fail(format!("unknown patch strategy '{other}'")),
    }
}

fn take_directive(patch: &mut Node) -> Result<Directive> {
    match patch.remove(DIRECTIVE) {
        Some(value) => directive(value.as_str().unwrap_or_default()),
        None => Ok(Directive::Merge),
    }
}

/// The directive for a whole list: an item with nothing but `$patch`. Where there are several, the first counts, and those
/// that differ from it stay items.
fn take_list_directive(patch: &mut Node) -> Result<Directive> {
    let Some(items) = patch.items_mut() else { return Ok(Directive::Merge) };
    let own = |item: &Node| match item.entries() {
        [(key, value)] if key.as_str() == Some(DIRECTIVE) => {
            Some(value.as_str().unwrap_or_default().to_owned())
        }
        _ => None,
    };
    let Some(first) = items.iter().find_map(own) else { return Ok(Directive::Merge) };
    items.retain(|item| own(item).as_ref() != Some(&first));
    directive(&first)
}
