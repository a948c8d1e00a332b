//! Which objects a patch or a replacement means.

use regex::Regex;

use crate::error::{Result, fail};
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

/// One condition of a label selector.
#[derive(Debug, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
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
            labels: parse(&selector.label_selector)?,
            annotations: parse(&selector.annotation_selector)?,
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

impl Requirement {
    fn holds<'n>(&self, value: impl Fn(&str) -> Option<&'n str>) -> bool {
        let number = |key: &str| value(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|known| known == v)),
            Requirement::NotIn(key, values) => {
                value(key).is_none_or(|v| values.iter().all(|known| known != v))
            }
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Missing(key) => value(key).is_none(),
            Requirement::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
            Requirement::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

/// `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>1`
fn parse(text: &str) -> Result<Vec<Requirement>> {
    split_outside_parentheses(text)
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(parse_one)
        .collect()
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_one(part: &str) -> Result<Requirement> {
    let key_ok = |key: &str| {
        !key.is_empty()
            && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))
    };
    let refuse = || fail(format!("unable to parse requirement '{part}' of a selector"));
    if let Some(key) = part.strip_prefix('!') {
        let key = key.trim();
        return if key_ok(key) { Ok(Requirement::Missing(key.to_owned())) } else { refuse() };
    }
    if let Some(open) = part.find('(') {
        let words: Vec<&str> = part[..open].split_whitespace().collect();
        let Some(values) = part[open + 1..].trim_end().strip_suffix(')') else { return refuse() };
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        return match words.as_slice() {
            [key, "in"] if key_ok(key) => Ok(Requirement::In((*key).to_owned(), values)),
            [key, "notin"] if key_ok(key) => Ok(Requirement::NotIn((*key).to_owned(), values)),
            _ => refuse(),
        };
    }
    for (operator, negative) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, values) = (key.trim(), vec![value.trim().to_owned()]);
            if !key_ok(key) {
                return refuse();
            }
            let key = key.to_owned();
            return Ok(if negative { Requirement::NotIn(key, values) } else { Requirement::In(key, values) });
        }
    }
    for (operator, greater) in [('>', true), ('<', false)] {
        if let Some((key, value)) = part.split_once(operator) {
            return match value.trim().parse() {
                Ok(n) if greater => Ok(Requirement::Greater(key.trim().to_owned(), n)),
                Ok(n) => Ok(Requirement::Less(key.trim().to_owned(), n)),
                Err(_) => refuse(),
            };
        }
    }
    if key_ok(part) { Ok(Requirement::Exists(part.to_owned())) } else { refuse() }
}
