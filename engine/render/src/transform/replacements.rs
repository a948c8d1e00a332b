//! Replacements: a value of one object, written into fields of others.

use seatrial_yaml::Node;
use serde::Deserialize;

use super::selector::Matcher;
use crate::accumulate::{Build, Target};
use crate::config::Create;
use crate::error::{Result, fail};
use crate::field_path;
use crate::ids::{Gvk, ResId};
use crate::kustomization::model::{
    FieldOptions, ReplacementField, ReplacementSource, ReplacementTarget, Selector,
};
use crate::loader::in_file;
use crate::notes::with_notes;
use crate::read;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// The content of a replacement file that is not a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct One {
    source: Option<ReplacementSource>,
    source_value: Option<String>,
    targets: Vec<ReplacementTarget>,
}

/// Carries out `replacements`, inline or from files.
pub(crate) fn replace(
    build: &Build<'_>,
    target: &Target<'_>,
    resources: &mut ResMap,
    fields: &[ReplacementField],
) -> Result<()> {
    let mut all: Vec<One> = Vec::new();
    for field in fields {
        let inline = field.source.is_some() || field.source_value.is_some() || !field.targets.is_empty();
        match (field.path.is_empty(), inline) {
            (false, true) => return fail("cannot specify both path and inline replacement"),
            (true, _) => all.push(One {
                source: field.source.clone(),
                source_value: field.source_value.clone(),
                targets: field.targets.clone(),
            }),
            (false, false) => all.extend(read_file(build, target, &field.path)?),
        }
    }
    all.iter().try_for_each(|one| replace_one(resources, one))
}

fn read_file(build: &Build<'_>, target: &Target<'_>, file: &str) -> Result<Vec<One>> {
    let (path, content) = target.loader.load(file)?;
    let shown = target.loader.shown(&path);
    let documents = build.renderer.parse_lenient(&content).map_err(|e| e.map(in_file(&shown)))?;
    let mut out = Vec::new();
    for document in documents.iter().filter(|d| !d.is_empty()) {
        if document.root.is_seq() {
            for item in document.root.items() {
                out.push(read::typed(item).map_err(|e| e.map(in_file(&shown)))?);
            }
        } else {
            out.push(read::typed(&document.root).map_err(|e| e.map(in_file(&shown)))?);
        }
    }
    Ok(out)
}

fn replace_one(resources: &mut ResMap, one: &One) -> Result<()> {
    let mut value = match (&one.source, &one.source_value) {
        _ if one.targets.is_empty() => {
            return fail("replacements must specify a source and at least one target");
        }
        (None, None) => return fail("replacements must specify a source and at least one target"),
        (Some(_), Some(_)) => return fail("replacements can't specify both a source and sourceValue"),
        (None, Some(text)) => Source { value: Node::str(text.as_str()), live: None },
        (Some(source), None) => source_value(resources, source)?,
    };
    one.targets.iter().try_for_each(|target| write(resources, &mut value, target))
}

fn path_or_name(path: &str) -> &str {
    if path.is_empty() { "metadata.name" } else { path }
}

/// What a replacement writes.
struct Source {
    value: Node,
    /// Where it was read, as the place of its resource and a path: who writes there changes what is written from then on.
    live: Option<(usize, Vec<String>)>,
}

fn source_value(resources: &ResMap, source: &ReplacementSource) -> Result<Source> {
    let gvk = Gvk { group: source.group.clone(), version: source.version.clone(), kind: source.kind.clone() };
    let fits = |id: &ResId| {
        (source.name.is_empty() || source.name == id.name)
            && (source.namespace.is_empty() || source.namespace == id.namespace)
            && id.gvk.is_selected(&gvk)
    };
    let mut found = resources.list().iter().enumerate().filter(|(_, r)| identities(r).iter().any(fits));
    let described = || {
        let or =
            |text: &str, none: &'static str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        format!("{gvk}/{}.{}", or(&source.name, "[noName]"), or(&source.namespace, "[noNs]"))
    };
    let Some((at, resource)) = found.next() else {
        let field =
            if source.field_path.is_empty() { String::new() } else { format!(":{}", source.field_path) };
        return fail(format!("nothing selected by {}{field}", described()));
    };
    if found.next().is_some() {
        return fail(format!("multiple matches for selector {}", described()));
    }
    let path = path_or_name(&source.field_path);
    let parts = field_path::split(path);
    let noted = match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["metadata"] | ["metadata", "annotations"] if resource.has_notes() => Some(with_notes(resource)),
        _ => None,
    };
    let node = noted.as_ref().unwrap_or(resource.node());
    let Some(node) = field_path::find(node, &parts).filter(|n| !n.is_null()) else {
        return fail(format!("fieldPath `{path}` is missing for replacement source {}", described()));
    };
    let value = refined(node, source.options.as_ref())?;
    let whole = source.options.as_ref().is_none_or(|options| options.delimiter.is_empty());
    let live = whole && noted.is_none() && value.is_scalar();
    Ok(Source { value, live: live.then_some((at, parts)) })
}

/// The identities of now and before; the namespace of now is as written.
fn identities(resource: &Resource) -> Vec<ResId> {
    let past = resource.past.iter().map(|past| resource.past_id(past));
    past.chain([resource.id()]).collect()
}

/// A part of a text, where a delimiter is given.
fn refined(node: &Node, options: Option<&FieldOptions>) -> Result<Node> {
    let Some(options) = options.filter(|o| !o.delimiter.is_empty()) else { return Ok(node.clone()) };
    let Some(text) = node.as_str() else {
        return fail("delimiter option can only be used with scalar nodes");
    };
    let mut parts = text.split(options.delimiter.as_str());
    let part = usize::try_from(options.index).ok().and_then(|at| parts.nth(at));
    match part {
        Some(part) => {
            let mut node = node.clone();
            node.set_text(part);
            Ok(node)
        }
        None => fail(format!("options.index {} is out of bounds for value {text}", options.index)),
    }
}

struct Targets<'a> {
    select: Matcher,
    reject: Vec<(Matcher, &'a Selector)>,
}

fn write(resources: &mut ResMap, source: &mut Source, target: &ReplacementTarget) -> Result<()> {
    let Some(select) = &target.select else { return fail("target must specify resources to select") };
    let mut reject = Vec::new();
    for selector in &target.reject {
        reject.push((Matcher::new(selector)?, selector));
    }
    let targets = Targets { select: Matcher::new(select)?, reject };
    let name = ["metadata.name".to_owned()];
    let paths = if target.field_paths.is_empty() { &name[..] } else { &target.field_paths };
    for (at, resource) in resources.list_mut().iter_mut().enumerate() {
        let ids = identities(resource);
        if !targets.select.matches_labels(resource)
            || !ids.iter().any(|id| targets.select.matches_id(id))
            || targets.rejects(resource, &ids)
        {
            continue;
        }
        for path in paths {
            let mut written = Vec::new();
            if path.starts_with("metadata.annotations") && resource.has_notes() {
                // The notes have made a map of a null.
                let annotations = resource.node_mut().at_mut(&["metadata", "annotations"]);
                annotations.filter(|all| all.is_null()).into_iter().for_each(|all| *all = Node::map());
            }
            write_field(resource.node_mut(), &source.value, path, target.options.as_ref(), &mut written)?;
            for field in written {
                resource.node_mut().write_shared(field.shared, &field);
            }
            if let Some((_, parts)) = source.live.as_ref().filter(|(place, _)| *place == at)
                && let Some(now) = field_path::find(resource.node(), parts).filter(|now| now.is_scalar())
            {
                source.value = now.clone();
            }
        }
    }
    Ok(())
}

impl Targets<'_> {
    fn rejects(&self, resource: &Resource, ids: &[ResId]) -> bool {
        self.reject.iter().any(|(matcher, selector)| {
            let by_id =
                ![&selector.group, &selector.version, &selector.kind, &selector.name, &selector.namespace]
                    .iter()
                    .all(|part| part.is_empty());
            let by_labels = !selector.label_selector.is_empty() || !selector.annotation_selector.is_empty();
            (by_id || by_labels)
                && (!by_labels || matcher.matches_labels(resource))
                && (!by_id || ids.iter().any(|id| matcher.matches_id(id)))
        })
    }
}

fn write_field(
    node: &mut Node,
    value: &Node,
    path: &str,
    options: Option<&FieldOptions>,
    written: &mut Vec<Node>,
) -> Result<()> {
    let create = match (options.is_some_and(|o| o.create), value.is_scalar()) {
        (false, _) => Create::Nothing,
        (true, true) => Create::Scalar,
        (true, false) => Create::Map,
    };
    let count = field_path::for_each(node, &field_path::split(path), create, &mut |field| {
        set(field, value, options)?;
        if field.shared != 0 {
            written.push(field.clone());
        }
        Ok(())
    })?;
    if count == 0 { fail(format!("unable to find field {path:?} in replacement target")) } else { Ok(()) }
}

fn set(field: &mut Node, value: &Node, options: Option<&FieldOptions>) -> Result<()> {
    let text = match options.filter(|o| !o.delimiter.is_empty()) {
        None => value.as_str().map(str::to_owned),
        Some(options) => {
            let Some(old) = field.as_str() else {
                return fail("delimiter option can only be used with scalar nodes");
            };
            Some(spliced(old, value.as_str().unwrap_or_default(), options))
        }
    };
    match (field.is_scalar(), text) {
        (true, Some(text)) => {
            field.set_text(text);
            Ok(())
        }
        _ => {
            *field = value.clone();
            field.unshare();
            Ok(())
        }
    }
}

fn spliced(old: &str, new: &str, options: &FieldOptions) -> String {
    let mut parts: Vec<&str> = old.split(options.delimiter.as_str()).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, new),
        Ok(at) if at < parts.len() => parts[at] = new,
        Ok(_) => parts.push(new),
    }
    parts.join(&options.delimiter)
}
