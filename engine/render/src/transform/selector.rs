//! Which objects a patch or a replacement means.

use regex::Regex;

use super::requirements::{self, Requirement};
use crate::error::{Context, Result, fail};
use crate::ids::ResId;
use crate::kustomization::model::Selector;
use crate::resource::Resource;

/// A selector, ready to be asked.
pub(crate) struct Matcher {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

fn anchored(pattern: &str) -> Result<Option<Regex>> {
    if pattern.is_empty() {
        return Ok(None);
    }
    match Regex::new(&format!("^(?:{pattern})$")) {
        Ok(regex) => Ok(Some(regex)),
        Err(error) => fail(format!("invalid regular expression '{pattern}': {error}")),
    }
}

fn unparsed() -> String {
    "unable to parse requirement".to_owned()
}

fn fits(regex: Option<&Regex>, text: &str) -> bool {
    regex.is_none_or(|regex| regex.is_match(text))
}

impl Matcher {
    pub(crate) fn new(selector: &Selector) -> Result<Matcher> {
        Ok(Matcher {
            group: anchored(&selector.group)?,
            version: anchored(&selector.version)?,
            kind: anchored(&selector.kind)?,
            name: anchored(&selector.name)?,
            namespace: anchored(&selector.namespace)?,
            labels: requirements::parse(&selector.label_selector).context(unparsed)?,
            annotations: requirements::parse(&selector.annotation_selector).context(unparsed)?,
        })
    }

    /// Whether an object is meant: its name and namespace of now, or those that it had at first.
    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        let now = resource.id();
        let gvk = &now.gvk;
        if !fits(self.kind.as_ref(), &gvk.kind)
            || !fits(self.group.as_ref(), &gvk.group)
            || !fits(self.version.as_ref(), &gvk.version)
        {
            return false;
        }
        let first = resource.original_id();
        let either = |regex: Option<&Regex>, text: fn(&ResId) -> &str| {
            fits(regex, text(&first)) || fits(regex, text(&now))
        };
        either(self.namespace.as_ref(), ResId::effective_namespace)
            && either(self.name.as_ref(), |id| id.name.as_str())
            && self.matches_meta(resource)
    }

    /// Whether one identity is meant.
    pub(crate) fn matches_id(&self, id: &ResId) -> bool {
        fits(self.kind.as_ref(), &id.gvk.kind)
            && fits(self.group.as_ref(), &id.gvk.group)
            && fits(self.version.as_ref(), &id.gvk.version)
            && fits(self.name.as_ref(), &id.name)
            && fits(self.namespace.as_ref(), &id.namespace)
    }

    fn matches_meta(&self, resource: &Resource) -> bool {
        let all = |field: &str, requirements: &[Requirement]| {
            requirements.iter().all(|r| r.holds(|key| resource.node().str_at(&["metadata", field, key])))
        };
        all("labels", &self.labels) && all("annotations", &self.annotations)
    }

    /// Whether labels and annotations fit.
    pub(crate) fn matches_labels(&self, resource: &Resource) -> bool {
        self.matches_meta(resource)
    }
}
