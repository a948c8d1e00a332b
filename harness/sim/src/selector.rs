//! Label and field selectors.

use serde_json::Value;

use crate::kind::Kind;
use crate::meta;
use crate::status::{Refusal, Result};

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(Vec<String>, bool, String)>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400 for text that is no selector, and for fields that the kind cannot be selected by.
    pub(crate) fn parse(labels: &str, fields: &str, kind: &Kind) -> Result<Selector> {
        Ok(Selector { labels: parse_labels(labels)?, fields: parse_fields(fields, kind)? })
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

fn refuse(why: &str) -> Refusal {
    Refusal::bad_request(format!("unable to parse requirement: {why}"))
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>> {
    let mut requirements = Vec::new();
    for part in split_outside_parentheses(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        requirements.push(parse_requirement(part).map_err(|why| refuse(&why))?);
    }
    Ok(requirements)
}

fn parse_requirement(part: &str) -> std::result::Result<Requirement, String> {
    let key_ok = |key: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if key.is_empty() || !key.chars().all(good) {
            return Err(format!(
                "<nil>: Invalid value: {key:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ));
        }
        Ok(key.to_owned())
    };
    let number = |v: &str| {
        v.trim().parse::<i64>().map_err(|_| {
            format!(
                "values[0][{}]: Invalid value: {v:?}: for 'Gt', 'Lt' operators, the value must be an integer",
                part
            )
        })
    };
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement { key: key_ok(key.trim())?, test: Test::Absent });
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let values = vec![value.trim().to_owned()];
            let test = if negated { Test::NotIn(values) } else { Test::In(values) };
            return Ok(Requirement { key: key_ok(key.trim())?, test });
        }
    }
    if let Some((key, value)) = part.split_once('>') {
        return Ok(Requirement { key: key_ok(key.trim())?, test: Test::Greater(number(value)?) });
    }
    if let Some((key, value)) = part.split_once('<') {
        return Ok(Requirement { key: key_ok(key.trim())?, test: Test::Less(number(value)?) });
    }
    if let Some((head, rest)) = part.split_once('(') {
        let values = rest.strip_suffix(')').ok_or_else(|| "found '', expected: ',' or ')'".to_owned())?;
        let values: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = head.split_whitespace();
        let key = key_ok(words.next().unwrap_or(""))?;
        let test = match (words.next(), words.next()) {
            (Some("in"), None) => Test::In(values),
            (Some("notin"), None) => Test::NotIn(values),
            (other, _) => {
                let found = other.unwrap_or("(");
                return Err(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt"));
            }
        };
        return Ok(Requirement { key, test });
    }
    let mut words = part.split_whitespace();
    let key = key_ok(words.next().unwrap_or(""))?;
    match words.next() {
        None => Ok(Requirement { key, test: Test::Exists }),
        Some(found) => Err(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt")),
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text.get(start..i).unwrap_or(""));
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or(""));
    parts
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

fn parse_fields(text: &str, kind: &Kind) -> Result<Vec<(Vec<String>, bool, String)>> {
    let mut fields = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let found = [("!=", false), ("==", true), ("=", true)]
            .into_iter()
            .find_map(|(op, equal)| part.split_once(op).map(|(f, v)| (f.trim(), equal, v.trim())));
        let Some((field, equal, value)) = found else {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{part}'; can't understand '{part}'"
            )));
        };
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
