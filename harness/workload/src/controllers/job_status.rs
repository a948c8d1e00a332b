//! What a Job is to do next, and what its status says. Pure.

use super::conditions::{Condition, find, put};
use super::pods::{is_ready, phase, restarts};
use crate::object::{
    Object, annotation, at, deleting, flag, list, number, number_or, rfc3339, seconds_later, set, text, time,
};
use crate::queue::backoff;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// A Job's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It succeeded.
    Complete { message: &'static str },
    /// It failed.
    Failed { reason: &'static str, message: &'static str },
}

/// The pods of a Job, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) active: i64,
    pub(crate) ready: i64,
    pub(crate) succeeded: i64,
    pub(crate) failed: i64,
    /// Indexes that have succeeded.
    pub(crate) done: BTreeSet<i64>,
    /// Indexes that have an active pod.
    pub(crate) busy: BTreeSet<i64>,
    /// Restarts of containers, which count as failures under `restartPolicy: OnFailure`.
    pub(crate) restarts: i64,
    /// When the last pod failed.
    pub(crate) last_failure: Option<Timestamp>,
}

/// Counts a Job's pods.
pub(crate) fn tally(job: &Value, pods: &[Object]) -> Tally {
    let mut tally = Tally::default();
    let indexed = is_indexed(job);
    for pod in pods {
        let index = annotation(pod, INDEX).parse::<i64>().ok();
        match phase(pod) {
            "Succeeded" if indexed => tally.done.extend(index),
            "Succeeded" => tally.succeeded += 1,
            "Failed" => {
                tally.failed += 1;
                let ended = list(pod, &["status", "containerStatuses"])
                    .iter()
                    .filter_map(|status| time(status, &["state", "terminated", "finishedAt"]))
                    .max();
                tally.last_failure = tally.last_failure.max(ended);
            }
            // A pod that is deleted before it ended counts as a failure once it is gone; till then it is nothing.
            _ if deleting(pod) => {}
            _ => {
                tally.active += 1;
                tally.ready += i64::from(is_ready(pod));
                tally.restarts += restarts(pod);
                tally.busy.extend(index);
            }
        }
    }
    if indexed {
        tally.succeeded = i64::try_from(tally.done.len()).unwrap_or(0);
    }
    tally
}

pub(crate) fn is_indexed(job: &Value) -> bool {
    text(job, &["spec", "completionMode"]) == "Indexed"
}

/// How the Job has ended, if it has.
pub(crate) fn end(job: &Value, tally: &Tally, now: Timestamp) -> Option<End> {
    if let Some(at) = deadline(job)
        && now >= at
    {
        let message = "Job was active longer than specified deadline";
        return Some(End::Failed { reason: "DeadlineExceeded", message });
    }
    let limit = number_or(job, &["spec", "backoffLimit"], 6);
    let on_failure = text(job, &["spec", "template", "spec", "restartPolicy"]) == "OnFailure";
    let failures = tally.failed + if on_failure { tally.restarts } else { 0 };
    if failures > limit {
        let message = "Job has reached the specified backoff limit";
        return Some(End::Failed { reason: "BackoffLimitExceeded", message });
    }
    let complete = match number(job, &["spec", "completions"]) {
        Some(completions) => tally.succeeded >= completions,
        // A work queue: one success says that there is no more work.
        None => tally.succeeded > 0 && tally.active == 0,
    };
    complete.then_some(End::Complete { message: "Reached expected number of succeeded pods" })
}

/// When the Job's time is up.
pub(crate) fn deadline(job: &Value) -> Option<Timestamp> {
    let seconds = number(job, &["spec", "activeDeadlineSeconds"])?;
    Some(seconds_later(time(job, &["status", "startTime"])?, seconds))
}

/// How many pods should be active.
pub(crate) fn wanted_active(job: &Value, tally: &Tally) -> i64 {
    if flag(job, &["spec", "suspend"]) {
        return 0;
    }
    let parallelism = number_or(job, &["spec", "parallelism"], 1);
    match number(job, &["spec", "completions"]) {
        Some(completions) => parallelism.min((completions - tally.succeeded).max(0)),
        // A work queue that had a success starts no more.
        None if tally.succeeded > 0 => tally.active.min(parallelism),
        None => parallelism,
    }
}

/// When the next pod may be made after failures: 10 s, 20 s, up to 10 minutes after the last one.
pub(crate) fn next_attempt(tally: &Tally) -> Option<Timestamp> {
    let times = u32::try_from(tally.failed - 1).ok()?;
    let pause = backoff(FIRST_PAUSE, LONGEST_PAUSE, times);
    tally.last_failure.map(|at| crate::object::later(at, pause))
}

/// Indexes as the API writes them: `0,2-5`.
pub(crate) fn ranges(indexes: &BTreeSet<i64>) -> String {
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => parts.push((*index, *index)),
        }
    }
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first},{last}"),
            _ => format!("{first}-{last}"),
        })
        .collect();
    parts.join(",")
}

/// Whether the status says that the Job has ended.
pub(crate) fn is_over(job: &Value) -> bool {
    ["Complete", "Failed"]
        .iter()
        .any(|kind| job.get("status").is_some_and(|status| crate::object::is_true(status, kind)))
}

/// The status of a Job. `end` is its end, if it has come; its pods are gone or finished then.
pub(crate) fn status(job: &Value, tally: &Tally, end: Option<&End>, now: Timestamp) -> Value {
    let mut status = job.get("status").cloned().unwrap_or_else(|| json!({}));
    let suspended = flag(job, &["spec", "suspend"]);
    let mut conditions = list(&status, &["conditions"]).to_vec();
    let mut condition = |kind, value, reason: &str, message: &str| {
        let condition = Condition::new(kind, value, reason, message);
        let known = find(&conditions, kind);
        if known.is_some_and(|known| text(known, &["status"]) == value) {
            return;
        }
        let mut value = condition.to_value(known, now);
        set(&mut value, "lastProbeTime", rfc3339(now));
        put(&mut conditions, value);
    };
    if suspended && end.is_none() {
        condition("Suspended", "True", "JobSuspended", "Job suspended");
    } else if at(job, &["status", "conditions"]).is_some()
        && crate::object::condition(&job["status"], "Suspended").is_some()
    {
        condition("Suspended", "False", "JobResumed", "Job resumed");
    }
    match end {
        // The criterion is told first, the end when no pod is active any more.
        Some(End::Complete { message }) => {
            condition("SuccessCriteriaMet", "True", "CompletionsReached", message);
            if tally.active == 0 {
                condition("Complete", "True", "CompletionsReached", message);
            }
        }
        Some(End::Failed { reason, message }) => {
            condition("FailureTarget", "True", reason, message);
            if tally.active == 0 {
                condition("Failed", "True", reason, message);
            }
        }
        None => {}
    }
    if !conditions.is_empty() {
        set(&mut status, "conditions", json!(conditions));
    }
    if suspended && end.is_none() {
        set(&mut status, "startTime", Value::Null);
    } else if at(&status, &["startTime"]).is_none() {
        set(&mut status, "startTime", rfc3339(now));
    }
    let over = tally.active == 0;
    if matches!(end, Some(End::Complete { .. })) && over && at(&status, &["completionTime"]).is_none() {
        set(&mut status, "completionTime", rfc3339(now));
    }
    for (field, count) in [("active", tally.active), ("succeeded", tally.succeeded), ("failed", tally.failed)]
    {
        set(&mut status, field, if count == 0 { Value::Null } else { json!(count) });
    }
    set(&mut status, "ready", json!(tally.ready));
    set(&mut status, "terminating", json!(0));
    set(&mut status, "uncountedTerminatedPods", json!({}));
    if is_indexed(job) && !tally.done.is_empty() {
        set(&mut status, "completedIndexes", json!(ranges(&tally.done)));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::sync::Arc;

    fn pod(phase: &str) -> Object {
        Arc::new(json!({"status": {"phase": phase}}))
    }

    fn failed(count: i64) -> Tally {
        Tally { failed: count, ..Tally::default() }
    }

    #[rstest]
    #[case::fresh(json!({"completions": 1}), Tally::default(), None, 1)]
    #[case::done(json!({"completions": 1}), Tally { succeeded: 1, ..Tally::default() }, Some("Complete"), 0)]
    #[case::parallel(json!({"completions": 5, "parallelism": 3}), Tally { succeeded: 1, ..Tally::default() }, None, 3)]
    #[case::the_rest(json!({"completions": 5, "parallelism": 3}), Tally { succeeded: 4, ..Tally::default() }, None, 1)]
    #[case::within_the_limit(json!({"completions": 1, "backoffLimit": 2}), failed(2), None, 1)]
    #[case::beyond_the_limit(json!({"completions": 1, "backoffLimit": 2}), failed(3), Some("BackoffLimitExceeded"), 1)]
    #[case::no_second_chance(json!({"completions": 1, "backoffLimit": 0}), failed(1), Some("BackoffLimitExceeded"), 1)]
    #[case::work_queue(json!({"parallelism": 2}), Tally { succeeded: 1, active: 1, ..Tally::default() }, None, 1)]
    #[case::work_queue_done(json!({"parallelism": 2}), Tally { succeeded: 2, ..Tally::default() }, Some("Complete"), 0)]
    #[case::suspended(json!({"completions": 1, "suspend": true}), Tally::default(), None, 0)]
    fn jobs_end_and_go_on(
        #[case] spec: Value,
        #[case] tally: Tally,
        #[case] want: Option<&str>,
        #[case] active: i64,
    ) {
        let job = json!({"spec": spec});
        let got = end(&job, &tally, Timestamp::UNIX_EPOCH).map(|end| match end {
            End::Complete { .. } => "Complete",
            End::Failed { reason, .. } => reason,
        });
        assert_eq!(got, want);
        assert_eq!(wanted_active(&job, &tally), active);
    }

    #[test]
    fn the_deadline_counts_from_the_start() {
        let job = json!({"spec": {"completions": 1, "activeDeadlineSeconds": 60},
            "status": {"startTime": "1970-01-01T00:00:00Z"}});
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(end(&job, &Tally::default(), at(59)), None);
        assert!(matches!(
            end(&job, &Tally::default(), at(60)),
            Some(End::Failed { reason: "DeadlineExceeded", .. })
        ));
    }

    #[rstest]
    #[case(1, 10)]
    #[case(2, 20)]
    #[case(7, 600)]
    fn pauses_between_pods_double(#[case] failures: i64, #[case] seconds: i64) {
        let tally = Tally { last_failure: Some(Timestamp::UNIX_EPOCH), ..failed(failures) };
        assert_eq!(next_attempt(&tally).unwrap().as_second(), seconds);
    }

    #[test]
    fn a_job_that_succeeds_says_so_when_its_last_pod_has_ended() {
        let job = json!({"spec": {"completions": 1}});
        let done = End::Complete { message: "done" };
        let still = Tally { succeeded: 1, active: 1, ..Tally::default() };
        let first = status(&job, &still, Some(&done), Timestamp::UNIX_EPOCH);
        assert!(
            crate::object::is_true(&first, "SuccessCriteriaMet")
                && !crate::object::is_true(&first, "Complete")
        );
        let over = Tally { succeeded: 1, ..Tally::default() };
        let last = status(&job, &over, Some(&done), Timestamp::UNIX_EPOCH);
        assert!(crate::object::is_true(&last, "Complete"));
        assert_eq!(last["completionTime"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn pods_are_counted_by_phase() {
        let pods = [pod("Succeeded"), pod("Failed"), pod("Failed"), pod("Running"), pod("Pending")];
        let tally = tally(&json!({}), &pods);
        assert_eq!((tally.active, tally.succeeded, tally.failed), (2, 1, 2));
    }

    #[rstest]
    #[case(&[], "")]
    #[case(&[0], "0")]
    #[case(&[0, 1], "0,1")]
    #[case(&[0, 2, 3, 4, 7], "0,2-4,7")]
    fn indexes_are_written_as_ranges(#[case] indexes: &[i64], #[case] want: &str) {
        assert_eq!(ranges(&indexes.iter().copied().collect()), want);
    }
}
