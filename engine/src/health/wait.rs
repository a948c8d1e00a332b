//! Waits until objects are healthy.

use super::cel;
use super::kstatus::{self, Kstatus};
use crate::cluster::{Cluster, ClusterError};
use crate::object::ObjectRef;
use crate::race::first;
use jiff::Timestamp;
use seatrial_api::GoDuration;
use seatrial_api::kustomization::CustomHealthCheck;
use seatrial_time::{Clock, Signal, Stamp};
use std::fmt;
use std::time::Duration;

const POLL: Duration = Duration::from_secs(5);

/// What is waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthTarget {
    /// The objects.
    pub(crate) objects: Vec<ObjectRef>,
    /// Rules for kinds that have none of their own.
    pub(crate) expressions: Vec<CustomHealthCheck>,
}

/// Objects that did not become healthy. The text is Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HealthError {
    /// The time is up.
    #[error("health check failed after {took}: {}", self.cause())]
    Timeout { took: GoDuration, pending: Vec<Pending> },
    /// Objects are stuck: waiting longer would not help.
    #[error("health check failed after {took}: {}", self.cause())]
    Stalled { took: GoDuration, failed: Vec<Pending> },
    /// Something new is there to be reconciled: the result would come too late.
    #[error("health checks canceled due to new reconciliation request")]
    Canceled,
}

impl HealthError {
    /// The message without the time that passed, as the condition `Healthy` has it.
    pub(crate) fn cause(&self) -> String {
        match self {
            HealthError::Timeout { pending, .. } => format!("timeout waiting for: [{}]", list(pending)),
            HealthError::Stalled { failed, .. } => {
                format!("failed early due to stalled resources: [{}]", list(failed))
            }
            HealthError::Canceled => self.to_string(),
        }
    }
}

fn list(objects: &[Pending]) -> String {
    objects.iter().map(Pending::to_string).collect::<Vec<_>>().join(", ")
}

/// An object that is not current.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) who: ObjectRef,
    pub(crate) status: Kstatus,
    /// Why its status is not known.
    pub(crate) error: Option<String>,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} status: '{}'", self.who, self.status)?;
        self.error.iter().try_for_each(|error| write!(f, ": {error}"))
    }
}

/// How to wait.
pub(crate) struct Health<'a> {
    /// The cluster.
    pub(crate) cluster: &'a Cluster,
    /// The clock.
    pub(crate) clock: &'a Clock,
    /// Moves with each change of the cluster, where that is known.
    pub(crate) changes: Option<&'a Signal>,
}

impl Health<'_> {
    /// Returns how long it took until all of `target` was current.
    ///
    /// Looks at once and then every 5 seconds; gives up when `timeout` has passed since `start`, at the first object
    /// that has failed, or as soon as `cancel` is out of date.
    pub(crate) async fn wait(
        &self,
        target: &HealthTarget,
        start: Timestamp,
        timeout: Duration,
        cancel: Option<(&Signal, &Stamp)>,
    ) -> Result<GoDuration, HealthError> {
        let end = start + timeout;
        let took = || {
            let passed = self.clock.now().duration_since(start);
            GoDuration::from_std(Duration::try_from(passed).unwrap_or_default())
        };
        loop {
            let seen: Vec<Stamp> = self.changes.map(Signal::stamp).into_iter().collect();
            let mut pending = Vec::new();
            for who in &target.objects {
                // What cannot be seen now may be seen later: the timeout tells.
                let (status, error) = match self.status(who, target).await {
                    Ok(Kstatus::Current) => continue,
                    Ok(status) => (status, None),
                    Err(error) => (Kstatus::Unknown, Some(error)),
                };
                pending.push(Pending { who: who.clone(), status, error });
            }
            if pending.is_empty() {
                return Ok(took());
            }
            let failed: Vec<_> =
                pending.iter().filter(|pending| pending.status == Kstatus::Failed).cloned().collect();
            if !failed.is_empty() {
                return Err(HealthError::Stalled { took: took(), failed });
            }
            if self.clock.now() >= end {
                return Err(HealthError::Timeout { took: took(), pending });
            }
            let next = (self.clock.now() + POLL).min(end);
            let poll = async {
                // The last look is at the end, whether anything has changed or not.
                first(self.clock.idle(next, POLL, &seen), self.clock.sleep_until(end)).await;
            };
            match cancel {
                None => poll.await,
                Some((wake, woken)) => {
                    first(poll, wake.changed(woken)).await;
                    if !woken.is_current() {
                        return Err(HealthError::Canceled);
                    }
                }
            }
        }
    }

    async fn status(&self, who: &ObjectRef, target: &HealthTarget) -> Result<Kstatus, String> {
        let object = match self.cluster.find(who).await {
            Ok(Some(object)) => object,
            Ok(None) => return Ok(Kstatus::NotFound),
            Err(ClusterError::NoMatch { .. }) => {
                return Err(format!("no matches for kind {:?} in group {:?}", who.kind, who.group));
            }
            Err(error) => return Err(error.to_string()),
        };
        let check = target
            .expressions
            .iter()
            .find(|check| check.api_version == who.api_version() && check.kind == who.kind);
        match check {
            Some(check) => cel::status(check, &object).map_err(|error| error.to_string()),
            None => Ok(kstatus::compute(&object)),
        }
    }
}
