//! The notes that kustomize keeps about an object in its annotations during a build. Here they are fields of
//! [`Resource`]; a replacement that copies all annotations sees them all the same.

use seatrial_yaml::Node;

use crate::origin::Origin;
use crate::resource::{PastId, Resource};

pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
const PREFIX: &str = "internal.config.kubernetes.io/";

/// Takes the notes out of annotations that another run of kustomize left there.
pub(crate) fn taken(mut resource: Resource) -> Resource {
    let own = |key: &Node| key.as_str().is_some_and(|key| key.starts_with(PREFIX));
    let annotations = resource.node().at(&["metadata", "annotations"]).map_or(&[][..], Node::entries);
    if !annotations.iter().any(|(key, _)| own(key)) {
        return resource;
    }
    let list = |key: &str| {
        let text = resource.annotation(&format!("{PREFIX}{key}")).unwrap_or_default();
        text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (names, namespaces, kinds) =
        (list("previousNames"), list("previousNamespaces"), list("previousKinds"));
    let (prefixes, suffixes) = (list("prefixes"), list("suffixes"));
    let past = names.into_iter().zip(namespaces).zip(kinds);
    resource.past = past.map(|((name, namespace), kind)| PastId { name, namespace, kind }).collect();
    (resource.prefixes, resource.suffixes) = (prefixes, suffixes);
    if let Some(annotations) = resource.node_mut().at_mut(&["metadata", "annotations"])
        && let Some(entries) = annotations.entries_mut()
    {
        entries.retain(|(key, _)| !own(key));
    }
    resource
}

/// The object as kustomize has it in the midst of a build, notes included.
pub(crate) fn with_notes(resource: &Resource) -> Node {
    let mut node = resource.node().clone();
    let mut notes: Vec<(String, String)> = Vec::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            notes.push((format!("{PREFIX}{key}"), value));
        }
    };
    let past = |part: fn(&PastId) -> &str| resource.past.iter().map(part).collect::<Vec<_>>().join(",");
    put("previousKinds", past(|id| &id.kind));
    put("previousNames", past(|id| &id.name));
    put("previousNamespaces", past(|id| &id.namespace));
    put("prefixes", resource.prefixes.join(","));
    put("suffixes", resource.suffixes.join(","));
    for (key, allowed) in
        [("allowNameChange", resource.allow_name_change), ("allowKindChange", resource.allow_kind_change)]
    {
        if allowed {
            put(key, "enabled".to_owned());
        }
    }
    if resource.needs_hash {
        put("needsHashSuffix", "enabled".to_owned());
    }
    if resource.generated {
        put("generatorBehavior", resource.behavior.word().to_owned());
    }
    if let Some(origin) = &resource.origin {
        notes.push((ORIGIN.to_owned(), origin.to_yaml()));
    }
    if !resource.transformations.is_empty() {
        let text = Origin::list_to_yaml(resource.transformations.iter().map(AsRef::as_ref));
        notes.push((TRANSFORMATIONS.to_owned(), text));
    }
    if !notes.is_empty()
        && let Some(annotations) = node.make_maps(&["metadata", "annotations"])
    {
        for (key, value) in notes {
            annotations.set(&key, Node::str(value));
        }
    }
    node
}
