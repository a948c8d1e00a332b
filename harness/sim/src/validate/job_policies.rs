//! Faults of what Jobs say about indexes, failures and success.

use super::list;
use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use super::pod::one_of;
use crate::internal;
use crate::meta;
use crate::status::FieldError;

/// The faults of the policies of a Job's spec at `at`.
pub(super) fn check(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    if let Some(manager) = spec.get("managedBy") {
        let text = manager.as_str().unwrap_or("");
        let domain = text
            .split_once('/')
            .is_some_and(|(domain, path)| names::subdomain(domain).is_empty() && !path.is_empty());
        if !domain {
            let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            found.push(FieldError::invalid(format!("{at}.managedBy"), manager, why));
        }
    }
    indexes(spec, at, found);
    if let Some(policy) = spec.get("podFailurePolicy") {
        for (i, rule) in list(policy, "rules").iter().enumerate() {
            failure_rule(spec, rule, &format!("{at}.podFailurePolicy.rules[{i}]"), found);
        }
    }
    if let Some(policy) = spec.get("successPolicy") {
        success(spec, policy, &format!("{at}.successPolicy"), found);
    }
    let all: &[&str] = match spec.get("podFailurePolicy") {
        Some(_) => &["Failed"],
        None => &["Failed", "TerminatingOrFailed"],
    };
    one_of(&format!("{at}.podReplacementPolicy"), spec.get("podReplacementPolicy"), all, found);
}

fn indexed(spec: &Value) -> bool {
    spec.get("completionMode").and_then(Value::as_str) == Some("Indexed")
}

fn indexes(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    const MOST: i64 = 100_000;
    let number = |field: &str| spec.get(field).and_then(Value::as_i64);
    let (per_index, failed) = (number("backoffLimitPerIndex"), number("maxFailedIndexes"));
    if failed.is_some() && per_index.is_none() {
        let why = "when maxFailedIndexes is specified";
        found.push(FieldError::required(format!("{at}.backoffLimitPerIndex"), why));
    }
    if !indexed(spec) {
        for (field, value) in [("backoffLimitPerIndex", per_index), ("maxFailedIndexes", failed)] {
            if let Some(value) = value {
                let why = "requires indexed completion mode";
                found.push(FieldError::invalid(format!("{at}.{field}"), &value.into(), why));
            }
        }
        return;
    }
    let completions = number("completions");
    if let (Some(failed), Some(all)) = (failed, completions)
        && failed > all
    {
        let why = "must be less than or equal to completions";
        found.push(FieldError::invalid(format!("{at}.maxFailedIndexes"), &failed.into(), why));
    }
    if completions.is_none() {
        found.push(FieldError::required(format!("{at}.completions"), "when completion mode is Indexed"));
    }
    if let Some(many) = number("parallelism").filter(|many| *many > MOST) {
        let why = format!("must be less than or equal to {MOST} when completion mode is Indexed");
        found.push(FieldError::invalid(format!("{at}.parallelism"), &many.into(), &why));
    }
}

fn failure_rule(spec: &Value, rule: &Value, at: &str, found: &mut Vec<FieldError>) {
    let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
    one_of(&format!("{at}.action"), rule.get("action"), &actions, found);
    if let Some(codes) = rule.get("onExitCodes") {
        exit_codes(spec, codes, &format!("{at}.onExitCodes"), found);
    }
    let conditions = list(rule, "onPodConditions");
    for (i, condition) in conditions.iter().enumerate() {
        let at = format!("{at}.onPodConditions[{i}]");
        found.extend(names::faults(
            &format!("{at}.type"),
            meta::text(condition, &["type"]),
            names::qualified,
        ));
        let states = ["False", "True", "Unknown"];
        one_of(&format!("{at}.status"), condition.get("status"), &states, found);
    }
    let why = match (rule.get("onExitCodes").is_some(), !conditions.is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    found.push(FieldError::invalid_unshown(at, why));
}

fn exit_codes(spec: &Value, codes: &Value, at: &str, found: &mut Vec<FieldError>) {
    one_of(&format!("{at}.operator"), codes.get("operator"), &["In", "NotIn"], found);
    if let Some(name) = codes.get("containerName") {
        let pod = meta::at(spec, &["template", "spec"]).unwrap_or(&Value::Null);
        let mut containers = list(pod, "containers").iter().chain(list(pod, "initContainers"));
        if !containers.any(|container| container.get("name") == Some(name)) {
            let why = "must be one of the container or initContainer names in the pod template";
            found.push(FieldError::invalid(format!("{at}.containerName"), name, why));
        }
    }
    let values = list(codes, "values");
    let shown = Value::from(values);
    if values.is_empty() {
        found.push(FieldError::invalid(format!("{at}.values"), &shown, "at least one value is required"));
    }
    let mut seen = BTreeSet::new();
    for (i, value) in values.iter().enumerate() {
        if value.as_i64() == Some(0) && meta::text(codes, &["operator"]) == "In" {
            let why = "must not be 0 for the In operator";
            found.push(FieldError::invalid(format!("{at}.values[{i}]"), value, why));
        }
        if !seen.insert(value.as_i64()) {
            found.push(FieldError::duplicate(format!("{at}.values[{i}]"), value));
        }
    }
    if !values.is_sorted_by_key(|value| value.as_i64()) {
        found.push(FieldError::invalid(format!("{at}.values"), &shown, "must be ordered"));
    }
}

fn success(spec: &Value, policy: &Value, at: &str, found: &mut Vec<FieldError>) {
    if !indexed(spec) {
        let shown = internal::json("batch.SuccessPolicy", Some(policy));
        found.push(FieldError::invalid_shown(at, &shown, "requires indexed completion mode"));
        return;
    }
    let rules = list(policy, "rules");
    if rules.is_empty() {
        let why = "at least one rules must be specified when the successPolicy is specified";
        found.push(FieldError::required(format!("{at}.rules"), why));
    }
    let all = spec.get("completions").and_then(Value::as_i64).unwrap_or(0);
    for (i, rule) in rules.iter().enumerate() {
        let at = format!("{at}.rules[{i}]");
        let indexes = rule.get("succeededIndexes").and_then(Value::as_str);
        let count = rule.get("succeededCount").and_then(Value::as_i64);
        if indexes.is_none() && count.is_none() {
            let why = "at least one of succeededCount or succeededIndexes must be specified";
            found.push(FieldError::required(&*at, why));
        }
        let mut named = None;
        if let Some(text) = indexes {
            let read = count_indexes(text, all);
            named = Some(*read.as_ref().unwrap_or(&0));
            if let Err(why) = read {
                let why = format!("error parsing succeededIndexes: {why}");
                found.push(FieldError::invalid(format!("{at}.succeededIndexes"), &text.into(), &why));
            }
        }
        let Some(count) = count else { continue };
        let field = format!("{at}.succeededCount");
        if count < 0 {
            let why = "must be greater than or equal to 0";
            found.push(FieldError::invalid(&*field, &count.into(), why));
        }
        if count > all {
            let why = format!("must be less than or equal to {all} (the number of specified completions)");
            found.push(FieldError::invalid(&*field, &count.into(), &why));
        }
        if let Some(named) = named.filter(|named| count > *named) {
            let why = format!(
                "must be less than or equal to {named} (the number of indexes in the specified succeededIndexes field)"
            );
            found.push(FieldError::invalid(field, &count.into(), &why));
        }
    }
}

/// How many indexes `1,3-5` names, which rise and stay below `all`; or why it cannot be read.
fn count_indexes(text: &str, all: i64) -> Result<i64, String> {
    let mut last: Option<i64> = None;
    let mut count = 0;
    if text.is_empty() {
        return Ok(0);
    }
    for part in text.split(',') {
        let mut ends = part.splitn(3, '-');
        let (low, high, more) = (ends.next().unwrap_or(""), ends.next(), ends.next());
        if more.is_some() {
            return Err(format!(
                "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let read = |text: &str| {
            text.parse::<i64>().map_err(|_| format!("cannot convert string to integer for index: {text:?}"))
        };
        let low = read(low)?;
        if low >= all {
            return Err(format!("too large index: \"{low}\""));
        }
        if last.is_some_and(|last| low <= last) {
            return Err(format!("non-increasing order, previous: {}, current: {low}", last.unwrap_or(0)));
        }
        let high = high.map_or(Ok(low), read)?;
        if high >= all {
            return Err(format!("too large index: \"{high}\""));
        }
        if high < low {
            return Err(format!("non-increasing order, previous: {low}, current: {high}"));
        }
        count += high - low + 1;
        last = Some(high);
    }
    Ok(count)
}
