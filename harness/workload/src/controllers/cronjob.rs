//! CronJobs: make a Job at each time of a schedule.

use super::job_status::is_over;
use super::schedule::parse;
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::object::{
    self, Key, Object, at, controller_reference, deleting, flag, is_true, list, name, namespace, number,
    number_or, rfc3339, seconds_later, set, set_at, text, time, uid,
};
use jiff::Timestamp;
use serde_json::{Value, json};

const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// Takes one step of a CronJob.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let store = &context.stores.cron_jobs;
    let Some(cron_job) = store.get(key).filter(|cron_job| !deleting(cron_job)) else { return Ok(None) };
    forget_old_jobs(context, recorder, &cron_job).await?;
    let mut status = cron_job.get("status").cloned().unwrap_or_else(|| json!({}));
    let started = fire(context, recorder, &cron_job, &mut status).await;
    tell_jobs(context, recorder, &cron_job, &mut status).await;
    store.write_status(&context.api, &cron_job, &status).await?;
    started
}

fn jobs(context: &Context, cron_job: &Value) -> Vec<Object> {
    context.stores.jobs.owned_by(uid(cron_job))
}

/// Makes the Job that is due, if any; returns when the next one is.
async fn fire(
    context: &Context,
    recorder: &Recorder,
    cron_job: &Object,
    status: &mut Value,
) -> Result<Wake, ApiError> {
    if flag(cron_job, &["spec", "suspend"]) {
        return Ok(None);
    }
    let schedule = match parse(text(cron_job, &["spec", "schedule"]), text(cron_job, &["spec", "timeZone"])) {
        Ok(schedule) => schedule,
        Err(message) => {
            recorder.write(cron_job, &Note::warning("UnparseableSchedule", message)).await;
            return Ok(None);
        }
    };
    let now = context.clock.now();
    let next = schedule.next(now);
    let from =
        time(status, &["lastScheduleTime"]).or_else(|| time(cron_job, &["metadata", "creationTimestamp"]));
    let window = number(cron_job, &["spec", "startingDeadlineSeconds"]);
    let earliest = window.map(|seconds| seconds_later(now, -seconds));
    let from = from.unwrap_or(now).max(earliest.unwrap_or(Timestamp::MIN));
    let Some((due, missed)) = schedule.last_due(from, now) else { return Ok(next) };
    if missed > 1 {
        let message = format!("Missed {} scheduled times; only the last is made up for", missed - 1);
        recorder.write(cron_job, &Note::warning("MissSchedule", message)).await;
    }
    let running: Vec<Object> = jobs(context, cron_job).into_iter().filter(|job| !is_over(job)).collect();
    match text(cron_job, &["spec", "concurrencyPolicy"]) {
        "Forbid" if !running.is_empty() => {
            let message =
                "Not starting job because prior execution is running and concurrency policy is Forbid";
            recorder.write(cron_job, &Note::normal("JobAlreadyActive", message)).await;
            return Ok(next);
        }
        "Replace" => {
            for job in running.iter().filter(|job| !deleting(job)) {
                context.stores.jobs.delete(&context.api, job, None, Some("Background")).await?;
                let note = Note::normal("SuccessfulDelete", format!("Deleted job {}", name(job)));
                recorder.write(cron_job, &note).await;
            }
        }
        _ => {}
    }
    let job = job_for(cron_job, due);
    match context.stores.jobs.create(&context.api, &job).await {
        Ok(job) => {
            let note = Note::normal("SuccessfulCreate", format!("Created job {}", name(&job)));
            recorder.write(cron_job, &note).await;
        }
        // The name holds the time: it was made before.
        Err(error) if error.is_conflict() => {}
        Err(error) => {
            let note = Note::warning("FailedCreate", format!("Error creating job: {}", error.message()));
            recorder.write(cron_job, &note).await;
            return Err(error);
        }
    }
    set(status, "lastScheduleTime", rfc3339(due));
    Ok(next)
}

/// The Job of one scheduled time; its name holds the minute.
fn job_for(cron_job: &Value, due: Timestamp) -> Value {
    let template = at(cron_job, &["spec", "jobTemplate"]).unwrap_or(&Value::Null);
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": format!("{}-{}", name(cron_job), due.as_second() / 60), "namespace": namespace(cron_job),
            "ownerReferences": [controller_reference(cron_job)],
        },
        "spec": template.get("spec").cloned().unwrap_or_default(),
    });
    for field in ["labels", "annotations"] {
        if let Some(value) = at(template, &["metadata", field]) {
            set_at(&mut job, &["metadata", field], value.clone());
        }
    }
    set_at(&mut job, &["metadata", "annotations", SCHEDULED], rfc3339(due));
    job
}

/// Brings `active` and `lastSuccessfulTime` up to date, and tells of Jobs that ended.
async fn tell_jobs(context: &Context, recorder: &Recorder, cron_job: &Object, status: &mut Value) {
    let jobs = jobs(context, cron_job);
    for job in jobs.iter().filter(|job| is_over(job)) {
        let was_active =
            list(cron_job, &["status", "active"]).iter().any(|known| text(known, &["uid"]) == uid(job));
        let complete = job.get("status").is_some_and(|status| is_true(status, "Complete"));
        if was_active {
            let ended = if complete { "Complete" } else { "Failed" };
            let note = Note::normal(
                "SawCompletedJob",
                format!("Saw completed job: {}, condition: {ended}", name(job)),
            );
            recorder.write(cron_job, &note).await;
        }
        let finished = time(job, &["status", "completionTime"]);
        if complete && finished > time(status, &["lastSuccessfulTime"]) {
            set(status, "lastSuccessfulTime", finished.map(rfc3339).unwrap_or_default());
        }
    }
    let active: Vec<Value> = jobs
        .iter()
        .filter(|job| !is_over(job) && !deleting(job))
        .map(|job| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "name": name(job), "namespace": namespace(job),
                "uid": uid(job), "resourceVersion": text(job, &["metadata", "resourceVersion"])})
        })
        .collect();
    // The version of a Job moves with its status: that alone is no reason to write.
    let names = |list: &[Value]| list.iter().map(|job| text(job, &["uid"]).to_owned()).collect::<Vec<_>>();
    if names(&active) != names(list(status, &["active"])) {
        set(status, "active", if active.is_empty() { Value::Null } else { json!(active) });
    }
}

/// Deletes ended Jobs beyond the limits of the history, oldest first.
async fn forget_old_jobs(context: &Context, recorder: &Recorder, cron_job: &Object) -> Result<(), ApiError> {
    for (kind, field, default) in
        [("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1)]
    {
        let limit = usize::try_from(number_or(cron_job, &["spec", field], default)).unwrap_or(0);
        let mut ended: Vec<Object> = jobs(context, cron_job)
            .into_iter()
            .filter(|job| !deleting(job) && job.get("status").is_some_and(|status| is_true(status, kind)))
            .collect();
        ended.sort_by_cached_key(|job| (time(job, &["status", "startTime"]), object::name(job).to_owned()));
        for job in ended.iter().take(ended.len().saturating_sub(limit)) {
            context.stores.jobs.delete(&context.api, job, None, Some("Background")).await?;
            let note = Note::normal("SuccessfulDelete", format!("Deleted job {}", name(job)));
            recorder.write(cron_job, &note).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_name_holds_the_scheduled_minute() {
        let cron_job = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup", "namespace": "ops", "uid": "u"},
            "spec": {"jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 1}}}});
        let job = job_for(&cron_job, "2026-01-01T03:00:00Z".parse().unwrap());
        assert_eq!(name(&job), "backup-29453940");
        assert_eq!(job["spec"], json!({"backoffLimit": 1}));
        assert_eq!(job["metadata"]["labels"], json!({"a": "b"}));
        assert_eq!(job["metadata"]["annotations"][SCHEDULED], "2026-01-01T03:00:00Z");
    }
}
