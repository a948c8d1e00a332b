//! When nothing more is going to happen.

use super::objects::{FluxObject, Ready, flux_kinds, flux_objects};
use crate::cluster::Objects;
use jiff::Timestamp;
use seatrial_time::{Clock, Signal};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long nothing new may happen before a cluster is called stuck: longer than the retry intervals and timeouts that
/// people use.
const PATIENCE: Duration = Duration::from_secs(60 * 60);
/// How long everything must stay ready before a cluster is called steady.
const SETTLE: Duration = Duration::from_secs(60);
/// How often a cluster that changes is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// Where a cluster that never stops changing is left.
const LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How a cluster ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// All Flux objects are ready, and stay so.
    Steady,
    /// Something is not ready, and nothing new happens.
    Stuck,
    /// It was still changing after a day of virtual time.
    Restless,
}

/// A cluster in which nothing new happens any more.
pub(crate) struct Settled {
    pub(crate) ending: Ending,
    /// When something new happened last.
    pub(crate) last_news: Timestamp,
    pub(crate) objects: Vec<FluxObject>,
}

/// The part of a Flux object's state that tells progress from repetition.
type Look = (String, bool, Ready, usize);

fn look(objects: &[FluxObject]) -> Vec<Look> {
    objects.iter().map(|o| (o.name.to_string(), o.observed, o.ready.clone(), o.inventory.len())).collect()
}

/// Waits, in virtual time, until the cluster behind `cluster` is steady or stuck.
///
/// `changes` is the cluster's own signal: while it is still, nothing is asked.
///
/// # Errors
/// What the API server answered, where a list failed.
pub(crate) async fn settle(cluster: &Objects, clock: &Clock, changes: &Signal) -> kube::Result<Settled> {
    let start = clock.now();
    let mut last_news = start;
    // A cluster that retries goes round through the same few states: only a state never seen before is news.
    let mut seen: BTreeSet<Vec<Look>> = BTreeSet::new();
    // Kinds seldom come and go: they are asked for again where a definition was applied, and where the wait would end.
    let mut applied = 0;
    let mut kinds = flux_kinds(cluster).await?;
    loop {
        let stamp = changes.stamp();
        let objects = flux_objects(cluster, &kinds).await?;
        let now = clock.now();
        let since = |t| Duration::try_from(now.duration_since(t)).unwrap_or_default();
        if seen.insert(look(&objects)) {
            last_news = now;
        }
        let defined = definitions(&objects);
        if defined != applied {
            applied = defined;
            kinds = flux_kinds(cluster).await?;
        }
        let ready = !objects.is_empty() && objects.iter().all(is_settled);
        let ending = if ready && since(last_news) >= SETTLE {
            Some(Ending::Steady)
        } else if since(last_news) >= PATIENCE {
            Some(Ending::Stuck)
        } else if since(start) >= LIMIT {
            Some(Ending::Restless)
        } else {
            None
        };
        if let Some(ending) = ending {
            let now_served = flux_kinds(cluster).await?;
            if ending == Ending::Restless || now_served == kinds {
                return Ok(Settled { ending, last_news, objects });
            }
            kinds = now_served;
            continue;
        }
        clock.sleep(SAMPLE).await;
        // A still cluster has the same state: wait for a change, but not beyond what ends the wait anyway.
        let left = if ready { SETTLE } else { PATIENCE }.saturating_sub(since(last_news));
        let _ = clock.timeout(left, changes.changed(&stamp)).await;
    }
}

/// How many definitions of kinds have been applied.
fn definitions(objects: &[FluxObject]) -> usize {
    objects.iter().flat_map(|o| &o.inventory).filter(|name| name.kind == "CustomResourceDefinition").count()
}

/// Kinds without a status (alerts, providers from v1beta3) have no `Ready` condition and are as they should be.
fn is_settled(object: &FluxObject) -> bool {
    const WITHOUT_STATUS: [&str; 2] = ["Alert", "Provider"];
    object.suspended
        || WITHOUT_STATUS.contains(&object.name.kind.as_str())
        || (object.observed && object.ready.is_true())
}
