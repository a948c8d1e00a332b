//! Faults of what says where a Pod may run: affinities and spread.

use serde_json::Value;

use super::{list, one_of};
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// The faults of an affinity at `at`.
pub(super) fn check(affinity: &Value, at: &str, found: &mut Vec<FieldError>) {
    if let Some(nodes) = affinity.get("nodeAffinity") {
        let at = format!("{at}.nodeAffinity");
        if let Some(required) = nodes.get(REQUIRED) {
            selector(required, &format!("{at}.{REQUIRED}"), found);
        }
        for (i, preferred) in list(nodes, PREFERRED).iter().enumerate() {
            let at = format!("{at}.{PREFERRED}[{i}]");
            weight(preferred, &at, found);
            term(preferred.get("preference").unwrap_or(&Value::Null), &format!("{at}.preference"), found);
        }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let Some(pods) = affinity.get(kind) else { continue };
        for (i, required) in list(pods, REQUIRED).iter().enumerate() {
            pod_term(required, &format!("{at}.{kind}.{REQUIRED}[{i}]"), found);
        }
        for (i, preferred) in list(pods, PREFERRED).iter().enumerate() {
            let at = format!("{at}.{kind}.{PREFERRED}[{i}]");
            weight(preferred, &at, found);
            let term = preferred.get("podAffinityTerm").unwrap_or(&Value::Null);
            pod_term(term, &format!("{at}.podAffinityTerm"), found);
        }
    }
}

fn weight(preferred: &Value, at: &str, found: &mut Vec<FieldError>) {
    let weight = preferred.get("weight").and_then(Value::as_i64).unwrap_or(0);
    if !(1..=100).contains(&weight) {
        found.push(FieldError::invalid(format!("{at}.weight"), &weight.into(), "must be in the range 1-100"));
    }
}

/// Terms of which a node fits one.
pub(in crate::validate) fn selector(selector: &Value, at: &str, found: &mut Vec<FieldError>) {
    let terms = list(selector, "nodeSelectorTerms");
    if terms.is_empty() {
        let why = "must have at least one node selector term";
        found.push(FieldError::required(format!("{at}.nodeSelectorTerms"), why));
    }
    for (i, one) in terms.iter().enumerate() {
        term(one, &format!("{at}.nodeSelectorTerms[{i}]"), found);
    }
}

fn term(term: &Value, at: &str, found: &mut Vec<FieldError>) {
    expressions(term, at, true, found);
    for (i, field) in list(term, "matchFields").iter().enumerate() {
        let at = format!("{at}.matchFields[{i}]");
        match meta::text(field, &["operator"]) {
            "In" | "NotIn" if list(field, "values").len() != 1 => {
                let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                found.push(FieldError::required(format!("{at}.values"), why));
            }
            "In" | "NotIn" => {}
            other => {
                let why = "not a valid selector operator";
                found.push(FieldError::invalid(format!("{at}.operator"), &other.into(), why));
            }
        }
        match meta::text(field, &["key"]) {
            "metadata.name" => {
                for (j, value) in list(field, "values").iter().filter_map(Value::as_str).enumerate() {
                    found.extend(names::faults(&format!("{at}.values[{j}]"), value, names::subdomain));
                }
            }
            key => {
                let why = "not a valid field selector key";
                found.push(FieldError::invalid(format!("{at}.key"), &key.into(), why));
            }
        }
    }
}

/// Whether an operator has the values that it needs; those of numbers stand only in what selects nodes.
fn operator(expression: &Value, values: &[Value], at: &str, numbers: bool, found: &mut Vec<FieldError>) {
    match meta::text(expression, &["operator"]) {
        "In" | "NotIn" if values.is_empty() => {
            let why = "must be specified when `operator` is 'In' or 'NotIn'";
            found.push(FieldError::required(format!("{at}.values"), why));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            found.push(FieldError::forbidden(format!("{at}.values"), why));
        }
        "Gt" | "Lt" if numbers && values.len() != 1 => {
            let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            found.push(FieldError::required(format!("{at}.values"), why));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        "Gt" | "Lt" if numbers => {}
        other => {
            let why = "not a valid selector operator";
            found.push(FieldError::invalid(format!("{at}.operator"), &other.into(), why));
        }
    }
}

/// The requirements of a selector; operators of numbers stand only in what selects nodes.
fn expressions(holder: &Value, at: &str, numbers: bool, found: &mut Vec<FieldError>) {
    for (i, expression) in list(holder, "matchExpressions").iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let values = list(expression, "values");
        operator(expression, values, &at, numbers, found);
        let key = meta::text(expression, &["key"]);
        found.extend(names::faults(&format!("{at}.key"), key, names::qualified));
        for (j, value) in values.iter().filter_map(Value::as_str).enumerate() {
            found.extend(names::faults(&format!("{at}.values[{j}]"), value, names::label_value));
        }
    }
}

/// A selector of labels.
fn labels(selector: &Value, at: &str, found: &mut Vec<FieldError>) {
    for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
        let at = format!("{at}.matchLabels");
        found.extend(names::faults(&at, key, names::qualified));
        found.extend(names::faults(&at, value.as_str().unwrap_or(""), names::label_value));
    }
    expressions(selector, at, false, found);
}

fn pod_term(term: &Value, at: &str, found: &mut Vec<FieldError>) {
    for field in ["labelSelector", "namespaceSelector"] {
        if let Some(selector) = term.get(field) {
            labels(selector, &format!("{at}.{field}"), found);
        }
    }
    for name in list(term, "namespaces").iter().filter_map(Value::as_str) {
        found.extend(names::faults(&format!("{at}.namespace"), name, names::label));
    }
    let key = meta::text(term, &["topologyKey"]);
    if key.is_empty() {
        found.push(FieldError::required(format!("{at}.topologyKey"), "can not be empty"));
    }
    found.extend(names::faults(&format!("{at}.topologyKey"), key, names::qualified));
}

/// How Pods are spread.
pub(super) fn spread(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let all = list(spec, "topologySpreadConstraints");
    for (i, constraint) in all.iter().enumerate() {
        let at = format!("{at}.topologySpreadConstraints[{i}]");
        let skew = constraint.get("maxSkew").and_then(Value::as_i64).unwrap_or(0);
        if skew <= 0 {
            found.push(FieldError::invalid(
                format!("{at}.maxSkew"),
                &skew.into(),
                "must be greater than zero",
            ));
        }
        let key = meta::text(constraint, &["topologyKey"]);
        if key.is_empty() {
            found.push(FieldError::required(format!("{at}.topologyKey"), "can not be empty"));
        } else {
            found.extend(names::faults(&format!("{at}.topologyKey"), key, names::qualified));
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        let action = meta::text(constraint, &["whenUnsatisfiable"]);
        one_of(&format!("{at}.whenUnsatisfiable"), constraint.get("whenUnsatisfiable"), &actions, found);
        // Messages tell of the later one at the first.
        let pair = |c: &Value| {
            (meta::text(c, &["topologyKey"]).to_owned(), meta::text(c, &["whenUnsatisfiable"]).to_owned())
        };
        if all.iter().skip(i + 1).any(|other| pair(other) == pair(constraint)) {
            let field = format!("{at}.{{topologyKey, whenUnsatisfiable}}");
            found.push(FieldError::duplicate(field, &format!("{{{key}, {action}}}").into()));
        }
        if let Some(domains) = constraint.get("minDomains").and_then(Value::as_i64) {
            let field = format!("{at}.minDomains");
            if domains <= 0 {
                found.push(FieldError::invalid(&*field, &domains.into(), "must be greater than zero"));
            }
            if action != "DoNotSchedule" {
                let why = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                found.push(FieldError::invalid(field, &domains.into(), &why));
            }
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            one_of(&format!("{at}.{field}"), constraint.get(field), &["Honor", "Ignore"], found);
        }
        let keys = list(constraint, "matchLabelKeys");
        let selector = constraint.get("labelSelector");
        if selector.is_none() && !keys.is_empty() {
            let why = "must not be specified when labelSelector is not set";
            found.push(FieldError::forbidden(format!("{at}.matchLabelKeys"), why));
        } else {
            for (j, key) in keys.iter().filter_map(Value::as_str).enumerate() {
                found.extend(names::faults(&format!("{at}.matchLabelKeys[{j}]"), key, names::qualified));
            }
        }
        if let Some(selector) = selector {
            labels(selector, &format!("{at}.labelSelector"), found);
        }
    }
}
