//! How the controllers work: what the flags of Flux's controllers say.

use super::Gate;
use std::time::Duration;

/// How an engine's controllers work. The defaults are those of Flux's controllers; the names of their flags are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverOptions {
    /// At most so many objects of a kind are reconciled at once; the others wait their turn, in the order in which they came due
    /// (`--concurrent`). A reconcile that waits for health keeps its place. Default: none, which is 2 for sources and 4 for all
    /// other kinds. Zero counts as one.
    pub concurrent: Option<usize>,
    /// At most so many requests for objects of one Kustomization are under way at once (`--concurrent-ssa`). Default: 4. Zero counts
    /// as one.
    pub concurrent_ssa: usize,
    /// A label selector: objects of Flux's kinds that it does not match are left to other engines (`--watch-label-selector`), such as
    /// `sharding.fluxcd.io/key=shard1`, or `!sharding.fluxcd.io/key` for the engine that does the rest. Sources of other shards are
    /// read all the same, and their artifacts found where the engines share an [`ArtifactStore`](crate::ArtifactStore).
    /// Default: none, all objects.
    ///
    /// The API server reads it: one that it refuses is logged as a warning, and nothing is reconciled.
    pub selector: Option<String>,
    /// The one namespace whose objects are reconciled (`--watch-all-namespaces=false`). Default: none, all namespaces.
    pub namespace: Option<String>,
    /// Which Deployments have to be ready. Default: none, everything is reconciled whatever is deployed.
    pub gate: Option<Gate>,
    /// How long after its first failure a fetch or a write is tried again; each further failure doubles it
    /// (`--min-retry-delay`). Default: 750 ms.
    pub min_retry_delay: Duration,
    /// The most that it comes to (`--max-retry-delay`). Default: 15 minutes.
    pub max_retry_delay: Duration,
}

impl Default for DriverOptions {
    fn default() -> DriverOptions {
        DriverOptions {
            concurrent: None,
            concurrent_ssa: 4,
            selector: None,
            namespace: None,
            gate: None,
            min_retry_delay: Duration::from_millis(750),
            max_retry_delay: Duration::from_secs(15 * 60),
        }
    }
}

impl DriverOptions {
    /// How many objects of a kind of this API group are reconciled at once.
    pub(crate) fn concurrent(&self, group: &str) -> usize {
        let default = if group == "source.toolkit.fluxcd.io" { 2 } else { 4 };
        self.concurrent.unwrap_or(default).max(1)
    }

    /// How long to wait after that many failures in a row.
    pub(crate) fn delay(&self, failures: u32) -> Duration {
        let factor = 2u32.saturating_pow(failures.saturating_sub(1));
        self.min_retry_delay.saturating_mul(factor).min(self.max_retry_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::first(1, 750)]
    #[case::second(2, 1500)]
    #[case::eleventh(11, 768_000)]
    #[case::longest(12, 900_000)]
    #[case::for_ever(u32::MAX, 900_000)]
    fn failures_in_a_row_are_tried_ever_later(#[case] failures: u32, #[case] milliseconds: u64) {
        assert_eq!(DriverOptions::default().delay(failures), Duration::from_millis(milliseconds));
    }

    #[rstest]
    #[case::sources(None, "source.toolkit.fluxcd.io", 2)]
    #[case::others(None, "kustomize.toolkit.fluxcd.io", 4)]
    #[case::explicit(Some(20), "source.toolkit.fluxcd.io", 20)]
    #[case::zero(Some(0), "source.toolkit.fluxcd.io", 1)]
    fn the_limit_is_that_of_the_kinds_controller(
        #[case] concurrent: Option<usize>,
        #[case] group: &str,
        #[case] expected: usize,
    ) {
        let options = DriverOptions { concurrent, ..DriverOptions::default() };
        assert_eq!(options.concurrent(group), expected);
    }
}
