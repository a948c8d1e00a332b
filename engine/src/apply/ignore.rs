//! Fields that are left as they are in the cluster. Pure.
//!
//! A difference in an ignored field alone is no drift. Where an object is applied because of other fields, what is wanted of
//! the ignored ones is replaced by what is there; a new object is created with the fields that it has.

use crate::object::ObjectRef;
use seatrial_api::kustomization::{IgnoreRule, Selector};
use seatrial_render::LabelSelector;
use seatrial_template::regexp::Regexp;
use serde_json::Value;

/// A rule that cannot be used. The text is Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IgnoreError {
    /// Its target is no expression.
    #[error("failed to create ignore rule selector: invalid {field} regex: {message}")]
    Pattern { field: &'static str, message: String },
    /// Its target is no selector.
    #[error("failed to create ignore rule selector: invalid {field} selector: {message}")]
    Selector { field: &'static str, message: String },
    /// Its path is no JSON pointer, or nothing is wanted there.
    #[error("replace operation does not apply: doc is missing key: {0}: missing value")]
    Path(String),
}

/// What is left alone in which objects.
#[derive(Debug, Default)]
pub(crate) struct Ignore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    paths: Vec<String>,
    target: Option<Target>,
}

#[derive(Debug)]
struct Target {
    group: Option<Regexp>,
    version: Option<Regexp>,
    kind: Option<Regexp>,
    namespace: Option<Regexp>,
    name: Option<Regexp>,
    labels: LabelSelector,
    annotations: LabelSelector,
}

impl Ignore {
    /// The rules of a spec.
    ///
    /// # Errors
    /// The target of one cannot be read.
    pub(crate) fn of(rules: &[IgnoreRule]) -> Result<Ignore, IgnoreError> {
        let rule = |rule: &IgnoreRule| {
            let target = rule.target.as_ref().map(Target::of).transpose()?;
            Ok(Rule { paths: rule.paths.clone(), target })
        };
        rules.iter().map(rule).collect::<Result<_, _>>().map(Ignore)
    }

    /// Where `live` and `planned`, the result of a dry run, differ in ignored fields; none where they do not.
    pub(crate) fn differences(
        &self,
        who: &ObjectRef,
        wanted: &Value,
        live: &Value,
        planned: &Value,
    ) -> Option<Kept> {
        let rules = self.0.iter().filter(|rule| rule.target.as_ref().is_none_or(|t| t.matches(who, wanted)));
        let paths = rules.flat_map(|rule| &rule.paths);
        let differ = |path: &&String| live.pointer(&pointer(path)) != planned.pointer(&pointer(path));
        let paths: Vec<String> = paths.filter(differ).cloned().collect();
        (!paths.is_empty()).then_some(Kept(paths))
    }
}

fn pointer(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// Ignored fields that an apply would change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept(Vec<String>);

impl Kept {
    /// The result of the dry run, had it left these fields alone.
    pub(crate) fn planned(&self, planned: &Value, live: &Value) -> Value {
        let mut out = planned.clone();
        // What is no pointer is found, and yet not left alone.
        for path in self.0.iter().filter(|path| path.starts_with('/')) {
            put(&mut out, path, live.pointer(path));
        }
        out
    }

    /// What is to be applied so that these fields stay as they are in the cluster: what is wanted, with what is there (null
    /// where nothing is).
    ///
    /// # Errors
    /// A path is no JSON pointer, or nothing is wanted there: then it cannot be replaced.
    pub(crate) fn wanted(&self, wanted: &Value, live: &Value) -> Result<Value, IgnoreError> {
        let mut out = wanted.clone();
        for path in &self.0 {
            let place = out.pointer_mut(path).ok_or_else(|| IgnoreError::Path(path.clone()))?;
            *place = live.pointer(path).cloned().unwrap_or(Value::Null);
        }
        Ok(out)
    }
}

/// Puts a value at a place, or removes what is there.
fn put(object: &mut Value, pointer: &str, value: Option<&Value>) {
    if let (Some(value), Some(place)) = (value, object.pointer_mut(pointer)) {
        *place = value.clone();
        return;
    }
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    let at = last.parse::<usize>().ok();
    match (object.pointer_mut(parent), value) {
        (Some(Value::Object(map)), Some(value)) => {
            map.insert(last, value.clone());
        }
        (Some(Value::Object(map)), None) => {
            map.remove(&last);
        }
        (Some(Value::Array(items)), Some(value)) if at == Some(items.len()) => items.push(value.clone()),
        (Some(Value::Array(items)), None) if at.is_some_and(|at| at < items.len()) => {
            items.remove(at.unwrap_or_default());
        }
        _ => {}
    }
}

impl Target {
    fn of(selector: &Selector) -> Result<Target, IgnoreError> {
        let pattern = |field: &'static str, text: &Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => Regexp::new(&format!("^(?:{text})$"))
                .map(Some)
                .map_err(|message| IgnoreError::Pattern { field, message }),
        };
        let labels = |field: &'static str, text: &Option<String>| {
            LabelSelector::parse(text.as_deref().unwrap_or_default())
                .map_err(|error| IgnoreError::Selector { field, message: error.to_string() })
        };
        Ok(Target {
            group: pattern("group", &selector.group)?,
            version: pattern("version", &selector.version)?,
            kind: pattern("kind", &selector.kind)?,
            namespace: pattern("namespace", &selector.namespace)?,
            name: pattern("name", &selector.name)?,
            labels: labels("label", &selector.label_selector)?,
            annotations: labels("annotation", &selector.annotation_selector)?,
        })
    }

    fn matches(&self, who: &ObjectRef, object: &Value) -> bool {
        let fits = |pattern: &Option<Regexp>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        let has = |field: &str, selector: &LabelSelector| {
            let map = &object["metadata"][field];
            selector.matches(|key| map.get(key).and_then(Value::as_str))
        };
        fits(&self.group, &who.group)
            && fits(&self.version, &who.version)
            && fits(&self.kind, &who.kind)
            && fits(&self.namespace, &who.namespace)
            && fits(&self.name, &who.name)
            && has("labels", &self.labels)
            && has("annotations", &self.annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn rules(rules: Value) -> Ignore {
        let rules: Vec<IgnoreRule> = serde_json::from_value(rules).expect("rules");
        Ignore::of(&rules).expect("good rules")
    }

    /// What is wanted, what is there, and what an apply would make of it.
    fn states() -> [Value; 3] {
        [
            json!({"metadata": {"labels": {"x": "y"}}, "spec": {"a": 1, "b": [1, 2]}}),
            json!({"spec": {"a": 2, "b": [1], "c": 3}}),
            json!({"spec": {"a": 1, "b": [1, 2], "c": 3}}),
        ]
    }

    #[rstest]
    #[case::as_in_the_cluster(json!([{"paths": ["/spec/a"]}]), Some(json!({"a": 2, "b": [1, 2]})))]
    #[case::not_in_the_cluster(json!([{"paths": ["/spec/b/1"]}]), Some(json!({"a": 1, "b": [1, null]})))]
    #[case::what_others_have_set(json!([{"paths": ["/spec/c"]}]), None)]
    #[case::for_others(json!([{"paths": ["/spec/a"], "target": {"kind": "Pod"}}]), None)]
    #[case::by_label(
        json!([{"paths": ["/spec/a"], "target": {"labelSelector": "x in (y)", "name": "o.*"}}]),
        Some(json!({"a": 2, "b": [1, 2]}))
    )]
    #[case::of_the_whole_name(json!([{"paths": ["/spec/a"], "target": {"name": "on"}}]), None)]
    fn ignored_fields_stay_as_they_are(#[case] list: Value, #[case] expected: Option<Value>) {
        let [wanted, live, planned] = states();
        let who = ObjectRef::new("apps/v1", "Deployment", "ns", "one");
        let kept = rules(list).differences(&who, &wanted, &live, &planned);
        let applied = kept.map(|kept| kept.wanted(&wanted, &live).expect("good paths"));
        assert_eq!(applied.map(|applied| applied["spec"].clone()), expected);
    }

    #[test]
    fn a_difference_in_ignored_fields_is_no_drift() {
        let [wanted, live, planned] = states();
        let kept = rules(json!([{"paths": ["/spec/a", "/spec/b/1"]}]));
        let kept = kept.differences(&ObjectRef::default(), &wanted, &live, &planned).expect("a difference");
        assert_eq!(kept.planned(&planned, &live), live);
    }

    #[test]
    fn what_is_not_wanted_cannot_be_replaced() {
        let [mut wanted, live, planned] = states();
        let kept = rules(json!([{"paths": ["/spec/a"]}]));
        let kept = kept.differences(&ObjectRef::default(), &wanted, &live, &planned).expect("a difference");
        wanted["spec"] = json!({});
        assert_eq!(
            kept.wanted(&wanted, &live).map_err(|error| error.to_string()),
            Err("replace operation does not apply: doc is missing key: /spec/a: missing value".to_owned())
        );
    }
}
