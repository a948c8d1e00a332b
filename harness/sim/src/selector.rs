//! Label and field selectors.

use serde_json::Value;

use crate::kind::Kind;
use crate::meta;
use crate::status::{Refusal, Result};

mod labels;

use labels::{Requirement, Test};

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(Vec<String>, bool, String)>,
}

impl Selector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400 for text that is no selector, and for fields that the kind cannot be selected by.
    pub(crate) fn parse(labels: &str, fields: &str, kind: &Kind) -> Result<Selector> {
        Ok(Selector { labels: labels::parse(labels)?, fields: parse_fields(fields, kind)? })
    }

    /// Leaves the object of this name alone, whatever else is selected.
    pub(crate) fn restrict_to(&mut self, name: &str) {
        let path = vec!["metadata".to_owned(), "name".to_owned()];
        self.fields.push((path, true, name.to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| meta::at(object, &["metadata", "labels"]).and_then(|l| l.get(key)?.as_str());
        let number = |key: &str| label(key).and_then(|v| v.parse::<i64>().ok());
        self.labels.iter().all(|r| match &r.test {
            Test::Exists => label(&r.key).is_some(),
            Test::Absent => label(&r.key).is_none(),
            Test::In(values) => label(&r.key).is_some_and(|l| values.iter().any(|v| v == l)),
            Test::NotIn(values) => label(&r.key).is_none_or(|l| values.iter().all(|v| v != l)),
            Test::Greater(bound) => number(&r.key).is_some_and(|n| n > *bound),
            Test::Less(bound) => number(&r.key).is_some_and(|n| n < *bound),
        }) && self.fields.iter().all(|(path, equal, want)| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let found = match meta::at(object, &path) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            };
            // A node is schedulable where the field is absent.
            let found =
                if path == ["spec", "unschedulable"] && found.is_empty() { "false".into() } else { found };
            (found == *want) == *equal
        })
    }
}

/// The fields, beside name and namespace, that a kind can be selected by.
fn selectable(kind: &Kind) -> Vec<String> {
    let built_in: &[&str] = match kind {
        Kind::Custom(version) => return version.selectable_fields.clone(),
        Kind::BuiltIn(r) => match (r.group.as_ref(), r.kind.as_ref()) {
            ("", "Pod") => &[
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "spec.hostNetwork",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
            ],
            ("", "Event") => &[
                "involvedObject.kind",
                "involvedObject.namespace",
                "involvedObject.name",
                "involvedObject.uid",
                "involvedObject.apiVersion",
                "involvedObject.resourceVersion",
                "involvedObject.fieldPath",
                "reason",
                "reportingComponent",
                "source",
                "type",
            ],
            ("events.k8s.io", "Event") => &[
                "reason",
                "reportingController",
                "regarding.kind",
                "regarding.namespace",
                "regarding.name",
                "regarding.uid",
                "regarding.apiVersion",
                "regarding.resourceVersion",
                "regarding.fieldPath",
                "type",
            ],
            ("", "Namespace") => &["status.phase"],
            ("", "Secret") => &["type"],
            ("", "Node") => &["spec.unschedulable"],
            ("", "Service") => &["spec.clusterIP", "spec.type"],
            ("", "ReplicationController") | ("apps", "ReplicaSet") => &["status.replicas"],
            ("batch", "Job") => &["status.successful"],
            ("certificates.k8s.io", "CertificateSigningRequest") => &["spec.signerName"],
            _ => &[],
        },
    };
    built_in.iter().map(|f| (*f).to_owned()).collect()
}

/// The parts of a field selector: field, whether it must be equal, value.
fn split_fields(text: &str) -> Result<Vec<(&str, bool, &str)>> {
    let mut parts = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let found = [("!=", false), ("==", true), ("=", true)]
            .into_iter()
            .find_map(|(op, equal)| part.split_once(op).map(|(f, v)| (f.trim(), equal, v.trim())));
        let Some(found) = found else {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        parts.push(found);
    }
    Ok(parts)
}

fn parse_fields(text: &str, kind: &Kind) -> Result<Vec<(Vec<String>, bool, String)>> {
    let mut fields = Vec::new();
    for (field, equal, value) in split_fields(text)? {
        let known = field == "metadata.name"
            || (field == "metadata.namespace")
            || selectable(kind).iter().any(|f| f.trim_start_matches('.') == field);
        if !known {
            let why = match kind {
                Kind::Custom(_) => format!("field label not supported: {field}"),
                Kind::BuiltIn(_) if selectable(kind).is_empty() => {
                    format!(
                        "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                }
                Kind::BuiltIn(_) => format!("field label not supported: {field}"),
            };
            return Err(Refusal::bad_request(why));
        }
        let path: Vec<String> = match field {
            // Where the short name stands for a path.
            "source" if kind.is("", "Event") => vec!["source".into(), "component".into()],
            _ => field.split('.').map(str::to_owned).collect(),
        };
        fields.push((path, equal, value.to_owned()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::equal("app=web", true)]
    #[case::double_equal("app==web,tier=front", true)]
    #[case::unequal("app!=web", false)]
    #[case::unequal_absent("nope!=x", true)]
    #[case::set("app in (a, web)", true)]
    #[case::not_in_set("app notin (a,web)", false)]
    #[case::exists("tier", true)]
    #[case::absent("!tier", false)]
    #[case::greater("n>4", true)]
    #[case::less("n<4", false)]
    fn labels_are_selected(#[case] text: &str, #[case] want: bool) {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5"}}});
        let kind = Kind::built_in("", "v1", "pods").unwrap();
        assert_eq!(Selector::parse(text, "", &kind).unwrap().matches(&object), want);
    }

    #[rstest]
    #[case::phase("status.phase=Running", true)]
    #[case::name("metadata.name!=x", false)]
    fn fields_are_selected(#[case] text: &str, #[case] want: bool) {
        let object = json!({"metadata": {"name": "x"}, "status": {"phase": "Running"}});
        let kind = Kind::built_in("", "v1", "pods").unwrap();
        assert_eq!(Selector::parse("", text, &kind).unwrap().matches(&object), want);
    }

    #[rstest]
    #[case::label("a b", "")]
    #[case::operator("a like (b)", "")]
    #[case::field("", "spec.nope=1")]
    #[case::no_operator("", "metadata.name")]
    fn nonsense_is_refused(#[case] labels: &str, #[case] fields: &str) {
        let kind = Kind::built_in("", "v1", "pods").unwrap();
        assert_eq!(Selector::parse(labels, fields, &kind).unwrap_err().code, 400);
    }
}
