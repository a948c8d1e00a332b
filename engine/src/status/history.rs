//! The last attempts of a Kustomization. Pure.

use seatrial_api::GoDuration;
use seatrial_api::kustomization::Snapshot;
use std::collections::BTreeMap;

const KEPT: usize = 5;

/// An attempt that has ended.
pub(crate) struct Attempt {
    /// Digest of what was built.
    pub(crate) digest: String,
    /// Reason of the Ready condition.
    pub(crate) status: String,
    /// How long it took.
    pub(crate) took: GoDuration,
    /// The revision that was tried.
    pub(crate) revision: String,
    /// When it ended, in RFC 3339.
    pub(crate) now: String,
}

/// Adds an attempt: to the newest entry where content and result are the same, else as a new one in front.
pub(crate) fn add(history: &mut Vec<Snapshot>, attempt: Attempt) {
    let at = history
        .iter()
        .position(|old| old.digest == attempt.digest && old.last_reconciled_status == attempt.status);
    let (first, total) = match at.map(|at| history.remove(at)) {
        Some(old) => (old.first_reconciled, old.total_reconciliations),
        None => (attempt.now.clone(), 0),
    };
    history.insert(
        0,
        Snapshot {
            digest: attempt.digest,
            first_reconciled: first,
            last_reconciled: attempt.now,
            last_reconciled_duration: attempt.took,
            last_reconciled_status: attempt.status,
            metadata: BTreeMap::from([("revision".to_owned(), attempt.revision)]),
            total_reconciliations: total + 1,
        },
    );
    history.truncate(KEPT);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(digest: &str, status: &str, now: &str) -> Attempt {
        Attempt {
            digest: digest.to_owned(),
            status: status.to_owned(),
            took: GoDuration::from_secs(1),
            revision: "main@sha1:0".to_owned(),
            now: now.to_owned(),
        }
    }

    #[test]
    fn the_same_result_on_the_same_content_is_counted() {
        let mut history = Vec::new();
        add(&mut history, attempt("a", "ReconciliationSucceeded", "1"));
        add(&mut history, attempt("a", "HealthCheckFailed", "2"));
        add(&mut history, attempt("a", "ReconciliationSucceeded", "3"));
        let shown: Vec<_> = history
            .iter()
            .map(|s| {
                (s.last_reconciled_status.as_str(), s.first_reconciled.as_str(), s.total_reconciliations)
            })
            .collect();
        assert_eq!(shown, [("ReconciliationSucceeded", "1", 2), ("HealthCheckFailed", "2", 1)]);
    }

    #[test]
    fn five_entries_are_kept() {
        let mut history = Vec::new();
        for digest in ["a", "b", "c", "d", "e", "f"] {
            add(&mut history, attempt(digest, "ReconciliationSucceeded", "1"));
        }
        let digests: Vec<_> = history.iter().map(|s| s.digest.as_str()).collect();
        assert_eq!(digests, ["f", "e", "d", "c", "b"]);
    }
}
