//! Faults of Jobs and of what makes them.

use serde_json::Value;

use super::builtin::{not_negative, selects};
use super::job_policies;
use super::pod::{self, in_order};
use crate::internal;
use crate::meta;
use crate::status::FieldError;

/// The faults of a Job.
pub(super) fn check(job: &Value, found: &mut Vec<FieldError>) {
    generated(job, found);
    check_again(job, found);
}

/// What an update looks at once more.
pub(super) fn check_again(job: &Value, found: &mut Vec<FieldError>) {
    let spec = job.get("spec").unwrap_or(&Value::Null);
    template(spec, "spec", found);
    let selector = spec.get("selector");
    if selector.is_none() {
        found.push(FieldError::required("spec.selector", ""));
    }
    let labels = meta::at(spec, &["template", "metadata", "labels"]);
    if selector.is_none() || !selects(selector, labels) {
        let why = "`selector` does not match template `labels`";
        found.push(FieldError::invalid(LABELS, labels.unwrap_or(&Value::Null), why));
    }
}

const LABELS: &str = "spec.template.metadata.labels";

/// The labels and the selector that the server makes, unless the Job says that it has its own.
fn generated(job: &Value, found: &mut Vec<FieldError>) {
    let selector = meta::at(job, &["spec", "selector"]);
    if meta::at(job, &["spec", "manualSelector"]) == Some(&Value::Bool(true)) || selector.is_none() {
        return;
    }
    let (uid, name) = (meta::uid(job), meta::name(job));
    let labels = meta::at(job, &["spec", "template", "metadata", "labels"]);
    let wanted = [
        ("controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
    ];
    for (key, value) in wanted {
        let why = format!("must be '{value}'");
        match labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) {
            None => found.push(FieldError::required(format!("{LABELS}[{key}]"), &why)),
            Some(other) if other != value => {
                let shown = labels.unwrap_or(&Value::Null);
                found.push(FieldError::invalid(format!("{LABELS}[{key}]"), shown, &why));
            }
            Some(_) => {}
        }
    }
    let made: serde_json::Map<String, Value> =
        wanted.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    if !selects(selector, Some(&Value::Object(made))) {
        let shown = internal::json("*meta.LabelSelector", selector);
        found.push(FieldError::invalid_shown("spec.selector", &shown, "`selector` not auto-generated"));
    }
}

/// The faults of a Job's spec at `at`, also where a CronJob has it.
fn template(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let numbers =
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"];
    not_negative(spec, at, &numbers, found);
    not_negative(spec, at, &["backoffLimitPerIndex", "maxFailedIndexes"], found);
    let modes = ["NonIndexed", "Indexed"];
    in_order(&format!("{at}.completionMode"), spec.get("completionMode"), &modes, found);
    job_policies::check(spec, at, found);
    let pod = meta::at(spec, &["template", "spec"]).unwrap_or(&Value::Null);
    let whole = spec.get("template").unwrap_or(&Value::Null);
    found.extend(pod::template(whole, &format!("{at}.template"), &["OnFailure", "Never"]));
    if spec.get("podFailurePolicy").is_some() && meta::text(pod, &["restartPolicy"]) == "OnFailure" {
        let why = "only \"Never\" is supported when podFailurePolicy is specified";
        found.push(FieldError::invalid(
            format!("{at}.template.spec.restartPolicy"),
            &"OnFailure".into(),
            why,
        ));
    }
}

/// The faults of a CronJob.
pub(super) fn cron(name: &str, spec: &Value, found: &mut Vec<FieldError>) {
    let schedule = meta::text(spec, &["schedule"]);
    if schedule.is_empty() {
        found.push(FieldError::required("spec.schedule", ""));
    } else if schedule.contains("TZ") {
        let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        found.push(FieldError::invalid("spec.schedule", &schedule.into(), why));
    } else if let Some(why) = super::cron::problem(schedule) {
        found.push(FieldError::invalid("spec.schedule", &schedule.into(), &why));
    }
    if let Some(zone) = spec.get("timeZone").filter(|zone| *zone == "") {
        found.push(FieldError::invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string"));
    }
    if spec.get("timeZone").and_then(Value::as_str).is_some_and(|zone| zone.eq_ignore_ascii_case("local")) {
        let (zone, at) = (meta::text(spec, &["timeZone"]), "spec.timeZone");
        let why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        found.push(FieldError::invalid(at, &zone.into(), why));
        if zone != "Local" {
            found.push(FieldError::invalid(at, &zone.into(), &format!("unknown time zone {zone}")));
        }
    }
    not_negative(spec, "spec", &["startingDeadlineSeconds"], found);
    let policies = ["Allow", "Forbid", "Replace"];
    pod::one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), &policies, found);
    not_negative(spec, "spec", &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], found);
    template(
        meta::at(spec, &["jobTemplate", "spec"]).unwrap_or(&Value::Null),
        "spec.jobTemplate.spec",
        found,
    );
    let part = |field: &str| meta::at(spec, &["jobTemplate", "spec", field]);
    if part("selector").is_some() {
        let shown = internal::json("*meta.LabelSelector", part("selector"));
        let why = "`selector` will be auto-generated";
        found.push(FieldError::invalid_shown("spec.jobTemplate.spec.selector", &shown, why));
    }
    if let Some(manual) = part("manualSelector").filter(|manual| *manual == &Value::Bool(true)) {
        in_order("spec.jobTemplate.spec.manualSelector", Some(manual), &["nil", "false"], found);
    }
    // Names of jobs add 11 characters.
    if name.len() > 52 {
        let why = "must be no more than 52 characters";
        found.push(FieldError::invalid("metadata.name", &name.into(), why));
    }
}
