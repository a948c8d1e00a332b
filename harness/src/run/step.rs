//! One step.

use super::world::World;
use super::{commit, expect, flux, forge, git, isolation, manual, sealed, verb};
use crate::plan::{Op, PlannedStep};
use crate::report::Failure;
use jiff::Timestamp;

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(
    world: &mut World,
    step: &PlannedStep,
    started: Timestamp,
) -> Result<Vec<String>, Failure> {
    if !matches!(
        step.op,
        Op::Expect { .. }
            | Op::ExpectCommit { .. }
            | Op::ExpectDeployKey { .. }
            | Op::ExpectIsolated { .. }
            | Op::Advance(_)
    ) {
        world.changing().await?;
    }
    match &step.op {
        Op::AddCluster(cluster) => world.add_cluster(cluster).await.map(|()| Vec::new()).map_err(Into::into),
        Op::Bootstrap { .. } | Op::Reconcile { .. } => {
            flux::play(world, step.line, &step.op).await.map_err(Into::into)
        }
        Op::Verb(_) | Op::Services(_) => verb::play(world, step.line, &step.op).await,
        Op::Commit { .. }
        | Op::Branch { .. }
        | Op::Merge { .. }
        | Op::Revert { .. }
        | Op::Toggle { .. }
        | Op::Push { .. }
        | Op::DeleteTag { .. }
        | Op::SetRegistry { .. } => git::play(world, step.line, &step.op).map_err(Into::into),
        Op::ExpectIsolated { cluster } => isolation::expect(world, cluster.as_deref()).await,
        Op::ExpectCommit { repo, branch, within, wanted } => {
            commit::expect(world, repo, branch, *within, wanted).await
        }
        Op::CreateRepository { .. }
        | Op::AddDeployKey { .. }
        | Op::RemoveDeployKey { .. }
        | Op::ExpectDeployKey { .. } => forge::play(world, &step.op).await.map_err(Into::into),
        Op::Advance(time) => {
            world.clock.sleep(*time).await;
            Ok(Vec::new())
        }
        Op::Apply { .. } | Op::Delete { .. } | Op::Patch { .. } | Op::SetProfile { .. } => {
            manual::play(world, &step.op).await.map_err(Into::into)
        }
        Op::Seal(_) | Op::SealingKeys { .. } => {
            sealed::play(world, step.line, &step.op).await.map_err(Into::into)
        }
        Op::Expect { clusters, timing, check } => {
            expect::play(world, clusters, *timing, check, started).await
        }
    }
}
