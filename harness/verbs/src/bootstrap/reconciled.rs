//! Waiting until the cluster has come to a commit.
//!
//! # Guarantees
//! A failure is told in its controller's words as soon as it stands, and what stands there from the time before is not taken for an
//! answer.

use super::steps::Bootstrap;
use crate::kinds::find;
use crate::wait::{DEADLINE, POLL, Progress, condition, progress};
use crate::{ApiError, VerbError};
use seatrial_api::meta::REQUESTED_AT;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a failure has to stand until it is believed: its controller may be about to try again.
const BELIEVED: Duration = Duration::from_secs(1);

impl Bootstrap<'_> {
    /// Asks for a reconcile, and waits until the object is ready at `commit`.
    pub(super) async fn until_reconciled(
        &self,
        group: &str,
        kind: &str,
        commit: &str,
    ) -> Result<(), VerbError> {
        let session = self.session;
        let resource = session.flux(find(group, kind)?).await?;
        let path = resource.object(Some(&self.sync.namespace), &self.sync.namespace);
        let found = session.read(&path).await?;
        if let Some(why) = suspended(kind, &found) {
            return Err(VerbError::Failed(why));
        }
        let mut seen = Seen { kind, commit, asked: None };
        // It has been looked at before: nobody looks again before the interval is over, unless asked.
        if !seen.is_there(&found) && !found["status"]["conditions"].is_null() {
            let now = session.clock.now().to_string();
            session.merge(&path, &json!({"metadata": {"annotations": {REQUESTED_AT: now}}})).await?;
            seen.asked = Some(now);
        }
        let mut last = None;
        let looking = async {
            let mut failing = Duration::ZERO;
            loop {
                match session.read(&path).await {
                    Ok(object) if suspended(kind, &object).is_some() => {
                        return Err(VerbError::Failed(suspended(kind, &object).unwrap_or_default()));
                    }
                    Ok(object) => match seen.progress(&object) {
                        Progress::Ready => return Ok(()),
                        Progress::Stalled(why) if failing >= BELIEVED => return Err(VerbError::Failed(why)),
                        Progress::Stalled(why) => {
                            failing += POLL;
                            last = Some(why);
                        }
                        Progress::Going => {
                            failing = Duration::ZERO;
                            last = not_ready(&object).map(str::to_owned);
                        }
                    },
                    // A server that goes away for a moment is asked again; one that refuses has decided.
                    Err(ApiError::Unreachable { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                session.clock.sleep(POLL).await;
            }
        };
        let ended = session.clock.timeout(session.left(), looking).await;
        ended.unwrap_or_else(|_| {
            let (kind, name) = (kind.to_lowercase(), &self.sync.namespace);
            Err(VerbError::failed(match last {
                Some(why) => format!("{kind} '{name}/{name}' not ready: '{why}'"),
                None => DEADLINE.to_owned(),
            }))
        })
    }
}

/// What is looked for in an object.
struct Seen<'a> {
    kind: &'a str,
    commit: &'a str,
    /// The reconcile that was asked for.
    asked: Option<String>,
}

impl Seen<'_> {
    /// Whether the object has come to the commit.
    fn is_there(&self, object: &Value) -> bool {
        let status = &object["status"];
        self.is_commit(match self.kind {
            "GitRepository" => &status["artifact"]["revision"],
            _ => &status["lastAppliedRevision"],
        })
    }

    fn is_commit(&self, revision: &Value) -> bool {
        revision.as_str().is_some_and(|revision| revision.ends_with(self.commit))
    }

    /// How far it is: `Stalled` is a failure at the commit, whether or not it is tried again.
    fn progress(&self, object: &Value) -> Progress {
        let status = &object["status"];
        if self.is_there(object) {
            return progress(object);
        }
        // What stands there from the time before is no answer.
        let answers = self.asked.as_ref().is_none_or(|asked| status["lastHandledReconcileAt"] == **asked);
        let attempted = self.kind != "Kustomization" || self.is_commit(&status["lastAttemptedRevision"]);
        let current = status["observedGeneration"] == object["metadata"]["generation"];
        match condition(object, "Ready").filter(|ready| ready["status"] == "False") {
            Some(ready) if answers && attempted && current => {
                Progress::Stalled(ready["message"].as_str().unwrap_or_default().to_owned())
            }
            _ => Progress::Going,
        }
    }
}

/// Why nobody will ever look at an object that is suspended.
fn suspended(kind: &str, object: &Value) -> Option<String> {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let said = || format!("{kind} '{}/{}' is suspended", text("namespace"), text("name"));
    (object["spec"]["suspend"] == true).then(said)
}

/// What the controller says of an object that is not ready.
fn not_ready(object: &Value) -> Option<&str> {
    condition(object, "Ready").filter(|ready| ready["status"] != "True")?["message"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn object(status: Value) -> Value {
        json!({"metadata": {"generation": 2}, "status": status})
    }

    #[rstest]
    #[case::suspended(json!(true), Some("Kustomization 'a/b' is suspended"))]
    #[case::resumed(json!(false), None)]
    #[case::not_said(json!(null), None)]
    fn what_is_suspended_is_not_waited_for(#[case] suspend: Value, #[case] want: Option<&str>) {
        let object = json!({"metadata": {"namespace": "a", "name": "b"}, "spec": {"suspend": suspend}});
        assert_eq!(suspended("Kustomization", &object).as_deref(), want);
    }

    fn ready(status: &str) -> Value {
        json!([{"type": "Ready", "status": status, "message": "it said"}])
    }

    #[rstest]
    #[case::applied("Kustomization", json!({"lastAppliedRevision": "main@sha1:abc", "conditions": ready("True")}), Progress::Ready)]
    #[case::fetched("GitRepository", json!({"artifact": {"revision": "main@sha1:abc"}, "conditions": ready("True")}), Progress::Ready)]
    #[case::of_before("Kustomization", json!({"lastAppliedRevision": "main@sha1:old", "conditions": ready("True")}), Progress::Going)]
    #[case::failed(
        "Kustomization",
        json!({"observedGeneration": 2, "lastHandledReconcileAt": "now", "lastAttemptedRevision": "main@sha1:abc", "conditions": ready("False")}),
        Progress::Stalled("it said".to_owned())
    )]
    #[case::failed_at_another_commit(
        "Kustomization",
        json!({"observedGeneration": 2, "lastHandledReconcileAt": "now", "lastAttemptedRevision": "main@sha1:old", "conditions": ready("False")}),
        Progress::Going
    )]
    #[case::failed_before_it_was_asked(
        "GitRepository",
        json!({"observedGeneration": 2, "lastHandledReconcileAt": "before", "conditions": ready("False")}),
        Progress::Going
    )]
    #[case::failed_with_another_spec(
        "GitRepository",
        json!({"observedGeneration": 1, "lastHandledReconcileAt": "now", "conditions": ready("False")}),
        Progress::Going
    )]
    #[case::cannot_be_fetched(
        "GitRepository",
        json!({"observedGeneration": 2, "lastHandledReconcileAt": "now", "conditions": ready("False")}),
        Progress::Stalled("it said".to_owned())
    )]
    fn only_what_was_asked_for_counts(#[case] kind: &str, #[case] status: Value, #[case] want: Progress) {
        let seen = Seen { kind, commit: "abc", asked: Some("now".to_owned()) };
        assert_eq!(seen.progress(&object(status)), want);
    }
}
