//! The step `expect`.

use super::failure::StepError;
use super::world::World;
use crate::check::{Look, Probe, Target, causes};
use crate::cluster::Handle;
use crate::plan::{Check, Timing};
use crate::report::{Failure, elapsed};
use crate::scenario::Span;
use jiff::Timestamp;
use std::ops::ControlFlow;
use std::time::Duration;

/// Checks each cluster; the first that fails ends the step.
pub(super) async fn play(
    world: &World,
    clusters: &[String],
    timing: Timing,
    check: &Check,
    started: Timestamp,
) -> Result<Vec<String>, Failure> {
    let now = world.clock.now();
    // All clusters have the same time, however long the first one takes.
    let until = |d: Duration| now.checked_add(d).unwrap_or(Timestamp::MAX);
    let commit = match check {
        Check::Revision { repo, branch, .. } => {
            let tip = world.repo(repo).and_then(|repo| Ok(repo.head(branch)?));
            Some(tip.map_err(Failure::from)?.to_string())
        }
        _ => None,
    };
    for name in clusters {
        let cluster = world.cluster(name).map_err(Failure::from)?;
        let probe = Probe::new(check, cluster.flux(), commit.clone())
            .map_err(|error| Failure { message: error.to_string(), ..Failure::default() })?;
        let watch = Watch { world, cluster, probe: &probe, started };
        let result = match timing {
            Timing::Now => watch.within(now, None).await,
            Timing::Within(time) => watch.within(until(time), Some(time)).await,
            Timing::Never(time) => watch.never(until(time)).await,
        };
        if let Err(mut failure) = result {
            if clusters.len() > 1 {
                failure.message = format!("{name}: {}", failure.message);
            }
            failure.chain = chain(world, cluster, probe.target().as_ref()).await;
            return Err(failure);
        }
    }
    Ok(Vec::new())
}

struct Watch<'a> {
    world: &'a World,
    cluster: &'a Handle,
    probe: &'a Probe,
    /// When the scenario began.
    started: Timestamp,
}

impl Watch<'_> {
    async fn look(&self) -> Result<Look, Failure> {
        self.probe
            .look(&self.cluster.objects)
            .await
            .map_err(|error| StepError::api(format!("look at {}", self.cluster.name), &error).into())
    }

    /// Waits until the check holds. It looks again whenever something has changed that it is about.
    async fn within(&self, deadline: Timestamp, given: Option<Duration>) -> Result<(), Failure> {
        loop {
            let position = self.cluster.history.end();
            let look = self.look().await?;
            if look.holds {
                return Ok(());
            }
            if !self.changed_since(position, deadline).await {
                // Something can have changed at the very last moment.
                let look = self.look().await?;
                if look.holds {
                    return Ok(());
                }
                let mut failure =
                    self.probe.explain(&look, &self.cluster.objects, &self.world.redactor).await;
                if let Some(time) = given {
                    failure.message = format!("not within {}: {}", Span(time), failure.message);
                }
                return Err(failure);
            }
        }
    }

    /// Watches that the check does not hold.
    async fn never(&self, deadline: Timestamp) -> Result<(), Failure> {
        let mark = self.world.since.get(&self.cluster.name).copied().unwrap_or_default();
        let mut position = mark.position;
        // As things stand, also if nothing has touched them for long.
        let look = self.look().await?;
        if let Some(object) = look.objects.iter().find(|object| self.probe.holds_of(object)) {
            return Err(self.violation(object, self.world.clock.now()));
        }
        let mut over = false;
        loop {
            let stamp = self.cluster.changes.stamp();
            let mut found = None;
            self.cluster.history.since(position, &mut |past| {
                position = past.position;
                // What was there before the last step is not news, even where it was heard of later.
                let is_news = past.version > mark.version;
                if is_news && !past.deleted && self.probe.holds_of(past.object) {
                    found = Some(self.violation(past.object, past.time));
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
            if let Some(failure) = found {
                return Err(failure);
            }
            if over {
                return Ok(());
            }
            // What happens at the very last moment is looked at once more.
            let left = elapsed(self.world.clock.now(), deadline);
            over = self.world.clock.timeout(left, self.cluster.changes.changed(&stamp)).await.is_err();
        }
    }

    fn violation(&self, object: &serde_json::Value, at: Timestamp) -> Failure {
        let mut failure = self.probe.violated(object, &self.world.redactor);
        failure.message = format!("at {}, {}", Span(elapsed(self.started, at)), failure.message);
        failure
    }

    /// Returns `true` when something has changed that the check is about, `false` at the deadline.
    async fn changed_since(&self, position: u64, deadline: Timestamp) -> bool {
        let mut position = position;
        loop {
            let stamp = self.cluster.changes.stamp();
            let mut concerned = false;
            self.cluster.history.since(position, &mut |past| {
                position = past.position;
                concerned = self.probe.concerns(past.object);
                if concerned { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if concerned {
                return true;
            }
            let left = elapsed(self.world.clock.now(), deadline);
            if left.is_zero()
                || self.world.clock.timeout(left, self.cluster.changes.changed(&stamp)).await.is_err()
            {
                return false;
            }
        }
    }
}

/// From the last commit down to the events.
pub(super) async fn chain(world: &World, cluster: &Handle, target: Option<&Target>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(made) = world.commits.last() {
        lines.push(format!(
            "line {}: commit {} on {} of {}: {}",
            made.line,
            world.shown(&made.repo, made.id),
            made.branch,
            made.repo,
            made.subject
        ));
    }
    lines.extend(causes(&cluster.objects, cluster.flux(), target).await);
    lines
}
