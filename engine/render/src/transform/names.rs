//! Name references: fields that hold the name of an object follow it when it is renamed or moved.

use std::collections::{BTreeMap, BTreeSet};

use seatrial_yaml::{Dialect, Node};

use super::sort::kind_order;
use crate::config::{Create, FieldSpec, NameReference, TransformerConfig};
use crate::error::{Result, fail};
use crate::ids::{Gvk, ResId};
use crate::parallel;
use crate::resmap::ResMap;
use crate::resource::{Resource, set_open};

/// What is known about a resource that may be referred to.
struct Candidate {
    id: ResId,
    past: Vec<ResId>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// All of them, by the names that they had.
struct Index {
    candidates: Vec<Candidate>,
    by_name: BTreeMap<String, Vec<usize>>,
    by_first_namespace: BTreeMap<String, Vec<usize>>,
}

/// A field to look at: its spec, what it may name, and whether there is any such object.
type Field<'c> = (&'c FieldSpec, Gvk, bool);

/// Updates all references, on up to `threads` threads.
pub(super) fn fix_references(
    resources: &mut ResMap,
    config: &TransformerConfig,
    threads: usize,
) -> Result<()> {
    let mut index = Index::new(resources.list());
    let mut targets: Vec<(&NameReference, bool)> = config
        .name_reference
        .iter()
        .map(|reference| (reference, index.has_target(&reference.target())))
        .collect();
    targets.sort_by_cached_key(|(reference, _)| kind_order(&reference.target(), &[], &[]));
    // What to look at in the objects of a kind; where nothing can be meant, the fields must be of the right kind all the same.
    let mut by_kind: BTreeMap<Gvk, Vec<Field<'_>>> = BTreeMap::new();
    for resource in resources.list() {
        let gvk = resource.original_gvk();
        by_kind.entry(gvk.clone()).or_insert_with(|| {
            let specs = targets.iter().flat_map(|(reference, there)| {
                let specs = reference.field_specs.iter().filter(|s| s.selects(&gvk));
                specs.map(|s| (s, reference.target(), *there))
            });
            specs.collect()
        });
    }
    // Where a reference is part of an object's own identity, the objects after it see the change.
    let by_order = by_kind.values().flatten().any(|(spec, ..)| is_identity(spec.parts()));
    if threads > 1 && !by_order {
        let fixed = parallel::each_mut(threads, resources.list_mut(), |at, resource| {
            fix_one(at, resource, &index, &by_kind)
        });
        return fixed.into_iter().try_for_each(|fixed| fixed.map(|_| ()));
    }
    for (at, resource) in resources.list_mut().iter_mut().enumerate() {
        if fix_one(at, resource, &index, &by_kind)? {
            index.candidates[at].id = resource.id();
        }
    }
    Ok(())
}

/// Whether a path leads to what an object is told apart by.
fn is_identity(path: &[String]) -> bool {
    let mut parts = path.iter().map(|part| part.strip_suffix("[]").unwrap_or(part));
    match parts.next() {
        Some("metadata") => matches!(parts.next(), None | Some("name" | "namespace")),
        Some(part) => matches!(part, "apiVersion" | "kind"),
        None => true,
    }
}

/// Updates the references in one object; whether there was anything to look at.
fn fix_one(
    at: usize,
    resource: &mut Resource,
    index: &Index,
    by_kind: &BTreeMap<Gvk, Vec<Field<'_>>>,
) -> Result<bool> {
    let gvk = resource.original_gvk();
    let Some(fields) = by_kind.get(&gvk).filter(|fields| !fields.is_empty()) else { return Ok(false) };
    // The accounts of a role binding are looked at even where nothing refers to anything.
    let mut referrer = match resource.kind() {
        "RoleBinding" => Some(Referrer::new(resource, at, index)?),
        _ => None,
    };
    let mut taken: Option<Node> = None;
    for (spec, target, there) in fields {
        let node = taken.as_ref().unwrap_or(resource.node());
        if !reaches(node, spec.parts()) || !there && fits(node, spec.parts()) {
            continue;
        }
        let referrer = match &mut referrer {
            Some(referrer) => &*referrer,
            none => &*none.insert(Referrer::new(resource, at, index)?),
        };
        let mut node = taken.take().unwrap_or_else(|| resource.take_node());
        let search = Search { referrer, index, target: target.clone(), spec };
        let applied = spec.apply(&gvk, &mut node, Create::Nothing, &mut |field| search.set(field));
        applied.map_err(|errors| {
            errors.map(|mut error| {
                let field = &spec.path;
                error.message = format!(
                    "updating name reference in '{field}' field of '{}': {}",
                    referrer.id, error.message
                );
                error.in_file(&resource.file)
            })
        })?;
        taken = Some(node);
    }
    let changed = taken.is_some();
    if let Some(node) = taken {
        resource.set_node(node);
    }
    Ok(changed)
}

/// Whether a path's first parts are there: a cheap test before the real walk.
fn reaches(node: &Node, path: &[String]) -> bool {
    let mut at = node;
    for part in path {
        if at.is_seq() {
            return true;
        }
        match at.get(part.strip_suffix("[]").unwrap_or(part)) {
            Some(next) => at = next,
            // A scalar on the way is an error, which the walk tells.
            None => return at.is_scalar() && !at.is_null(),
        }
    }
    true
}

/// Whether all that a path reaches may hold names: maps and lists on the way, no map without a name at its end.
fn fits(node: &Node, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        let named = |node: &Node| !node.is_map() || node.get("name").is_some_and(|name| !name.is_null());
        return named(node) && node.items().iter().all(named);
    };
    if node.is_null() {
        return true;
    }
    if node.is_seq() {
        return node.items().iter().all(|item| fits(item, path));
    }
    let next = node.get(first.strip_suffix("[]").unwrap_or(first));
    node.is_map() && next.is_none_or(|next| fits(next, rest))
}

impl Index {
    fn new(resources: &[Resource]) -> Index {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut by_first_namespace: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut candidates = Vec::with_capacity(resources.len());
        for (at, resource) in resources.iter().enumerate() {
            let names: BTreeSet<&str> = resource.past.iter().map(|past| past.name.as_str()).collect();
            for name in names {
                by_name.entry(name.to_owned()).or_default().push(at);
            }
            let first = resource.original_id().effective_namespace().to_owned();
            by_first_namespace.entry(first).or_default().push(at);
            candidates.push(Candidate {
                id: resource.id(),
                past: resource.past.iter().map(|past| resource.past_id(past)).collect(),
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
            });
        }
        Index { candidates, by_name, by_first_namespace }
    }

    fn has_target(&self, target: &Gvk) -> bool {
        self.candidates.iter().any(|c| c.past.iter().any(|id| id.gvk.is_selected(target)))
    }
}

/// The resource whose fields are updated.
struct Referrer {
    at: usize,
    id: ResId,
    /// The kind and group in `roleRef`, for role bindings.
    role: Option<Gvk>,
    /// Namespaces of service accounts that a role binding names.
    subjects: BTreeSet<String>,
}

impl Referrer {
    fn new(resource: &Resource, at: usize, index: &Index) -> Result<Referrer> {
        let node = resource.node();
        let role = node.get("roleRef").map(|role| Gvk {
            group: role.str_at(&["apiGroup"]).unwrap_or_default().to_owned(),
            version: String::new(),
            kind: role.str_at(&["kind"]).unwrap_or_default().to_owned(),
        });
        let id = index.candidates[at].id.clone();
        let mut subjects = BTreeSet::new();
        if resource.kind() == "RoleBinding" {
            let all = node.get("subjects").map_or(&[][..], Node::items).iter();
            let accounts = all.filter(|s| s.str_at(&["kind"]) == Some("ServiceAccount"));
            for namespace in accounts.filter_map(|account| account.get("namespace")) {
                let Some(text) = namespace.as_string(Dialect::Kustomize) else {
                    return fail(format!(
                        "Invalid Input: namespace is blank for resource {:?}",
                        id.to_string()
                    ));
                };
                subjects.insert(text.to_owned());
            }
        }
        Ok(Referrer { at, id, role, subjects })
    }

    /// Whether it could refer to an object at all, going by namespaces.
    fn may_see(&self, other: &ResId) -> bool {
        self.id.cluster_scoped
            || other.cluster_scoped
            || self.id.same_namespace(other)
            || self.subjects.contains(&other.namespace)
    }
}

struct Search<'a> {
    referrer: &'a Referrer,
    index: &'a Index,
    target: Gvk,
    spec: &'a FieldSpec,
}

impl Search<'_> {
    fn set(&self, field: &mut Node) -> Result<()> {
        if field.is_null() {
            return Ok(());
        }
        if let Some(items) = field.items_mut() {
            return items.iter_mut().try_for_each(|item| self.set(item));
        }
        if field.is_map() {
            return self.set_map(field);
        }
        let old = field.as_str().unwrap_or_default();
        if let Some(found) = self.select(old, self.named(old), false)? {
            let name = &self.index.candidates[found].id.name;
            if name != old {
                field.set_open_text(name.as_str());
            }
        }
        Ok(())
    }

    /// A map with `name` and perhaps `namespace`.
    fn set_map(&self, field: &mut Node) -> Result<()> {
        let Some(name) = field.get("name").filter(|n| !n.is_null()) else {
            return fail("path config error; no 'name' field in node");
        };
        let old = name.as_str().unwrap_or_default().to_owned();
        let mut candidates = self.named(&old);
        let namespace = field.get("namespace").and_then(Node::as_str).map(str::to_owned);
        if let Some(namespace) = &namespace {
            let first = |c: &Candidate| c.past.first().unwrap_or(&c.id).effective_namespace() == namespace;
            let now = |c: &Candidate| c.id.effective_namespace() == namespace;
            let there = self.index.by_first_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
            let by_first = there.iter().any(|at| self.referrer.may_see(&self.index.candidates[*at].id));
            candidates.retain(|at| {
                let candidate = &self.index.candidates[*at];
                if by_first { first(candidate) } else { now(candidate) }
            });
        }
        let Some(found) = self.select(&old, candidates, true)? else { return Ok(()) };
        let found = &self.index.candidates[found].id;
        set_open(field, "name", &found.name);
        if !found.namespace.is_empty() {
            set_open(field, "namespace", &found.namespace);
        }
        Ok(())
    }

    /// Objects that had this name and that the referrer can see.
    fn named(&self, name: &str) -> Vec<usize> {
        let known = self.index.by_name.get(name).map_or(&[][..], Vec::as_slice);
        known.iter().copied().filter(|at| self.referrer.may_see(&self.index.candidates[*at].id)).collect()
    }

    /// The one object that is meant, by kind, role, namespace, and prefixes. Where the namespace is written too, several with
    /// the same name will not do.
    fn select(&self, old: &str, mut found: Vec<usize>, with_namespace: bool) -> Result<Option<usize>> {
        let candidate = |at: &usize| &self.index.candidates[*at];
        found.retain(|at| candidate(at).past.iter().any(|id| id.name == old));
        found.retain(|at| candidate(at).past.iter().any(|id| id.gvk.is_selected(&self.target)));
        if self.spec.path.ends_with("roleRef/name")
            && let Some(role) = &self.referrer.role
        {
            found.retain(|at| candidate(at).past.iter().any(|id| id.gvk.is_selected(role)));
        }
        if !self.referrer.id.cluster_scoped {
            found.retain(|at| {
                let id = &candidate(at).id;
                id.cluster_scoped || id.gvk.kind == "ServiceAccount" || id.same_namespace(&self.referrer.id)
            });
        }
        if found.len() > 1 {
            let ours = candidate(&self.referrer.at);
            found.retain(|at| same_affixes(candidate(at), ours, true));
            if found.len() > 1 {
                found.retain(|at| same_affixes(candidate(at), ours, false));
            }
        }
        let Some(first) = found.first() else { return Ok(None) };
        if found.iter().all(|at| candidate(at).id.name == candidate(first).id.name)
            && (found.len() == 1 || !with_namespace)
        {
            return Ok(Some(*first));
        }
        let names: Vec<String> = found.iter().map(|at| candidate(at).id.to_string()).collect();
        fail(format!("found multiple possible referrals: {}", names.join(", ")))
    }
}

/// Whether two objects got the same prefixes and suffixes, the last ones compared first. With `lenient`, an object without
/// any fits every other.
fn same_affixes(a: &Candidate, b: &Candidate, lenient: bool) -> bool {
    let prefixes = same_ending(&a.prefixes, &b.prefixes);
    let suffixes = same_ending(&a.suffixes, &b.suffixes);
    if lenient {
        let no_prefix = a.prefixes.is_empty() || b.prefixes.is_empty();
        let no_suffix = a.suffixes.is_empty() || b.suffixes.is_empty();
        return (prefixes || no_prefix) && (suffixes || no_suffix);
    }
    prefixes && suffixes
}

fn same_ending(a: &[String], b: &[String]) -> bool {
    if a.is_empty() || b.is_empty() {
        return a.len() == b.len();
    }
    a.iter().rev().zip(b.iter().rev()).all(|(x, y)| x == y)
}
