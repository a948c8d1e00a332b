//! Images.

use regex::Regex;
use seatrial_yaml::Node;

use crate::config::{Create, FieldSpec};
use crate::error::{Result, fail};
use crate::kustomization::model::Image;
use crate::resmap::ResMap;

/// Fields that hold containers, wherever they are.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// Gives an image another name, tag or digest: in all containers, and where the specs say.
pub(crate) fn set_image(resources: &mut ResMap, image: &Image, specs: &[FieldSpec]) -> Result<()> {
    let image = &Change::new(image)?;
    for resource in resources.list_mut() {
        let gvk = resource.gvk();
        if gvk.kind != "CustomResourceDefinition" && has_containers(resource.node()) {
            in_containers(resource.node_mut(), image)?;
        }
        for spec in specs.iter().filter(|spec| spec.selects(&gvk)) {
            spec.apply(&gvk, resource.node_mut(), Create::Nothing, &mut |node| {
                if !node.is_scalar() {
                    return fail(format!("wrong node kind: expected scalar, but got {}", node.kind_name()));
                }
                set(node, image);
                Ok(())
            })?;
        }
    }
    Ok(())
}

fn has_containers(node: &Node) -> bool {
    node.entries().iter().any(|(key, value)| {
        key.as_str().is_some_and(|key| CONTAINERS.contains(&key)) || has_containers(value)
    }) || node.items().iter().any(has_containers)
}

fn in_containers(node: &mut Node, image: &Change<'_>) -> Result<()> {
    if let Some(items) = node.items_mut() {
        items.iter_mut().try_for_each(|item| in_containers(item, image))?;
    }
    for (key, value) in node.entries_mut().into_iter().flatten() {
        if key.as_str().is_some_and(|key| CONTAINERS.contains(&key)) {
            if value.is_null() {
                *value = Node::seq();
            }
            for container in value.items_mut().into_iter().flatten() {
                if !container.is_map() && !container.is_null() {
                    return fail(format!("wrong node kind: expected map, but got {}", container.kind_name()));
                }
                if let Some(field) = container.get_mut("image") {
                    set(field, image);
                }
            }
        }
        in_containers(value, image)?;
    }
    Ok(())
}

fn set(node: &mut Node, image: &Change<'_>) {
    if let Some(text) = node.as_str()
        && let Some(changed) = changed(text, image)
    {
        node.set_open_text(changed);
    }
}

/// What changes; the name that is looked for is a regular expression.
struct Change<'a> {
    image: &'a Image,
    pattern: Regex,
}

impl<'a> Change<'a> {
    fn new(image: &'a Image) -> Result<Change<'a>> {
        let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
        match Regex::new(&pattern) {
            Ok(pattern) => Ok(Change { image, pattern }),
            Err(error) => fail(format!("invalid image name '{}': {error}", image.name)),
        }
    }
}

/// The image with its new parts; `None` where another image is meant.
fn changed(text: &str, change: &Change<'_>) -> Option<String> {
    if !change.pattern.is_match(text) {
        return None;
    }
    let image = change.image;
    let (name, tag, digest) = split(text);
    let name = if image.new_name.is_empty() { name } else { &image.new_name };
    let (mut tag, mut digest) = (tag.to_owned(), digest.to_owned());
    match (image.new_tag.is_empty(), image.digest.is_empty()) {
        (true, true) if image.tag_suffix.is_empty() => {}
        // A suffix stands alone: with a new tag or digest it is not looked at.
        (true, true) => {
            tag.push_str(&image.tag_suffix);
            digest.clear();
        }
        _ => (tag, digest) = (image.new_tag.clone(), image.digest.clone()),
    }
    let mut out = name.to_owned();
    if !tag.is_empty() {
        out.push(':');
        out.push_str(&tag);
    }
    if !digest.is_empty() {
        out.push('@');
        out.push_str(&digest);
    }
    Some(out)
}

/// Name, tag and digest of an image.
fn split(image: &str) -> (&str, &str, &str) {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    match rest[slash..].find(':') {
        Some(at) => (&rest[..slash + at], &rest[slash + at + 1..], digest),
        None => (rest, "", digest),
    }
}
