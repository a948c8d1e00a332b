//! Waiting until an object is as it should be.

use crate::{ApiError, Session, VerbError};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How often the object is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(200);
/// What flux says when time is up.
pub(crate) const DEADLINE: &str = "context deadline exceeded";

/// How far a reconciliation is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The controller works on it, or will.
    Going,
    /// It ended well.
    Ready,
    /// The controller has given up; why.
    Stalled(String),
}

/// The condition of this type.
pub(crate) fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == type_)
}

fn is_true(object: &Value, type_: &str) -> bool {
    condition(object, type_).is_some_and(|condition| condition["status"] == "True")
}

/// How far the reconciliation of a Flux object is, by its generation and conditions.
pub(crate) fn progress(object: &Value) -> Progress {
    let (observed, generation) = (&object["status"]["observedGeneration"], &object["metadata"]["generation"]);
    if !observed.is_null() && observed != generation {
        return Progress::Going;
    }
    if is_true(object, "Reconciling") {
        return Progress::Going;
    }
    if let Some(stalled) = condition(object, "Stalled").filter(|stalled| stalled["status"] == "True") {
        let said = condition(object, "Ready").unwrap_or(stalled);
        return Progress::Stalled(said["message"].as_str().unwrap_or_default().to_owned());
    }
    if is_true(object, "Ready") { Progress::Ready } else { Progress::Going }
}

impl Session {
    /// The object at `path`, as soon as `handled` holds for it and it is ready.
    ///
    /// # Errors
    /// What the controller gave up for; `context deadline exceeded` when the time of the operation is up.
    pub(crate) async fn until_ready(
        &self,
        path: &str,
        handled: impl Fn(&Value) -> bool,
    ) -> Result<Arc<Value>, VerbError> {
        let looking = async {
            loop {
                match self.read(path).await {
                    Ok(object) if handled(&object) => match progress(&object) {
                        Progress::Ready => return Ok(object),
                        Progress::Stalled(message) => return Err(VerbError::Failed(message)),
                        Progress::Going => {}
                    },
                    Ok(_) => {}
                    // A server that goes away for a moment is asked again; one that refuses has decided.
                    Err(ApiError::Unreachable { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                self.clock.sleep(POLL).await;
            }
        };
        let ended = self.clock.timeout(self.left(), looking).await;
        ended.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, progress};
    use rstest::rstest;
    use serde_json::{Value, json};

    fn object(observed: i64, conditions: &[(&str, &str)]) -> Value {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(type_, status)| json!({"type": type_, "status": status, "message": format!("{type_} said")}))
            .collect();
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "conditions": conditions}})
    }

    #[rstest]
    #[case::another_generation_was_looked_at(1, &[("Ready", "True")], Progress::Going)]
    #[case::ready(2, &[("Ready", "True")], Progress::Ready)]
    #[case::it_is_tried_again(2, &[("Ready", "False")], Progress::Going)]
    #[case::at_work(2, &[("Ready", "True"), ("Reconciling", "True")], Progress::Going)]
    #[case::given_up_what_was_there_before(1, &[("Stalled", "True"), ("Ready", "False")], Progress::Going)]
    #[case::given_up(2, &[("Stalled", "True"), ("Ready", "False")], Progress::Stalled("Ready said".to_owned()))]
    #[case::nothing_said_yet(2, &[], Progress::Going)]
    fn conditions_say_how_far_it_is(
        #[case] observed: i64,
        #[case] conditions: &[(&str, &str)],
        #[case] expected: Progress,
    ) {
        assert_eq!(progress(&object(observed, conditions)), expected);
    }
}
