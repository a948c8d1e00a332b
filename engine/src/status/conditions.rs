//! Conditions of an object's status. Pure.

use seatrial_api::meta::Condition;
use seatrial_api::meta::condition::{READY, RECONCILING, STALLED};

/// The value of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    True,
    False,
    Unknown,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        }
    }
}

/// The conditions of one object, and what is written into new ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conditions {
    list: Vec<Condition>,
    generation: i64,
    now: String,
}

impl Conditions {
    /// The conditions `list` of an object of this generation; `now` in RFC 3339 stamps what changes.
    pub(crate) fn new(list: Vec<Condition>, generation: i64, now: String) -> Conditions {
        Conditions { list, generation, now }
    }

    /// Sets the time that stamps what changes.
    pub(crate) fn set_now(&mut self, now: String) {
        self.now = now;
    }

    /// Sets a condition. Its time of transition moves only when its value, reason, message or generation changes.
    pub(crate) fn set(&mut self, type_: &str, status: Status, reason: &str, message: impl Into<String>) {
        let mut message: String = message.into();
        if message.len() > 32_000 {
            let end = (0..=32_000).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
            message.truncate(end);
        }
        let mut new = Condition {
            type_: type_.to_owned(),
            status: status.as_str().to_owned(),
            observed_generation: Some(self.generation),
            last_transition_time: self.now.clone(),
            reason: reason.to_owned(),
            message,
        };
        match self.list.iter_mut().find(|condition| condition.type_ == type_) {
            Some(old) => {
                let same = old.status == new.status && old.reason == new.reason && old.message == new.message;
                if same {
                    new.last_transition_time.clone_from(&old.last_transition_time);
                }
                *old = new;
            }
            None => self.list.push(new),
        }
    }

    /// Removes a condition.
    pub(crate) fn remove(&mut self, type_: &str) {
        self.list.retain(|condition| condition.type_ != type_);
    }

    /// The condition of this type.
    pub(crate) fn get(&self, type_: &str) -> Option<&Condition> {
        self.list.iter().find(|condition| condition.type_ == type_)
    }

    /// Whether the condition has this value.
    pub(crate) fn is(&self, type_: &str, status: Status) -> bool {
        self.get(type_).is_some_and(|condition| condition.status == status.as_str())
    }

    /// Marks that a reconcile goes on: Ready is unknown meanwhile, and nothing is stalled.
    pub(crate) fn progressing(&mut self, message: &str) {
        self.set(READY, Status::Unknown, "Progressing", "Reconciliation in progress");
        self.set(RECONCILING, Status::True, "Progressing", message);
        self.remove(STALLED);
    }

    /// Marks a failure that is tried again.
    pub(crate) fn failed(&mut self, reason: &str, message: &str) {
        self.set(READY, Status::False, reason, message);
        self.remove(STALLED);
        if let Some(reconciling) = self.get(RECONCILING).map(|condition| condition.message.clone()) {
            self.set(RECONCILING, Status::True, "ProgressingWithRetry", reconciling);
        }
    }

    /// Marks a failure that only a change of the object can end.
    pub(crate) fn stalled(&mut self, reason: &str, message: &str) {
        self.set(READY, Status::False, reason, message);
        self.set(STALLED, Status::True, reason, message);
        self.remove(RECONCILING);
    }

    /// Marks success.
    pub(crate) fn ready(&mut self, reason: &str, message: &str) {
        self.remove(RECONCILING);
        self.remove(STALLED);
        self.set(READY, Status::True, reason, message);
    }

    /// The conditions in Flux's order: Ready and its companions first, the others by name.
    pub(crate) fn into_list(mut self) -> Vec<Condition> {
        let rank = |type_: &str| match type_ {
            STALLED => 0,
            RECONCILING => 1,
            READY => 2,
            _ => 3,
        };
        self.list.sort_by(|a, b| (rank(&a.type_), &a.type_).cmp(&(rank(&b.type_), &b.type_)));
        self.list
    }
}

/// A time as Kubernetes writes it: RFC 3339, whole seconds, UTC.
pub(crate) fn rfc3339(time: jiff::Timestamp) -> String {
    let seconds = jiff::Timestamp::from_second(time.as_second()).unwrap_or(time);
    seconds.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions() -> Conditions {
        Conditions::new(Vec::new(), 1, "2026-01-01T00:00:00Z".to_owned())
    }

    #[test]
    fn the_time_moves_only_when_something_is_said_anew() {
        let mut all = conditions();
        all.ready("Succeeded", "done");
        all.now = "2026-01-02T00:00:00Z".to_owned();
        all.ready("Succeeded", "done");
        assert_eq!(
            all.get(READY).map(|ready| ready.last_transition_time.as_str()),
            Some("2026-01-01T00:00:00Z")
        );
        all.ready("Succeeded", "done again");
        assert_eq!(
            all.get(READY).map(|ready| ready.last_transition_time.as_str()),
            Some("2026-01-02T00:00:00Z")
        );
    }

    #[test]
    fn a_failure_keeps_what_was_going_on_and_says_that_it_is_retried() {
        let mut all = conditions();
        all.progressing("Building manifests");
        all.failed("BuildFailed", "kustomize build failed");
        let reconciling = all.get(RECONCILING).expect("reconciling");
        assert_eq!(reconciling.reason, "ProgressingWithRetry");
        assert_eq!(reconciling.message, "Building manifests");
        assert!(all.is(READY, Status::False));
    }

    #[test]
    fn success_leaves_ready_alone() {
        let mut all = conditions();
        all.stalled("InvalidPath", "bad");
        all.progressing("again");
        all.ready("Succeeded", "done");
        let types: Vec<String> = all.into_list().into_iter().map(|condition| condition.type_).collect();
        assert_eq!(types, ["Ready"]);
    }
}
