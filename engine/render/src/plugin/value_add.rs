//! `ValueAddTransformer`: one value for fields of many objects.

use seatrial_yaml::{Node, Value};
use serde_json::Value as Json;

use super::args::{ValueAdd, ValueTarget, ValueTargets};
use crate::accumulate::{Build, Target};
use crate::error::{Result, fail};
use crate::field_path::condition;
use crate::loader::in_file;
use crate::resmap::ResMap;
use crate::{read, transform as t};

/// Sets the value in all targets.
pub(super) fn add_value(
    build: &Build<'_>,
    target: &Target<'_>,
    mut args: ValueAdd,
    resources: &mut ResMap,
) -> Result<()> {
    let value = match &args.value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(bool) => bool.to_string(),
        _ => return fail("ValueAddTransformer: value must be a string"),
    };
    if !args.target_file_path.is_empty() {
        let (path, content) = target.loader.load(&args.target_file_path)?;
        let documents = build.renderer.parse(&content)?;
        for document in documents.iter().filter(|d| !d.is_empty()) {
            let more: ValueTargets =
                read::typed(&document.root).map_err(|e| e.map(in_file(&target.loader.shown(&path))))?;
            args.targets.extend(more.targets);
        }
    }
    if args.targets.iter().any(|place| place.field_path.is_empty()) {
        return fail("ValueAddTransformer: fieldPath cannot be empty");
    }
    for place in &args.targets {
        let matcher = t::Matcher::new(&place.selector)?;
        let parts: Vec<&str> = place.field_path.split('/').filter(|part| !part.is_empty()).collect();
        for resource in resources.list_mut().iter_mut().filter(|r| matcher.matches(r)) {
            set_at(resource.node_mut(), &parts, &value, place)?;
        }
    }
    Ok(())
}

/// Follows a path through maps, and through lists where it says which item; maps are made where they are missing.
fn set_at(node: &mut Node, parts: &[&str], value: &str, place: &ValueTarget) -> Result<()> {
    let Some((first, rest)) = parts.split_first() else { return set(node, value, place) };
    if let Some((key, wanted)) = condition(first)
        && let Some(items) = node.items_mut()
    {
        let found = items.iter_mut().find(|item| item.str_at(&[key]) == Some(wanted));
        return found.map_or(Ok(()), |item| set_at(item, rest, value, place));
    }
    if let (Ok(at), true) = (first.parse::<usize>(), node.is_seq()) {
        let item = node.items_mut().and_then(|items| items.get_mut(at));
        return item.map_or(Ok(()), |item| set_at(item, rest, value, place));
    }
    if !node.is_map() {
        return fail(format!("wrong node kind: expected map, but got {}", node.kind_name()));
    }
    if node.get(first).is_none_or(Node::is_null) {
        node.set(first, if rest.is_empty() { Node::plain("") } else { Node::map() });
    }
    node.get_mut(first).map_or(Ok(()), |next| set_at(next, rest, value, place))
}

/// The value, or the old text as a path with the value at a position of it. Quotes around the old value stay.
fn set(node: &mut Node, value: &str, place: &ValueTarget) -> Result<()> {
    let Some(old) = node.as_str().map(str::to_owned) else {
        return fail(format!("wrong node kind: expected scalar, but got {}", node.kind_name()));
    };
    let new = match usize::try_from(place.file_path_position) {
        Ok(0) | Err(_) => value.to_owned(),
        Ok(position) => {
            let (root, path) = old.strip_prefix('/').map_or(("", old.as_str()), |rest| ("/", rest));
            let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            parts.insert((position - 1).min(parts.len()), value);
            format!("{root}{}", parts.join("/"))
        }
    };
    if let Value::Scalar { text, .. } = &mut node.value {
        *text = new;
    }
    node.tag.clear();
    Ok(())
}
